"""The schema's history, one revision a file; run by `core.storage.schema`."""
