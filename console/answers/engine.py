"""The engine, its backups, and what retention removes."""

from __future__ import annotations

from console.answers.base import Answer
from console.answers.queue import QueueStatus


class Worker(Answer, frozen=True, kw_only=True):
    """A process that carries SSH sessions for the engine."""

    pid: int
    sessions: int
    connections: int
    restarts: int


class Lost(Answer, frozen=True, kw_only=True):
    """Hosts whose line is lost, and that are looked for at this moment."""

    count: int = 0
    hosts: str = ""
    """Folded."""
    longest_s: float = 0.0


class SchedulesStatus(Answer, frozen=True, kw_only=True):
    """How the schedules are, in one look."""

    count: int = 0
    paused: int = 0
    next_at: str | None = None
    troubled: dict[str, str] = {}
    """Schedules whose newest slot was missed or refused, and why."""


class HookDoor(Answer, frozen=True, kw_only=True):
    """Where calls of schedules are taken, beside the engine's own socket."""

    url: str = ""
    fault: str = ""


class Engine(Answer, frozen=True, kw_only=True):
    """How the engine is."""

    version: str
    state: str
    pid: int
    home: str
    started_at: str
    uptime_s: float
    runs: dict[str, int] = {}
    live_runs: int = 0
    targets_running: int = 0
    targets_waiting: int = 0
    writes_waiting: int = 0
    storage_fault: str = ""
    """Why nothing can be recorded now; "" where it can."""
    database_bytes: int = 0
    unindexed_chunks: int = 0
    unlocker: str = ""
    recovered_runs: int = 0
    recovery: dict[str, int] = {}
    lost_lines: Lost = Lost()
    pending_host_keys: int = 0
    failing_channels: dict[str, str] = {}
    failing_sources: dict[str, str] = {}
    schedules: SchedulesStatus = SchedulesStatus()
    queue: QueueStatus = QueueStatus()
    hooks: HookDoor = HookDoor()
    workers: list[Worker] = []


class Backup(Answer, frozen=True, kw_only=True):
    """A finished backup."""

    path: str
    size_bytes: int
    integrity: str
    contents_left_out: int = 0


class RetentionRules(Answer, frozen=True, kw_only=True):
    """What the engine's settings say is kept; None narrows nothing."""

    runs_age_s: float | None = None
    runs_count: int | None = None
    output_age_s: float | None = None
    output_bytes: int | None = None
    keep_noted: bool = True
    contents_age_s: float | None = None


class RetentionPreview(Answer, frozen=True, kw_only=True):
    """What would go."""

    rules: RetentionRules
    as_of: str
    digest: str
    runs: int
    outputs: int
    size_bytes: int
    contents: int = 0
    contents_bytes: int = 0
    run_ids: list[str] = []
    output_ids: list[str] = []


class Removed(Answer, frozen=True, kw_only=True):
    """What a retention removed."""

    runs: int
    outputs: int
    size_bytes: int
    contents: int = 0
    contents_bytes: int = 0
