"""SQLite through SQLAlchemy: one writer, many readers, the journal."""
