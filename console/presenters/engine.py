"""How the engine is, as names and values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from console.answers import Engine, HookDoor, SchedulesStatus, Worker
from console.i18n import _, ngettext
from console.presenters import states
from console.presenters.durations import duration, full_time, number, size
from console.presenters.progress import lost_text
from console.presenters.queue import admission_text, status_text
from console.presenters.text import Span, Table, Tone, pairs
from console.presenters.vault import unlocker_word


def status_table(engine: Engine) -> Table:
    """Version, work, storage and keys of a running engine."""
    return pairs(
        (_("engine"), _state(engine.state)),
        (_("version"), engine.version),
        (_("home"), engine.home),
        (_("process"), str(engine.pid)),
        (_("started"), full_time(engine.started_at)),
        (_("up for"), duration(engine.uptime_s)),
        (_("storage"), _refusing(engine.storage_fault)),
        (_("live runs"), number(engine.live_runs)),
        (_("queue"), status_text(engine.queue)),
        (_("starts"), Span(admission_text(engine.queue.admission), Tone.WARNING)),
        (
            _("hosts"),
            _("{running} running, {waiting} waiting").format(
                running=number(engine.targets_running), waiting=number(engine.targets_waiting)
            ),
        ),
        (_("lines"), Span(lost_text(engine.lost_lines), Tone.WARNING)),
        (_("stored runs"), _stored(engine)),
        (_("recovered"), _recovered(engine.recovered_runs, engine.recovery)),
        *((_("worker"), _worker(worker)) for worker in engine.workers),
        (_("host keys"), _pending(engine.pending_host_keys)),
        *((_("channel"), _failing(name, why)) for name, why in engine.failing_channels.items()),
        *((_("source"), _failing(name, why)) for name, why in engine.failing_sources.items()),
        (_("schedules"), _schedules(engine.schedules)),
        *((_("schedule"), _not_run(name, why)) for name, why in engine.schedules.troubled.items()),
        (_("calls"), _calls(engine.hooks)),
        (_("database"), size(engine.database_bytes)),
        (_("search index"), _behind(engine.unindexed_chunks)),
        (_("writes waiting"), number(engine.writes_waiting) if engine.writes_waiting else ""),
        (_("master key"), unlocker_word(engine.unlocker)),
    )


def _state(state: str) -> Span:
    words = {
        "starting": (states.WAITING, _("starting")),
        "running": (states.GOOD, _("running")),
        "stopping": (states.BUSY, _("stopping")),
    }
    (symbol, tone), word = words.get(state, (states.UNKNOWN, state))
    return Span(f"{symbol} {word}", tone)


def _stored(engine: Engine) -> str:
    total = sum(engine.runs.values())
    parts = [f"{number(count)} {states.word(state)}" for state, count in engine.runs.items()]
    return f"{number(total)} ({', '.join(parts)})" if parts else number(total)


def _recovered(count: int, looks: Mapping[str, int]) -> str:
    if not count:
        return ""
    runs = ngettext(
        "{count} run taken up at this start", "{count} runs taken up at this start", count
    ).format(count=number(count))
    parts = [
        words(looks[look]).format(count=number(looks[look]))
        for look, words in _LOOKS.items()
        if looks.get(look)
    ]
    return f"{runs}: {', '.join(parts)}" if parts else runs


_LOOKS: Mapping[str, Callable[[int], str]] = {
    "looking": lambda n: ngettext(
        "{count} host not reached yet", "{count} hosts not reached yet", n
    ),
    "following": lambda n: ngettext("{count} host goes on", "{count} hosts go on", n),
    "started": lambda n: ngettext("{count} host started now", "{count} hosts started now", n),
    "harvested": lambda n: ngettext(
        "{count} host had kept its result", "{count} hosts had kept their result", n
    ),
    "unknown": lambda n: ngettext("{count} host unknown", "{count} hosts unknown", n),
}


def _refusing(fault: str) -> str | Span:
    if not fault:
        return ""
    text = _("{fault}; what runs waits to be recorded, nothing new starts").format(fault=fault)
    return Span(text, Tone.BAD)


def _calls(door: HookDoor) -> str | Span:
    """Where schedules are called from outside."""
    if not door.fault:
        return door.url
    return Span(_("not taken: {fault}").format(fault=door.fault), Tone.BAD)


def _behind(chunks: int) -> str:
    if not chunks:
        return _("complete")
    text = ngettext(
        "follows: {count} part of output to go; searches read it meanwhile",
        "follows: {count} parts of output to go; searches read them meanwhile",
        chunks,
    )
    return text.format(count=number(chunks))


def _worker(worker: Worker) -> str | Span:
    sessions = ngettext("{count} session", "{count} sessions", worker.sessions)
    connections = ngettext("{count} connection", "{count} connections", worker.connections)
    text = _("process {pid}: {sessions}, {connections}").format(
        pid=worker.pid,
        sessions=sessions.format(count=number(worker.sessions)),
        connections=connections.format(count=number(worker.connections)),
    )
    if not worker.restarts:
        return text
    died = _("{count} died in its place: engine.log says why").format(count=number(worker.restarts))
    return Span(f"{text}; {died}", Tone.WARNING)


def _schedules(found: SchedulesStatus) -> str:
    if not found.count:
        return ""
    pieces = [number(found.count)]
    if found.paused:
        pieces.append(
            ngettext("{count} paused", "{count} paused", found.paused).format(
                count=number(found.paused)
            )
        )
    if found.next_at:
        pieces.append(_("next at {time}").format(time=full_time(found.next_at)))
    return _(", ").join(pieces)


def _not_run(name: str, why: str) -> Span:
    text = _("{name} did not run: {reason}").format(name=name, reason=why)
    return Span(text, Tone.WARNING)


def _failing(name: str, why: str) -> Span:
    return Span(_("{name} failed: {reason}").format(name=name, reason=why), Tone.WARNING)


def _pending(count: int) -> str | Span:
    if not count:
        return ""
    text = ngettext(
        "{count} waits for approval: jobdeck hosts keys list",
        "{count} wait for approval: jobdeck hosts keys list",
        count,
    ).format(count=number(count))
    return Span(text, Tone.WARNING)
