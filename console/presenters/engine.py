"""How the engine is, as names and values."""

from __future__ import annotations

from collections.abc import Mapping

from console.answers import Engine, Worker
from console.i18n import _
from console.presenters import states
from console.presenters.durations import duration, full_time, number, size
from console.presenters.progress import lost_text
from console.presenters.text import Span, Table, Tone, pairs


def status_table(engine: Engine) -> Table:
    """Version, work, storage and keys of a running engine."""
    return pairs(
        (_("engine"), _state(engine.state)),
        (_("version"), engine.version),
        (_("home"), engine.home),
        (_("process"), str(engine.pid)),
        (_("started"), full_time(engine.started_at)),
        (_("up for"), duration(engine.uptime_s)),
        (_("live runs"), number(engine.live_runs)),
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
        (_("database"), size(engine.database_bytes)),
        (_("search index"), _behind(engine.unindexed_chunks)),
        (_("writes waiting"), number(engine.writes_waiting) if engine.writes_waiting else ""),
        (_("master key"), engine.unlocker),
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
    runs = _("{count} runs taken up at this start").format(count=number(count))
    words = {
        "looking": _("{count} hosts not reached yet"),
        "following": _("{count} hosts go on"),
        "started": _("{count} hosts started now"),
        "harvested": _("{count} hosts had kept their result"),
        "unknown": _("{count} hosts unknown"),
    }
    parts = [
        text.format(count=number(looks[look])) for look, text in words.items() if looks.get(look)
    ]
    return f"{runs}: {', '.join(parts)}" if parts else runs


def _behind(chunks: int) -> str:
    if not chunks:
        return _("complete")
    text = _("follows: {count} parts of output to go; searches read them meanwhile")
    return text.format(count=number(chunks))


def _worker(worker: Worker) -> str | Span:
    text = _("process {pid}: {sessions} sessions, {connections} connections").format(
        pid=worker.pid, sessions=number(worker.sessions), connections=number(worker.connections)
    )
    if not worker.restarts:
        return text
    died = _("{count} died in its place: engine.log says why").format(count=number(worker.restarts))
    return Span(f"{text}; {died}", Tone.WARNING)


def _pending(count: int) -> str | Span:
    if not count:
        return ""
    text = _("{count} wait for approval: jobdeck hosts keys list").format(count=number(count))
    return Span(text, Tone.WARNING)
