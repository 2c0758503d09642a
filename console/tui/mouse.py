"""The mouse, which is off at first: then the terminal selects text with it, as hands expect.

WORKAROUND(textual 8.2): whether there is a mouse can only be said when an application starts; its
driver has what turns it on, and turns off at the end what it knows to be on.
"""

from __future__ import annotations

from typing import Any

from textual.app import App


def switch(app: App[Any], *, on: bool) -> None:
    """Let the application have the mouse, or the terminal; nothing where there is no terminal."""
    driver: Any = app._driver
    if not hasattr(driver, "_enable_mouse_support"):
        return
    if not on:
        driver._disable_mouse_support()
    driver._mouse = on
    driver._enable_mouse_support()
