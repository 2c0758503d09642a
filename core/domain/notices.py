"""What the journal's entries mean to people, and which channels want to be told. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from core.domain.channel import ChannelSpec, Topic, Want
from core.domain.run import TERMINAL_RUN_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What is known of the run that an entry is about."""

    title: str
    job: str
    """"" for what no saved job is behind."""
    actor: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that people may want to be told."""

    topic: Topic
    state: str
    name: str
    """Of the job, the schedule, the host or the source."""
    subject: str
    """One line."""
    body: str


Teller = Callable[[str, Mapping[str, Any], RunFacts | None], Happening | None]


def _run(run_id: str, data: Mapping[str, Any], run: RunFacts | None) -> Happening | None:
    state = str(data["state"])
    if run is None or state not in TERMINAL_RUN_STATES:
        return None
    counts = ", ".join(f"{count} {state}" for state, count in run.counts.items())
    lines = [f"run {run_id}, started by {run.actor}", counts, str(data.get("reason", ""))]
    return Happening(
        topic=Topic.RUN_ENDED,
        state=state,
        name=run.job,
        subject=f"{run.title}: {state}",
        body="\n".join(line for line in lines if line),
    )


def _approval_waits(run_id: str, data: Mapping[str, Any], run: RunFacts | None) -> Happening:
    escalated = "nobody has decided in time: " if data.get("escalated") else ""
    return Happening(
        topic=Topic.APPROVAL_WAITING,
        state="escalated" if escalated else "open",
        name=run.job if run else "",
        subject=f"{escalated}approval needed: {run.title if run else run_id}",
        body=f"{data.get('message', '')}\njobdeck approvals show {data['approval']}",
    )


def _escalated(run_id: str, data: Mapping[str, Any], run: RunFacts | None) -> Happening:
    return _approval_waits(run_id, {**data, "escalated": True}, run)


def _approval_decided(run_id: str, data: Mapping[str, Any], run: RunFacts | None) -> Happening:
    return Happening(
        topic=Topic.APPROVAL_DECIDED,
        state=str(data["state"]),
        name=run.job if run else "",
        subject=f"{data['state']}: {run.title if run else run_id}",
        body=f"{data.get('reason', '')}\nrun {run_id}, step {data['step']}".strip(),
    )


def _slot(verdict: str) -> Teller:
    def tell(subject: str, data: Mapping[str, Any], _: RunFacts | None) -> Happening:
        name = subject.partition("/")[2]
        return Happening(
            topic=Topic.SCHEDULE_MISSED,
            state=verdict,
            name=name,
            subject=f"schedule {name}: {verdict}",
            body=f"slot {data.get('slot', '')}: {data.get('reason', '')}",
        )

    return tell


def _health(subject: str, data: Mapping[str, Any], _: RunFacts | None) -> Happening:
    name = subject.partition("/")[2]
    return Happening(
        topic=Topic.HOST_HEALTH,
        state=str(data["state"]),
        name=name,
        subject=f"host {name}: {data['state']}",
        body=str(data.get("message", "")),
    )


def _host_key(status: str) -> Teller:
    def tell(_: str, data: Mapping[str, Any], __: RunFacts | None) -> Happening:
        host = str(data.get("host") or data.get("pattern") or "")
        return Happening(
            topic=Topic.HOST_KEY,
            state=status,
            name=host,
            subject=f"key of host {host}: {status}",
            body=str(data.get("fingerprint", "")),
        )

    return tell


def _source(subject: str, data: Mapping[str, Any], _: RunFacts | None) -> Happening:
    name = subject.partition("/")[2]
    return Happening(
        topic=Topic.SOURCE_FAILED,
        state="failed",
        name=name,
        subject=f"inventory source {name} does not answer",
        body=str(data.get("reason", "")),
    )


TELLERS: Mapping[str, Teller] = {
    "run.state": _run,
    "approval.opened": _approval_waits,
    "approval.escalated": _escalated,
    "approval.decided": _approval_decided,
    "schedule.missed": _slot("missed"),
    "schedule.refused": _slot("refused"),
    "host.health": _health,
    "host_key.pending": _host_key("pending"),
    "host_key.approved": _host_key("approved"),
    "host_key.revoked": _host_key("revoked"),
    "source.failed": _source,
}
"""Type of a journal entry -> what it means; entries of other types are told to nobody."""

ABOUT_RUNS = ("run.", "approval.")
"""Beginnings of types whose subject is a run."""


def wanted(channel: ChannelSpec, happening: Happening) -> Want | None:
    """The first of its wants that the happening fits; None where it wants nothing of the kind."""
    return next((want for want in channel.wants if _fits(want, happening)), None)


def _fits(want: Want, happening: Happening) -> bool:
    return (
        want.topic is happening.topic
        and (not want.states or happening.state in want.states)
        and (not want.names or any(fnmatchcase(happening.name, each) for each in want.names))
    )
