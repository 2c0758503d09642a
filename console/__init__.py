"""Jobdeck's consoles: clients of the one HTTP API."""
