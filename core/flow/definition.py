"""A run's frozen definition: everything it needs, so that later edits never change it.

Secrets are references; they are opened for the moment of their use.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from core.domain.access import AccountSpec, HostKeyPolicy
from core.domain.command_rules import CommandRuleSpec
from core.domain.inventory import Protocol
from core.domain.patterns import CHANGE
from core.domain.priorities import HostLock, Priority
from core.domain.queueing import Locks, Queueing
from core.domain.rolling import Batches, Rolling
from core.domain.steps import FrozenScript, Step, StepBase
from core.domain.values import Env, EnvName, Name, Secret, SecretRef, Value
from core.domain.windows import WinrmOptions
from core.flow.events import Started
from core.flow.graph import Graph

ADHOC = "adhoc"
ENGINE_HOST = "(engine)"
"""The name under which a local step's single target is recorded; no document can have it."""


class Which(StrEnum):
    """Targets by how they ended in an earlier step."""

    ALL = "LAST_ALL"
    SUCCESS = "LAST_SUCCESS"
    FAIL = "LAST_FAIL"
    STARTED = "STARTED"
    """Those of the step that is undone, whose turn had come."""


class Narrowed(Value):
    """A step that runs on those targets of earlier steps which ended in some way there."""

    steps: tuple[str, ...]
    which: Which


class FrozenWork(Value):
    """What a node runs as a run of its own, as it was when the run started."""

    revision: int | None = None
    """Of its job or flow; None where the step stands in the node."""
    hosts: tuple[str, ...] = ()
    """Names of the hosts that it was known to touch."""


_BESIDES_A_PLAN = frozenset(
    {
        "plan",
        "parameters",
        "secrets",
        "confirm_hosts",
        "change",
        "acknowledge",
        "priority",
        "override",
    }
)
"""What a start from a plan may say: all that the plan itself does not keep."""


class RunRequest(Value):
    """What a person asks for: a saved job, a flow or one step, and where."""

    job: Name | None = None
    flow: Name | None = Field(None, description="a saved flow, instead of a job")
    revision: int | None = Field(
        None, ge=1, description="of the job or the flow; empty: the current one"
    )
    start_at: Name | None = Field(
        None, description="the node to begin with; what comes before it is taken as done"
    )
    without: tuple[Name, ...] = Field(
        (), max_length=500, description="optional nodes that are left out"
    )
    test: bool = Field(False, description="a trial of the work itself; then nodes may be frozen")
    frozen: dict[Name, str] = Field(
        default_factory=dict,
        max_length=500,
        description="node -> id of an earlier run: it is not performed, and has that run's outputs",
    )
    step: Step | None = Field(None, description="an ad-hoc step, instead of a job")
    title: str | None = Field(None, max_length=200)
    targets: str | None = Field(None, description="target expression; empty: the job's")
    hosts: tuple[Name, ...] | None = Field(None, description="exact hosts, instead of `targets`")
    parameters: dict[str, Any] = Field(default_factory=dict)
    secrets: dict[EnvName, Secret] = Field(
        default_factory=dict, description="environment variables of this run that are secret"
    )
    env: Env = Field(default_factory=dict)
    run_as: Name | None = None
    concurrency: int | None = Field(None, ge=1, le=2000)
    timeout_s: float | None = Field(None, gt=0, le=30 * 86400)
    allow_empty: bool = False
    include_away: bool = Field(
        False, description="also hosts that are in maintenance, or that their source has lost"
    )
    confirm_hosts: int | None = Field(
        None, ge=0, description="the number of hosts, where a guard rail asks to confirm it"
    )
    change: str | None = Field(
        None,
        max_length=128,
        pattern=CHANGE,
        description="the change number under which this is done, where a guard rail asks for one",
    )
    rolling: Rolling | None = Field(
        None, description="batches; what is said here is laid over what the steps say"
    )
    seed: str = Field(
        "",
        max_length=64,
        description="what a shuffle and random pauses follow from; empty: a new one",
    )
    priority: Priority | None = Field(None, description="how urgent it is; empty: the job's")
    locks: Locks = ()
    lock_hosts: HostLock | None = Field(
        None,
        description="its hosts are locked against other runs that lock hosts; empty: the job's",
    )
    override: str | None = Field(
        None,
        min_length=1,
        max_length=500,
        description="why it begins although the engine is frozen or drains; kept with the run",
    )

    acknowledge: tuple[Name, ...] = Field(
        (),
        max_length=100,
        description="rules for dangerous commands that whoever starts it knows it meets",
    )
    plan: str | None = Field(
        None,
        max_length=26,
        description="id of a dry run to start from: nothing starts when something else would run"
        " now. It says what and where; give what it does not keep: secrets, `confirm_hosts`",
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        works = sum(each is not None for each in (self.job, self.flow, self.step))
        if works > 1 or (not works and self.plan is None):
            raise ValueError("give one of `job`, `flow`, `step`")
        if not works and (given := self.model_fields_set - _BESIDES_A_PLAN):
            raise ValueError(f"the plan says that already; leave out {', '.join(sorted(given))}")
        if self.targets is not None and self.hosts is not None:
            raise ValueError("give `targets` or `hosts`, not both")
        if self.step is not None and self.parameters:
            raise ValueError("`parameters` belong to a job or a flow; a step takes `env`")
        if self.frozen and not self.test:
            raise ValueError("`frozen` is for tests: say `test` too")
        if self.step is not None and self.frozen:
            raise ValueError("`frozen` belongs to a job or a flow")
        if self.step is not None and (self.revision or self.start_at or self.without):
            raise ValueError("`revision`, `start_at`, `without` belong to a job or a flow")
        return self


class NamedHost(Value, extra="ignore"):
    """A host's name, of all that is known about it."""

    name: str


class FrozenHost(NamedHost, extra="forbid"):
    """A host as it was when the run started."""

    address: str
    port: int = 22
    protocol: Protocol = Protocol.SSH
    account: str | None = None
    """A key of the definition's `accounts`; None only for local hosts."""
    jumps: tuple[str, ...] = ()
    """Keys of the definition's `routes`, in the order in which they are passed."""
    host_key: str | None = None
    host_keys: HostKeyPolicy = HostKeyPolicy.ASK
    environment: str | None = None
    http_networks: tuple[str, ...] = ()
    """The only networks that requests for it may reach; none: no environment says so."""
    spool: str | None = None
    """Folder there that keeps what runs."""
    winrm: WinrmOptions | None = None
    variables: Env = Field(default_factory=dict)
    """Environment's, groups' and host's variables, the nearer to the host the stronger."""
    facts: dict[str, str | int | float | tuple[str, ...]] = Field(default_factory=dict)
    """The facts for which it was chosen, or of which its choice made use."""
    facts_at: str = ""
    """When they were observed; "" where the choice asked for none, or none was known."""

    @property
    def shell(self) -> str:
        """What reads command lines there, unless a step says otherwise."""
        if self.protocol is Protocol.WINRM:
            return (self.winrm or WinrmOptions()).shell.value
        return "sh"


class FrozenRule(Value):
    """A rule for dangerous commands, as its document was when the run started."""

    spec: CommandRuleSpec
    hosts: tuple[int, ...] | None = None
    """Ordinals of the hosts that it concerns; None: all, and what runs on no host."""


class RunOutline(Value, extra="ignore"):
    """The part of a definition that shows a run; how its hosts are reached is left unread.

    That is most of the text of a big run, and takes most of the time to read it.
    """

    graph: Graph
    hosts: tuple[NamedHost, ...]
    """Every target of every step; a target's ordinal is its place here."""
    step_hosts: dict[str, tuple[int, ...]]
    """Step -> ordinals of its targets, in order."""
    batches: dict[str, Batches] = Field(default_factory=dict)
    """Rolling step -> ordinals of the targets of each batch, in the order in which they run."""
    offsets_s: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    """Step -> planned start of each staggered batch, in seconds after the step's own."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    secrets: dict[str, SecretRef] = Field(default_factory=dict)
    """Environment variables whose values are in the vault until the run ends."""
    concurrency: int = 100
    timeout_s: float | None = None
    targets: str = ""
    """The expression or the list that people gave, for the record."""
    queueing: Queueing = Queueing()
    """What it asks of the queue before it begins."""
    is_test: bool = False
    """It was started as a trial of the work itself."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """Hosts that were chosen and are away: why each was left out."""
    narrowed: dict[str, Narrowed] = Field(default_factory=dict)
    """Step -> how earlier steps say which of its targets it runs on."""

    @property
    def batch_counts(self) -> dict[str, int]:
        """Rolling step -> number of its batches."""
        return {step: len(batches) for step, batches in self.batches.items()}


class RunDefinition(RunOutline, extra="forbid"):
    """What a run does, where, as whom and with which values."""

    title: str
    origin: str
    """`adhoc`, `job/NAME@REVISION` or `flow/NAME@REVISION`."""
    hosts: tuple[FrozenHost, ...]
    seed: str = ""
    """What the order and the planned times follow from, where chance has a part in them."""
    routes: dict[str, FrozenHost] = Field(default_factory=dict)
    sources: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Step -> keys of `routes`: hosts whose files it takes to its targets."""
    accounts: dict[str, AccountSpec] = Field(default_factory=dict)
    run_as: dict[str, str] = Field(default_factory=dict)
    """Step -> account, where the step or the request names one."""
    scripts: dict[str, FrozenScript] = Field(default_factory=dict)
    """Step -> the script it uses."""
    env: Env = Field(default_factory=dict)
    change: str = ""
    """The change number under which it is done; "" where nobody gave one."""
    works: dict[str, FrozenWork] = Field(default_factory=dict)
    """Node -> what it runs as runs of their own."""
    command_rules: dict[str, FrozenRule] = Field(default_factory=dict)
    """Documents' rules that concern the run; the built-in ones that none replaces hold too."""
    foreseen: dict[str, tuple[str, ...]] | None = None
    """Step -> rules that it was known to meet when it was let on. None: no rule was asked, so
    none is asked on its targets.
    """
    acknowledged: tuple[str, ...] = ()
    """Rules that whoever started it has acknowledged."""
    reviewed: tuple[str, ...] = ()
    """Rules of which others were asked before it began."""
    request: RunRequest | None = None
    """What was asked for, without secrets and confirmations: another run can begin from it."""

    @property
    def beginning(self) -> Started:
        """The event by which it begins."""
        if self.request is None:
            return Started()
        return Started(at=self.request.start_at or "", left_out=self.request.without)

    @property
    def contents(self) -> frozenset[str]:
        """SHA-256 of every content that its steps name, and that stays while it is on record."""
        return frozenset(used for step in self.graph.steps for used in step.contents_used)

    def account_for(self, step: StepBase, host: FrozenHost) -> str | None:
        """The account on `host` in `step`; None where there is none."""
        return self.run_as.get(step.name, host.account)


def body_of(definition: RunDefinition) -> Mapping[str, Any]:
    """JSON values for storage; references instead of secrets."""
    return definition.model_dump(mode="json", exclude_defaults=True)
