"""What is wrong with an engine, what may become so, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from console.answers import Engine
from console.i18n import _, ngettext
from console.presenters import states
from console.presenters.durations import duration, number, span_of
from console.presenters.progress import lost_text
from console.presenters.queue import admission_text
from console.presenters.text import Column, Span, Table, Tone
from console.sentences import said

_LONG_S = 600.0
"""A run that waits longer than this is worth a look."""
_MANY_WRITES = 1000
"""Writes that wait; the disk does not keep up."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at."""

    sign: states.Sign
    text: str
    advice: str
    opens: str = ""
    """What the command bar would be typed to look at it."""
    typed: str = ""
    """The advice to somebody at a command line; "" where it is the same."""


def findings(engine: Engine, now: datetime) -> list[Finding]:
    """Everything that wants a look, the worst first; nothing where all is well."""
    return [*_broken(engine), *_wanting(engine, now)]


def in_commands(found: Iterable[Finding]) -> list[Finding]:
    """The same, advised to somebody who has a command line and no keys of views."""
    return [replace(each, advice=each.typed or each.advice) for each in found]


def _broken(engine: Engine) -> Iterator[Finding]:
    if engine.storage_fault:
        yield Finding(
            states.BAD,
            _("nothing can be recorded: {reason}").format(reason=said(engine.storage_fault)),
            _("make room on the disk, or look at the owner of the home folder"),
            "engine",
        )
    if engine.unlocker == "locked":
        yield Finding(
            states.BAD,
            _("the vault is locked: work that needs a secret fails"),
            _("`jobdeck vault unlock` opens it"),
            "engine",
        )
    for name, why in engine.failing_sources.items():
        yield Finding(
            states.BAD,
            _("inventory source {name} failed: {reason}").format(name=name, reason=said(why)),
            _("its hosts stay as they were; `jobdeck inventory refresh` asks again"),
            f"document inventory-source/{name}",
        )
    for name, why in engine.failing_channels.items():
        yield Finding(
            states.BAD,
            _("channel {name} failed: {reason}").format(name=name, reason=said(why)),
            _("what is to be told waits and is tried again; `:channels` shows it"),
            "channels",
            _("what is to be told waits and is tried again; `jobdeck channels list` shows it"),
        )
    for name, why in engine.schedules.troubled.items():
        yield Finding(
            states.BAD,
            _("schedule {name} did not run: {reason}").format(name=name, reason=said(why)),
            _("w on its page asks why; s starts it now"),
            f"schedule {name}",
            _("`jobdeck schedules why {name}` says more; `… fire {name}` starts it now").format(
                name=name
            ),
        )


def _wanting(engine: Engine, now: datetime) -> Iterator[Finding]:
    if text := admission_text(engine.queue.admission):
        yield Finding(
            states.PARTLY,
            text,
            _("u lets runs begin again"),
            "queue",
            _("`jobdeck engine unfreeze` lets runs begin again"),
        )
    if engine.pending_host_keys:
        count = engine.pending_host_keys
        text = ngettext("{count} host key waits", "{count} host keys wait", count)
        yield Finding(
            states.UNKNOWN,
            text.format(count=number(count)),
            _("compare fingerprints, then approve; nothing runs on such hosts before"),
            "inventory host-key",
            _("`jobdeck hosts keys list` shows them; nothing runs on such hosts before"),
        )
    if engine.lost_lines.count:
        yield Finding(
            states.PARTLY,
            f"{lost_text(engine.lost_lines)}: {engine.lost_lines.hosts}",
            _("the work there goes on; the engine looks for these hosts"),
            "runs state:running",
        )
    waited_s = span_of(engine.queue.oldest_at, None, now) or 0.0
    if waited_s > _LONG_S:
        text = _("a run has waited for {duration}").format(duration=duration(waited_s))
        yield Finding(
            states.PARTLY,
            text,
            _("its row in the queue says why"),
            "queue",
            _("`jobdeck queue list` says why"),
        )
    if engine.writes_waiting > _MANY_WRITES:
        text = _("{count} writes wait: the disk does not keep up")
        advice = _("look at what else writes to this disk")
        yield Finding(
            states.PARTLY, text.format(count=number(engine.writes_waiting)), advice, "engine"
        )
    for worker in engine.workers:
        if worker.restarts:
            died = _("a worker died {count} times").format(count=number(worker.restarts))
            yield Finding(states.PARTLY, died, _("engine.log in the home says why"), "engine")


def findings_table(found: Sequence[Finding]) -> Table:
    """As rows; a person reads what is wrong, then what to do."""
    good, tone = states.GOOD
    return Table(
        (Column(""), Column("", elastic=True, wraps=True)),
        tuple(
            row
            for each in found
            for row in (
                (Span(each.sign[0], each.sign[1]), Span(each.text)),
                (Span(""), Span(each.advice, Tone.QUIET)),
            )
        )
        or ((Span(good, tone), Span(_("all is well"))),),
    )
