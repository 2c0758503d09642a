"""HTTP requests: the guard of where they go, and the exchange itself."""

from core.executors.http.executor import HttpExecutor

__all__ = ["HttpExecutor"]
