"""Widgets of the terminal UI: each knows how to be looked at and moved in, and no engine."""
