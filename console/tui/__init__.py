"""The terminal UI: a client of the engine that may be closed, cut off or killed at any moment."""
