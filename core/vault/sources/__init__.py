"""Secrets that stay outside: read at the moment of their use, and never kept."""

from core.vault.sources.reading import Sources

__all__ = ["Sources"]
