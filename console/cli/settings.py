"""What the global flags say, for this process, and the engine they lead to.

One object for the whole process: the flags may stand before or after the
command, and whoever prints or asks needs them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from console.i18n import LANGUAGES, _, language_named, speak

if TYPE_CHECKING:
    from console.client import Client
    from core.home import Home


@dataclass(slots=True)
class Settings:
    """Global flags; the defaults are those of a person at a terminal."""

    home: str | None = None
    """Folder given by --home; None means JOBDECK_HOME or the platform's own."""
    no_input: bool = False
    color: str = "auto"
    """auto, always or never."""


settings = Settings()


def reset() -> None:
    """Back to the defaults, for a new command line in the same process."""
    settings.home, settings.no_input, settings.color = None, False, "auto"


def home() -> Home:
    """The home that this command is about."""
    from core.home import Home

    return Home.locate(settings.home, os.environ)


def is_screen() -> bool:
    """Whether there is a screen to draw on and a keyboard to read from, and asking is welcome."""
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return is_terminal and not settings.no_input and os.environ.get("TERM", "dumb") != "dumb"


def may_ask() -> bool:
    """Whether there is a person to answer: a terminal, and no --no-input."""
    return not settings.no_input and sys.stdin.isatty() and sys.stderr.isatty()


@contextmanager
def engine() -> Iterator[Client]:
    """A client of the home's engine, which is started when none runs.

    So it is when one went away a moment after it was found: being restarted fails no command.
    """
    from console.autostart import ensure_engine
    from console.client import Client
    from core.errors import EngineHalted, EngineUnreachable

    place = home()

    def until_back(gone: EngineUnreachable) -> None:
        if isinstance(gone, EngineHalted):
            raise gone
        ensure_engine(place)

    ensure_engine(place)
    with Client.over_socket(place.socket) as client:
        yield client.patient(until_back)


def speak_it(value: str | None) -> None:
    """Take up the language of `--lang`, by any of its names."""
    if value is None:
        return
    if not language_named(value):
        raise typer.BadParameter(_("must be one of {names}").format(names=", ".join(LANGUAGES)))
    speak(language_named(value))
