"""Named places at which a test may break the engine: end it, halt it, slow it, or fail it.

`reach("run.accepted")` says that execution is here. It does nothing (in under 0.1 µs) unless the
process was armed with a plan, such as

    JOBDECK_FAILPOINTS="run.accepted=kill; target.intent.before=kill@3; backup.copied=error:ENOSPC"

An action strikes once: the first time that its point is reached, or the N-th with `@N`.

- `kill`: the process ends at once, as by `kill -9`.
- `stop`: the process halts, as by SIGSTOP, until somebody continues or ends it.
- `error:NAME`: an OSError with that errno is raised.
- `sleep:SECONDS`: the thread that came here waits.

`POINTS` is the only list of names; tests/crash proves that each is reached and kills there.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.errors import Invalid, Problem, nearest

VARIABLE = "JOBDECK_FAILPOINTS"
"""The environment variable with a process's plan."""

POINTS: Mapping[str, str] = {
    "engine.wired": "the home is held and storage is open; nothing was taken up yet",
    "engine.ready": "everything was taken up; the socket does not listen yet",
    "engine.stopping": "the work has ended; storage is still open",
    "storage.group.open": "a group of writes has begun its transaction",
    "storage.write.done": "one write of the group has run; others may follow",
    "storage.group.written": "every write of the group has run; nothing is committed",
    "storage.group.committed": "the group is on disk; nobody was answered",
    "storage.group.answered": "everybody was answered; no follower of the journal was told",
    "journal.told": "the feed knows of a commit; no follower is awake yet",
    "journal.read": "a follower has read entries and not passed them on",
    "documents.planned": "a batch of documents is found good; nothing is written",
    "documents.written": "a batch is written and not committed",
    "documents.applied": "a batch is on disk; its sender was not answered",
    "hostkeys.decided": "a decision on host keys is written and not committed",
    "hostkeys.kept": "a decision is on disk; connections do not follow it yet",
    "hostkeys.seen": "a first key was judged; its record is not on disk",
    "vault.key.kept": "a new master key is kept beside the old one; nothing is sealed with it",
    "vault.rewrapped": "every secret is under the new master key; both are kept",
    "vault.key.alone": "the new master key is kept alone",
    "vault.key.moved": "the master key is kept in another place, and still in the one before",
    "backup.begun": "the draft of a backup exists and is empty",
    "backup.copied": "the draft is complete and unchecked",
    "backup.synced": "the draft is checked and on disk, under its own name",
    "backup.named": "the backup has its name; nobody was answered",
    "content.synced": "a content is on disk under the name of a draft",
    "content.kept": "a content has its place on disk; the database knows nothing of it",
    "content.forgotten": "the database knows nothing of a content; its file is still there",
    "run.planned": "a run is frozen in memory; nothing is written",
    "run.created": "a run is written and not committed",
    "run.accepted": "a run is on disk; nobody drives it and its sender was not answered",
    "run.begun": "a run is driven; its sender was not answered",
    "queue.entered": "a run waits for its turn; its sender was not answered",
    "yield.asking": "a run is to be asked to give way to another one; nothing is stored of it",
    "yield.giving": "that a run gave way is on disk; it is still held here",
    "yield.given": "a run that gave way holds nothing any more; nobody has its place yet",
    "queue.turn": "the turn of a run that waited has come; it has not begun on disk",
    "queue.turn-taken": "a run that waited has begun",
    "run.acting": "somebody asked something of a run; nothing is written",
    "run.acted": "what was asked of a run is on disk; nobody was answered",
    "run.ended": "a run's end is on disk; its driver still stands",
    "run.retry.waiting": "a retry waits for its time",
    "run.retry.due": "a retry's time has come; nothing is written",
    "event.advanced": "the machine took an event; nothing is written",
    "event.kept": "an event is on disk; its commands are not performed",
    "step.opening": "a step is to begin; its targets are not written",
    "step.opened": "a step's targets are on disk, all waiting",
    "step.judged": "all targets of a step have ended; its end and its outputs are not written",
    "batch.written": "what happened on several targets is written and not committed",
    "batch.kept": "what happened on several targets is on disk; none of them goes on yet",
    "target.intent.before": "a target is to be started; nothing is written",
    "target.intent.written": "the intent is written and not committed",
    "target.intent.kept": "the intent is on disk; nothing has left the machine",
    "target.entered": "the target is logged in to; nothing was asked of it",
    "target.output.taken": "output has come; it is in memory alone",
    "target.output.written": "output is written and not committed",
    "target.worked": "the executor has said how it ended; nothing is written",
    "target.end.written": "an end is written and not committed",
    "target.ended": "an end is on disk and counted; nobody was told to forget the claim",
    "target.settling": "the claim is about to be given up",
    "target.settled": "the host was told that it may forget the claim",
    "target.lost": "the line is lost; the host is to be looked for",
    "target.reached-again": "a lost host is logged in to; nothing was asked of it",
    "target.renewing": "a new start is to be made; its id is not on disk",
    "target.renewed": "the id of a new start is on disk; nothing has left the machine",
    "approval.voted": "a vote and what it decides are on disk; nothing follows from it yet",
    "notice.put": "notices are in the outbox with the cursor behind them; none has a message",
    "notice.kept": "messages are on disk under their ids; nothing has left the machine",
    "notice.taken": "the far side has taken a message; nothing is noted",
    "schedule.settling": "slots are due; their verdicts are not written",
    "schedule.settled": "verdicts and cursor are on disk; no run is started",
    "schedule.starting": "a slot is to get its run; nothing of the run is written",
    "schedule.started": "a slot has its run on disk; the next slot is not looked at",
    "ssh.connecting": "an address is known; no socket is open",
    "ssh.connected": "a socket is connected; no handshake has begun",
    "ssh.welcome": "the login has succeeded; nobody uses the connection yet",
    "ssh.requested": "the host has accepted the request to run the work",
    "recovery.begun": "the runs that have not ended are known; none is taken up",
    "recovery.read": "a run's record is read; nothing is decided",
    "recovery.looking": "work that an earlier engine left is to be looked for",
    "recovery.taken-up": "a run is driven again; others may still wait",
}
"""Name -> what holds at that moment."""

_ITEM = re.compile(r"(?P<point>[a-z.-]+)=(?P<action>[a-z]+)(:(?P<detail>[\w.]+))?(@(?P<hit>\d+))?")


def reach(point: str) -> None:
    """Execution is at `point`; when the plan says so, this does not return, or raises."""
    if _armed and (fault := _armed.get(point)) is not None:
        fault.reached()


def arm(plan: str) -> None:
    """Put a plan in force, in the place of the one before; "" disarms.

    Invalid names every item that makes no sense; the plan before then stays.
    """
    global _armed
    faults, problems = dict[str, _Fault](), list[Problem]()
    for item in filter(None, (part.strip() for part in re.split(r"[;,]", plan))):
        try:
            point, fault = _parsed(item)
        except ValueError as error:
            problems.append(Problem(where=item, what=str(error)))
        else:
            faults[point] = fault
    if problems:
        raise Invalid(f"{VARIABLE} is no plan of failures", problems)
    _armed = faults


@dataclass(frozen=True, slots=True)
class _Fault:
    """What happens at one point, and at which hit."""

    strike: Callable[[], None]
    hit: int
    hits: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def reached(self) -> None:
        if next(self.hits) == self.hit:
            self.strike()


_armed: Mapping[str, _Fault] = {}


def _parsed(item: str) -> tuple[str, _Fault]:
    found = _ITEM.fullmatch(item)
    if found is None:
        raise ValueError("is not POINT=ACTION or POINT=ACTION@HIT")
    point, detail = found["point"], found["detail"] or ""
    if point not in POINTS:
        near = nearest(point, list(POINTS))
        raise ValueError(f"there is no such point{f' (did you mean {near}?)' if near else ''}")
    action = _ACTIONS.get(found["action"])
    if action is None:
        raise ValueError(f"there is no action {found['action']} (try {', '.join(_ACTIONS)})")
    return point, _Fault(action(detail), int(found["hit"] or 1))


def _signal(number: int) -> Callable[[str], Callable[[], None]]:
    def action(_detail: str) -> Callable[[], None]:
        return lambda: os.kill(os.getpid(), number)

    return action


def _error(detail: str) -> Callable[[], None]:
    number = getattr(errno, detail, None)
    if not isinstance(number, int):
        raise ValueError(f"there is no errno {detail or '(none given)'} (try error:ENOSPC)")

    def strike() -> None:
        raise OSError(number, os.strerror(number))

    return strike


def _sleep(detail: str) -> Callable[[], None]:
    try:
        seconds = float(detail)
    except ValueError:
        raise ValueError("says no number of seconds (try sleep:0.5)") from None
    return lambda: time.sleep(seconds)


_ACTIONS: Mapping[str, Callable[[str], Callable[[], None]]] = {
    "kill": _signal(getattr(signal, "SIGKILL", signal.SIGTERM)),
    "stop": _signal(getattr(signal, "SIGSTOP", signal.SIGTERM)),
    "error": _error,
    "sleep": _sleep,
}
"""Name -> makes the action from its detail; ValueError for a detail without sense."""
