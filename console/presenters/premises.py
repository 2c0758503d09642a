"""What is wrong around an engine: its home, the machine, the program that asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from console.i18n import _
from console.presenters import states
from console.presenters.doctor import Finding
from console.presenters.durations import size
from console.sentences import said
from core.errors import OpsError

_LEAST_FREE_BYTES = 200_000_000
"""Less may be gone before anybody looks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What can be seen without an engine."""

    home: str
    is_ours: bool = True
    is_open: bool = False
    """Whether others may look into it."""
    free_bytes: int | None = None
    """None where there is no home yet."""
    has_zones: bool = True
    is_held: bool = False
    """Whether a process holds the home that listens to nobody."""
    trouble: OpsError | None = None
    """What of the preferences cannot be."""


def findings_around(premises: Premises) -> Iterator[Finding]:
    """Everything there that wants a look, the worst first."""
    if premises.is_held:
        yield Finding(
            states.BAD,
            _("an engine holds {home} and does not listen").format(home=premises.home),
            _("it starts or ends; where it stays so, engine.log in the home says why"),
        )
    if not premises.is_ours:
        yield Finding(
            states.BAD,
            _("the home folder {home} belongs to somebody else").format(home=premises.home),
            _("choose another with --home or JOBDECK_HOME"),
        )
    if premises.is_open:
        yield Finding(
            states.BAD,
            _("others may look into the home folder {home}").format(home=premises.home),
            _("`chmod 700 {home}` closes it").format(home=premises.home),
        )
    if premises.free_bytes is not None and premises.free_bytes < _LEAST_FREE_BYTES:
        text = _("only {size} are free for {home}")
        yield Finding(
            states.PARTLY,
            text.format(size=size(premises.free_bytes), home=premises.home),
            _("make room on the disk: without any, nothing can be recorded"),
        )
    if not premises.has_zones:
        yield Finding(
            states.PARTLY,
            _("this machine knows no time zones: schedules cannot be read"),
            _("install its package tzdata"),
        )
    if premises.trouble is not None:
        places = "; ".join(str(each) for each in premises.trouble.problems)
        yield Finding(states.PARTLY, said(premises.trouble.message), places)


def silence(error: OpsError) -> Finding:
    """An engine that listens and does not say how it is."""
    return Finding(states.BAD, said(error.message), said(error.hint))


def ages(engine: str, program: str) -> Iterator[Finding]:
    """Versions of an engine and of the program that asks it."""
    if engine != program:
        text = _("the engine is of version {engine}, this program of {program}")
        yield Finding(
            states.PARTLY,
            text.format(engine=engine, program=program),
            _("`jobdeck engine restart` starts the installed one; runs go on"),
        )
