"""SQL statements: how each kind of database is entered, and the attempt itself."""

from core.executors.sql.executor import SqlExecutor

__all__ = ["SqlExecutor"]
