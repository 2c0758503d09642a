"""The terminal UI: a client of the engine on one screen; see console/README.md."""
