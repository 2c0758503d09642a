"""Which output is looked at, as the command bar types it: `RUN [HOST…] [step:NAME] [only:err]`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from console.i18n import _

EVERY_STEP = "*"
STREAMS = ("out", "err", "note")


class BadWanted(Exception):
    """It cannot be read: a sentence for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A part of a run's output."""

    run: str
    """An id, its beginning, or `last`."""
    hosts: tuple[str, ...] = ()
    """Empty: all."""
    step: str = EVERY_STEP
    attempt: int = 0
    """0: the latest; where all steps are meant, every attempt."""
    only: str = ""
    """One stream; "" is all of them."""
    words: str = ""
    """What is looked for at once."""

    def __str__(self) -> str:
        parts = [self.run, *self.hosts]
        parts += [f"step:{self.step}"] if self.step != EVERY_STEP else []
        parts += [f"attempt:{self.attempt}"] if self.attempt else []
        parts += [f"only:{self.only}"] if self.only else []
        parts += [f"/{self.words}"] if self.words else []
        return " ".join(parts)

    def query(self, ordinals: tuple[int, ...]) -> dict[str, Any]:
        """As the API asks for it; `ordinals` are those of the hosts."""
        streams = [self.only] if self.only else []
        return {
            "step": self.step,
            "attempt": self.attempt,
            "ordinal": list(ordinals),
            "streams": streams,
        }

    def cli(self) -> str:
        """The command that prints it; one host, or all of them merged."""
        words = ["jobdeck runs output", self.run]
        if len(self.hosts) != 1:
            return " ".join([*words, "--merged"])
        words += [self.hosts[0]]
        words += [f"--step {self.step}"] if self.step != EVERY_STEP else []
        words += [f"--attempt {self.attempt}"] if self.attempt else []
        words += {"out": ["--stdout"], "err": ["--stderr"]}.get(self.only, [])
        return " ".join(words)


def parse(text: str) -> Wanted:
    """Raises BadWanted."""
    places, slash, words = f" {text}".partition(" /")
    run, *rest = places.split() or [""]
    if not run:
        raise BadWanted(_("name a run: `:output RUN [HOST]`"))
    wanted = Wanted(run, words=words.strip() if slash else "")
    for word in rest:
        name, colon, value = word.partition(":")
        read = _FIELDS.get(name) if colon else None
        if read is None:
            wanted = replace(wanted, hosts=(*wanted.hosts, word))
        else:
            wanted = read(wanted, value)
    return wanted


def _step(wanted: Wanted, value: str) -> Wanted:
    return replace(wanted, step=value or EVERY_STEP)


def _attempt(wanted: Wanted, value: str) -> Wanted:
    if not (value.isascii() and value.isdigit()):
        raise BadWanted(_("attempt:{value} is no number").format(value=value))
    return replace(wanted, attempt=int(value))


def _only(wanted: Wanted, value: str) -> Wanted:
    if value not in STREAMS:
        streams = ", ".join(STREAMS)
        raise BadWanted(
            _("only:{value} is no stream; there are {streams}").format(value=value, streams=streams)
        )
    return replace(wanted, only=value)


_FIELDS: dict[str, Callable[[Wanted, str], Wanted]] = {
    "step": _step,
    "attempt": _attempt,
    "only": _only,
}
