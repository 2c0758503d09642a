"""The first-time tour in words: three steps, from nothing to the output of a first run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.answers import Run
from console.i18n import _
from console.presenters import states
from console.presenters.results import short_id
from console.presenters.text import Column, Line, Span, Table, Tone, line
from core.domain.run import TERMINAL_RUN_STATES

HOST = "this-machine"
"""The host that the tour defines, where there is no local one."""
COMMAND = "uname -a; uptime"
"""What the tour runs, unless a person types something else: it only looks."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do."""

    id: str
    """host, run or output."""
    title: str
    is_done: bool
    is_now: bool
    """Whether it can be done, and nothing before it is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far somebody is."""

    host: str = ""
    """A host that is this machine; "" where none is defined."""
    run: Run | None = None
    """The run of this tour."""
    printed: Sequence[str] = ()
    """Its first lines."""
    has_looked: bool = False

    @property
    def has_run(self) -> bool:
        """Whether the run has ended."""
        return self.run is not None and self.run.state in TERMINAL_RUN_STATES


def steps(at: Standing) -> list[Step]:
    """All three, as they stand."""
    return [
        Step("host", _("make this machine a host"), bool(at.host), not at.host),
        Step("run", _("run a command on it"), at.has_run, bool(at.host) and at.run is None),
        Step("output", _("look at what it printed"), at.has_looked, at.has_run),
    ]


def steps_table(found: Sequence[Step]) -> Table:
    """A sign, a number and a verb for each."""
    return Table(
        columns=(Column("", whole=True), Column(""), Column("", elastic=True)),
        rows=tuple(
            (
                _sign(step),
                Span(f"{number}.", Tone.QUIET),
                Span(step.title, Tone.STRONG if step.is_now else Tone.QUIET),
            )
            for number, step in enumerate(found, start=1)
        ),
    )


def _sign(step: Step) -> Span:
    if step.is_done:
        symbol, tone = states.GOOD
        return Span(f"{symbol} {_('done')}", tone)
    symbol, tone = states.BUSY if step.is_now else states.WAITING
    return Span(f"{symbol} {_('now') if step.is_now else _('later')}", tone)


def welcome_lines() -> list[Line]:
    """What this is, in three lines."""
    return [
        line(Span(_("Welcome to Jobdeck"), Tone.STRONG)),
        line(_("It runs work on many machines at once and keeps the record of it.")),
        line(Span(_("Three steps to a first run: enter does the one that is marked."), Tone.QUIET)),
    ]


def step_lines(step: Step, at: Standing) -> list[Line]:
    """What a step does, and what came of it."""
    words = {"host": _host_lines, "run": _run_lines, "output": _output_lines}
    return words[step.id](at)


def _host_lines(at: Standing) -> list[Line]:
    if at.host:
        return [line(_("The host is called {name}.").format(name=at.host))]
    return [
        line(_("Work goes to hosts. Others are reached by SSH; this machine needs nothing.")),
        line(
            _(
                "Enter defines the host {name}. Nothing else is changed, and it can be deleted like"
                " any document."
            ).format(name=HOST)
        ),
    ]


def _run_lines(at: Standing) -> list[Line]:
    if at.run is None:
        return [
            line(
                _("A run is work on hosts, with a record of who, when, where and what came of it.")
            ),
            line(_("Enter asks for the command, such as {command}.").format(command=COMMAND)),
        ]
    return [line(states.run_state(at.run.state), f"  {short_id(at.run.id)}  {at.run.title}")]


def _output_lines(at: Standing) -> list[Line]:
    if not at.has_run:
        return [line(_("What hosts print is kept, can be searched and compared."))]
    found = [line(Span(text, Tone.BUSY)) for text in at.printed]
    if at.has_looked:
        return [*found, line(""), *next_lines()]
    return [*found, line(_("Enter opens all of it. Esc comes back here."))]


def next_lines() -> list[Line]:
    """Where to go from here."""
    rows = (
        ("1", _("the pulse: what goes on, what failed, what waits for you")),
        (":help running", _("commands and scripts on many hosts")),
        (":help targets", _("how hosts are named, chosen and grouped")),
        (":inventory", _("further hosts")),
        ("?", _("the keys that work now")),
    )
    return [
        line(Span(_("That was a run. What next:"), Tone.STRONG)),
        *(line("  ", Span(f"{key:<16}", Tone.STRONG), text) for key, text in rows),
    ]
