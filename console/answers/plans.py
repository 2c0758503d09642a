"""Dry runs."""

from __future__ import annotations

from typing import Any

from console.answers.base import Answer
from console.answers.dangers import Danger
from console.answers.runs import BatchPlan, Remark


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
    awaits: dict[str, str] = {}
    """Value that it uses -> the earlier step that sets it."""
    carried: Carried | None = None
    settings: dict[str, Any] = {}
    batches: list[BatchPlan] = []


class PlanNode(Answer, frozen=True, kw_only=True):
    """A node of a flow, and where it leads."""

    node: str
    kind: str = ""
    leads_to: list[str] = []
    runs: str = ""
    count: int = 0
    hosts: str = ""
    asks: str = ""
    typical_s: float | None = None


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
    nodes: list[PlanNode] = []
    expected_s: float | None = None
    parameters: dict[str, Any] = {}
    env: dict[str, str] = {}
    secrets: dict[str, str] = {}
    environments: list[EnvironmentTouched] = []
    refusals: list[Remark] = []
    warnings: list[Remark] = []
    confirm_hosts: int | None = None
    dangers: list[Danger] = []
    acknowledge: list[str] = []
    review: list[str] = []
    findings: list[Finding] = []
