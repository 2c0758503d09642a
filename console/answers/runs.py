"""Runs: what one would do, how it is, and what people asked of it."""

from __future__ import annotations

from typing import Any

from console.answers.base import Answer
from console.answers.dangers import Danger


class BatchPlan(Answer, frozen=True, kw_only=True):
    """Who would be in one batch; `offset_s` is its planned start after the step's own."""

    batch: int
    count: int
    folded: str
    offset_s: float | None = None


class PreviewStep(Answer, frozen=True, kw_only=True):
    """Where one step would run."""

    step: str
    kind: str = ""
    hosts: list[str] = []
    count: int = 0
    folded: str = ""
    batches: list[BatchPlan] = []


class Preview(Answer, frozen=True, kw_only=True):
    """What a start would do."""

    title: str
    steps: list[PreviewStep] = []
    hosts: int = 0
    confirm_hosts: int | None = None
    acknowledge: list[str] = []
    seed: str = ""


class Run(Answer, frozen=True, kw_only=True):
    """One run, as lists show it."""

    id: str
    title: str
    origin: str
    state: str
    actor: str
    created_at: str
    reason: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    target_count: int = 0
    counts: dict[str, int] = {}
    """Target state -> number, over the latest attempt of every step."""
    change: str = ""
    parent: str | None = None
    priority: str = "normal"
    environments: list[str] = []
    """Those of the hosts that it was known to touch when it started."""
    notes: int = 0


class Remark(Answer, frozen=True, kw_only=True):
    """One thing that is said of a start: why it would be refused, or what is worth knowing."""

    where: str
    what: str
    hint: str = ""


class RunStarted(Run, frozen=True, kw_only=True):
    """A run that was accepted."""

    warnings: list[Remark] = []


class RunRequest(Answer, frozen=True, kw_only=True):
    """What a run was asked to do, ready to be asked again."""

    request: dict[str, Any]
    secrets: list[str] = []
    """Names of the secrets that it was started with; their texts are kept nowhere."""
    origin: str = ""


class Operation(Answer, frozen=True, kw_only=True):
    """One thing that somebody asked of a run."""

    at: str
    actor: str
    action: str
    step: str = ""
    attempt: int = 0
    batch: int | None = None
    targets: list[str] = []
    reason: str = ""
    change: str = ""


class Affected(Answer, frozen=True, kw_only=True):
    """A step or another node that an action is about."""

    step: str
    count: int = 0
    hosts: str = ""


class ActionPreview(Answer, frozen=True, kw_only=True):
    """What an action would do."""

    about: Affected | None = None
    """The step or node that it is about; None: the run as a whole."""
    begins: list[Affected] = []
    ends: list[Affected] = []


class Step(Answer, frozen=True, kw_only=True):
    """One attempt of one step of a run."""

    step: str
    attempt: int
    state: str
    reason: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    counts: dict[str, int] = {}
    outputs: dict[str, Any] = {}


class Batch(Answer, frozen=True, kw_only=True):
    """One batch of a rolling step's newest attempt; `batch` counts from 0."""

    step: str
    batch: int
    of: int
    state: str
    attempt: int = 1
    reason: str = ""
    count: int = 0
    folded: str = ""
    planned_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None


class Hosts(Answer, frozen=True, kw_only=True):
    """Some hosts of a run."""

    count: int = 0
    hosts: str = ""
    """Folded."""


class RunDetail(Run, frozen=True, kw_only=True):
    """One run with its steps and what may be asked of it."""

    steps: list[Step] = []
    batches: list[Batch] = []
    actions: list[str] = []
    direct: Hosts = Hosts()
    """Hosts where no claim could be made, so that the work ran directly."""
    dangers: list[Danger] = []
    definition: dict[str, Any] = {}


class Target(Answer, frozen=True, kw_only=True):
    """One attempt on one host."""

    step: str
    attempt: int
    ordinal: int
    host: str
    state: str
    resolved_by: str = ""
    """Who said that it ended so; "" where the host did."""
    code: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    size_bytes: int = 0
    dropped_bytes: int = 0
