"""HTTP requests: one exchange, whatever lies on its way."""

from core.executors.http.executor import HttpExecutor

__all__ = ["HttpExecutor"]
