"""Jobdeck's engine: documents, runs, storage and the one HTTP API; it knows no screen and no peer."""
