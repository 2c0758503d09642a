"""What the API answers, typed: the part of each answer that consoles use.

Fields that are not named here are ignored, so that a console still reads a
newer engine. Times are text in ISO 8601, UTC; `presenters.durations` shows them.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class Page(Answer, Generic[T], frozen=True, kw_only=True):
    """A part of a list; `next_cursor` leads to the next part, None is the end."""

    items: list[T]
    next_cursor: str | None = None
    total: int | None = None


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
    failing_sources: dict[str, str] = {}
    schedules: SchedulesStatus = SchedulesStatus()
    workers: list[Worker] = []


class Kind(Answer, frozen=True, kw_only=True):
    """A kind of document."""

    kind: str
    plural: str
    summary: str = ""


class Document(Answer, frozen=True, kw_only=True):
    """A document as it is stored; secrets are references."""

    kind: str
    name: str
    spec: dict[str, Any]
    labels: dict[str, str] = {}
    revision: int = 0
    created_at: str = ""
    updated_at: str = ""
    updated_by: str = ""

    def body(self) -> dict[str, Any]:
        """What a person would write, and what the API takes back."""
        return {"kind": self.kind, "name": self.name, "labels": self.labels, "spec": self.spec}


class Revision(Answer, frozen=True, kw_only=True):
    """One entry of a document's history."""

    revision: int
    change: str
    at: str
    actor: str


class FieldChange(Answer, frozen=True, kw_only=True):
    """One place that differs between two revisions; a missing side is null."""

    path: str
    before: Any = None
    after: Any = None


class DocumentDiff(Answer, frozen=True, kw_only=True):
    """What changed from one revision of a document to another."""

    changes: list[FieldChange]


class Danger(Answer, frozen=True, kw_only=True):
    """A rule for dangerous commands that something meets."""

    rule: str
    level: str
    message: str = ""
    where: str = ""
    line: int = 1
    column: int = 1
    command: str = ""
    meaning: str = ""
    step: str = ""
    hosts: str = ""
    decision: str = ""
    """What came of it, on a run's record: noted, acknowledged or refused."""
    at: str = ""
    actor: str = ""


class Change(Answer, frozen=True, kw_only=True):
    """What applying does to one document: create, change, unchanged or delete."""

    kind: str
    name: str
    action: str
    diff: list[FieldChange] = []
    dangers: list[Danger] = []
    """Rules for dangerous commands that it meets."""


class Applied(Answer, frozen=True, kw_only=True):
    """The plan of a batch, and whether it was carried out."""

    changes: list[Change]
    applied: bool = False


class Resolved(Answer, frozen=True, kw_only=True):
    """The hosts that a target expression stands for."""

    hosts: list[str]
    count: int
    folded: str = ""


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


class Note(Answer, frozen=True, kw_only=True):
    """A note on a run."""

    at: str
    actor: str
    text: str


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


class Sample(Answer, frozen=True, kw_only=True):
    """The output of one host, standing for its group."""

    host: str
    ordinal: int
    text: str = ""
    truncated: bool = False


class Group(Answer, frozen=True, kw_only=True):
    """Targets with the same state, exit code and (normalised) output."""

    state: str
    count: int
    hosts: str
    """Folded: `web[01-40]`."""
    resolved_by: str = ""
    exit_code: int | None = None
    reason: str = ""
    digest: str = ""
    ordinals: list[int] = []
    sample: Sample | None = None


class Groups(Answer, frozen=True, kw_only=True):
    """All groups of one attempt of one step."""

    step: str
    attempt: int
    groups: list[Group]
    rules: dict[str, bool] = {}


class DiffLine(Answer, frozen=True, kw_only=True):
    """A line of a diff: `same`, `removed` or `added`."""

    kind: str
    text: str


class Diff(Answer, frozen=True, kw_only=True):
    """The lines in which two groups differ."""

    lines: list[DiffLine]
    truncated: bool = False


class HostAnswer(Answer, frozen=True, kw_only=True):
    """How hosts answered in one of two runs that are compared; `state` None: not yet."""

    state: str | None = None
    exit_code: int | None = None


class PairGroup(Answer, frozen=True, kw_only=True):
    """Hosts of one step whose two answers stand to each other in the same way."""

    step: str
    difference: str
    """only_a, only_b, state, exit_code, output or same."""
    a: HostAnswer | None = None
    """None: not a target on this side."""
    b: HostAnswer | None = None
    count: int = 0
    folded: str = ""
    hosts: list[str] = []


class Compared(Answer, frozen=True, kw_only=True):
    """What differs between two runs, or between a plan and a run."""

    definition: list[FieldChange] = []
    counts: dict[str, int] = {}
    """Difference -> number of hosts, all steps together."""
    groups: list[PairGroup] = []


class RunComparison(Compared, frozen=True, kw_only=True):
    """What differs between two runs."""

    a: Run
    b: Run


class Plan(Answer, frozen=True, kw_only=True):
    """One dry run, as lists show it."""

    id: str
    at: str
    actor: str
    level: str
    """plan or probe."""
    state: str
    """probing, ready, cancelled or interrupted."""
    title: str
    origin: str = ""
    digest: str = ""
    target_count: int = 0
    counts: dict[str, int] = {}
    """Target state -> hosts that were probed."""
    run_id: str | None = None


class ContentVerdict(Answer, frozen=True, kw_only=True):
    """Whether a content is what its SHA-256 says; `fault` "": it is."""

    sha256: str
    fault: str = ""


class Taken(Answer, frozen=True, kw_only=True):
    """Files that come from one kind of place."""

    source: str
    files: list[str] = []
    hosts: str = ""


class Carried(Answer, frozen=True, kw_only=True):
    """Which files a step takes where."""

    taken: list[Taken] = []
    to: str = ""


class PlanStep(Answer, frozen=True, kw_only=True):
    """What one step would do, and where."""

    step: str
    kind: str = ""
    count: int = 0
    hosts: str = ""
    accounts: dict[str, str] = {}
    """Account -> hosts, folded; "" is the engine's own user."""
    concurrency: int = 0
    timeout_s: float | None = None
    script: str | None = None
    probed: bool = True
    """Whether a probe says if it could begin; of other steps nobody can tell."""
    checked: bool = False
    """Whether a check tries it without an effect."""
    carried: Carried | None = None
    settings: dict[str, Any] = {}
    batches: list[BatchPlan] = []


class EnvironmentTouched(Answer, frozen=True, kw_only=True):
    """Hosts of one environment and its guard rails; environment "": they belong to none."""

    environment: str
    count: int = 0
    hosts: str = ""
    read_only: bool = False
    confirm: bool = False
    host_cap: int | None = None
    change_required: bool = False


class Facts(Answer, frozen=True, kw_only=True):
    """What a host said about itself."""

    user: str = ""
    interpreters: dict[str, str] = {}
    spool: str = ""
    spool_refusal: str = ""
    free_bytes: int | None = None
    tmp_free_bytes: int | None = None
    skew_s: int | None = None
    setsid: bool = False
    tail: str = ""


class Finding(Answer, frozen=True, kw_only=True):
    """What a probe found out about one host; state success: it is ready."""

    host: str
    state: str
    steps: list[str] = []
    account: str | None = None
    code: str | None = None
    message: str = ""
    notes: list[str] = []
    facts: Facts | None = None
    path: list[str] = []
    stopped_at: str | None = None
    reached_ms: int | None = None
    took_ms: int | None = None
    changes: str = ""


class FactsUsed(Answer, frozen=True, kw_only=True):
    """The facts that the choice of hosts made use of."""

    names: list[str] = []
    oldest_at: str = ""
    hosts: int = 0


class PlanDetail(Plan, frozen=True, kw_only=True):
    """What a start would do."""

    targets: str = ""
    hosts: str = ""
    facts: FactsUsed | None = None
    left_out: dict[str, str] = {}
    steps: list[PlanStep] = []
    parameters: dict[str, Any] = {}
    env: dict[str, str] = {}
    secrets: dict[str, str] = {}
    environments: list[EnvironmentTouched] = []
    refusals: list[Remark] = []
    warnings: list[Remark] = []
    confirm_hosts: int | None = None
    dangers: list[Danger] = []
    acknowledge: list[str] = []
    findings: list[Finding] = []


class PlanComparison(Compared, frozen=True, kw_only=True):
    """A plan and the run that followed, or what would run now (`run_id` None)."""

    plan: Plan
    run_id: str | None = None


class Piece(Answer, frozen=True, kw_only=True):
    """Consecutive output of one stream of one host; bytes that are no text come as base64."""

    offset: int
    stream: str
    at: str = ""
    text: str | None = None
    base64: str | None = None


class OutputPage(Answer, frozen=True, kw_only=True):
    """A part of one target's output."""

    pieces: list[Piece]
    next_offset: int | None = None
    size_bytes: int = 0
    dropped_bytes: int = 0
    removed_bytes: int = 0


class StreamedPiece(Piece, frozen=True, kw_only=True):
    """New output of any target of a run."""

    host: str
    step: str
    attempt: int
    ordinal: int


class Match(Answer, frozen=True, kw_only=True):
    """A line of output that a search found."""

    host: str
    ordinal: int
    step: str
    line: int
    text: str


class RunMatch(Match, frozen=True, kw_only=True):
    """A line of output that a search of all runs found."""

    run: str


class Event(Answer, frozen=True, kw_only=True):
    """A committed entry of the journal."""

    seq: int
    at: str
    actor: str
    type: str
    subject: str
    data: dict[str, Any] = {}


class EventPage(Answer, frozen=True, kw_only=True):
    """A part of the journal; `next` is the `after` of the following part."""

    items: list[Event]
    next: int | None = None


class HostKey(Answer, frozen=True, kw_only=True):
    """A host's key and what was decided about it."""

    id: str
    key_type: str
    fingerprint: str
    status: str
    host: str | None = None
    pattern: str | None = None
    authority: bool = False
    source: str = ""
    first_seen_at: str = ""
    decided_at: str | None = None
    decided_by: str | None = None


class SkippedLine(Answer, frozen=True, kw_only=True):
    """A line of a known_hosts file that was not taken, and why."""

    line: int
    why: str


class KeyImport(Answer, frozen=True, kw_only=True):
    """What an import of a known_hosts file adds."""

    added: list[HostKey] = []
    skipped: list[SkippedLine] = []


class InventoryImport(Answer, frozen=True, kw_only=True):
    """Documents that an inventory stands for, and what could not be taken over."""

    documents: list[dict[str, Any]]
    notices: list[str] = []


class Backup(Answer, frozen=True, kw_only=True):
    """A finished backup."""

    path: str
    size_bytes: int
    integrity: str
    contents_left_out: int = 0


class Unlocker(Answer, frozen=True, kw_only=True):
    """A place that may keep the master key."""

    name: str
    place: str
    in_use: bool


class Vault(Answer, frozen=True, kw_only=True):
    """How the vault is."""

    state: str
    needs_passphrase: bool
    unlocker: str
    key_id: str
    secrets: int
    first_scheme: int
    unlockers: list[Unlocker]


class SealedKey(Answer, frozen=True, kw_only=True):
    """The master key, which only its passphrase opens."""

    text: str


class KeptSecret(Answer, frozen=True, kw_only=True):
    """A document's secret: everything but the secret."""

    owner: str
    created_at: str
    used_at: str | None = None
    used_by: list[str] = []


class Verdict(Answer, frozen=True, kw_only=True):
    """Which secrets open."""

    good: int
    damaged: int
    foreign: int
    owners: list[str]


class Content(Answer, frozen=True, kw_only=True):
    """A file that belongs to jobs, and who refers to it."""

    sha256: str
    size_bytes: int
    added_at: str
    added_by: str
    used_at: str
    used_by: list[str] = []
    runs: int = 0


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


class Gathered(Answer, frozen=True, kw_only=True):
    """How a host answered when it was asked for its facts; state success: they are on record."""

    host: str
    state: str
    code: str | None = None
    message: str = ""
    facts: dict[str, Any] = {}
    changes: list[FieldChange] = []


class FactsSpan(Answer, frozen=True, kw_only=True):
    """A time in which no lasting fact of a host changed."""

    first_at: str
    last_at: str
    changes: list[FieldChange] = []


class HostFacts(Answer, frozen=True, kw_only=True):
    """What is known of a host; `at` None: nothing was ever gathered."""

    host: str
    at: str | None = None
    facts: dict[str, Any] = {}
    history: list[FactsSpan] = []


class Fact(Answer, frozen=True, kw_only=True):
    """A fact that is gathered."""

    name: str
    kind: str
    about: str = ""
    passing: bool = False


class HostHealth(Answer, frozen=True, kw_only=True):
    """Whether a host can be reached: up or down."""

    state: str
    since: str = ""
    checked_at: str = ""
    message: str = ""


class HostMaintenance(Answer, frozen=True, kw_only=True):
    """A time in which a host takes part in no run that does not ask for it."""

    at: str
    until: str | None = None
    actor: str = ""
    reason: str = ""


class HostState(Answer, frozen=True, kw_only=True):
    """What is to be said of a host."""

    host: str
    health: HostHealth | None = None
    maintenance: HostMaintenance | None = None
    vanished_at: str | None = None
    source: str | None = None


class Source(Answer, frozen=True, kw_only=True):
    """An inventory source, and how it answered when it was last asked."""

    source: str
    asked_at: str | None = None
    good_at: str | None = None
    failure: str = ""
    hosts: int = 0
    vanished: int = 0


class HostChange(Answer, frozen=True, kw_only=True):
    """What a refresh does to one host."""

    host: str
    action: str
    why: str = ""
    diff: list[FieldChange] = []


class Refreshed(Answer, frozen=True, kw_only=True):
    """What a refresh found, and did; with a failure nothing was changed."""

    source: str
    failure: str = ""
    changes: list[HostChange] = []
    notices: list[str] = []
    applied: bool = False


class HostSample(Answer, frozen=True, kw_only=True):
    """What is another at every look: load, free memory, free space."""

    at: str
    facts: dict[str, Any] = {}


class Fire(Answer, frozen=True, kw_only=True):
    """What became of a slot of a schedule, or of slots in a row that were not started."""

    slot: str
    last_slot: str
    count: int
    verdict: str
    reason: str = ""
    run_id: str | None = None
    actor: str = ""
    at: str = ""


class Schedule(Answer, frozen=True, kw_only=True):
    """A schedule, and how it is."""

    name: str
    job: str
    owner: str = ""
    enabled: bool = True
    paused_by: str = ""
    pause_reason: str = ""
    next_slot: str | None = None
    last: Fire | None = None


class ForecastSlot(Answer, frozen=True, kw_only=True):
    """A slot that is to come."""

    slot: str
    due_at: str
    local: str
    calendar: str = ""


class Why(Answer, frozen=True, kw_only=True):
    """What became of a slot, or why there is none."""

    schedule: str
    slot: str
    answer: str
    fire: Fire | None = None
