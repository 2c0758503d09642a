"""Which version of the product this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def product_version() -> str:
    """The installed version; `unknown` in a tree that was never installed."""
    try:
        return version("jobdeck")
    except PackageNotFoundError:
        return "unknown"
