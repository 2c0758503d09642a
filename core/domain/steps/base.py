"""What every kind of step has, and what each must be able to say about itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, model_validator

from core.domain.access import AccountSpec
from core.domain.captures import OutputRule
from core.domain.command_rules.values import Judged
from core.domain.files.carried import Carried
from core.domain.patterns import FOLDER
from core.domain.priorities import Priority
from core.domain.queueing import Locks
from core.domain.rolling import Rolling
from core.domain.tasks import Task
from core.domain.telling import Telling
from core.domain.values import AccountName, Env, EnvName, Name, ScriptName, TargetText, Value

LAST_TARGETS = frozenset({"LAST_ALL", "LAST_SUCCESS", "LAST_FAIL"})
"""In the place of a target expression: targets of the step before, by how they ended there."""

MAX_PROGRAM_CHARACTERS = 1 << 20
"""Of a command line or a script."""


class Retry(Value):
    """Automatic attempts after a failed one, on the targets that did not succeed."""

    times: int = Field(0, ge=0, le=10)
    delay_s: float = Field(0, ge=0, le=3600, description="before the second attempt")
    backoff: float = Field(1, ge=1, le=10, description="each further delay is this much longer")

    def delay_before(self, attempt: int) -> float:
        """Seconds to wait before `attempt` (2 is the first retry)."""
        return min(float(self.delay_s * self.backoff ** (attempt - 2)), 3600.0)


class Execution(StrEnum):
    """How work is tied to the connection that started it."""

    DETACHED = "detached"
    """The host keeps the work, its output and its exit status: a lost line or engine loses nothing."""
    DIRECT = "direct"
    """The work hangs on its connection: nothing is kept on the host, and a cut leaves it unknown."""


class OnTimeout(StrEnum):
    """What it means that a node took too long."""

    FAIL = "fail"
    SKIP = "skip"
    """It is left as it is, and what follows starts."""


class NodeBase(Value):
    """What every node of a graph has, whether it is a step or not."""

    asks_people: ClassVar[bool] = False
    """While it is under way it waits for a person."""

    name: Name
    retry: Retry = Retry()
    continue_on_error: bool = Field(False, description="a failure is ignored, the next step starts")
    optional: bool = Field(False, description="whoever starts it may leave it out")
    skippable: bool = Field(True, description="an operator may skip it while it waits or hangs")
    ignorable: bool = Field(True, description="an operator may ignore its failure")
    notify: Telling | None = Field(
        None, description="channels that are told how it ended, and that it takes long"
    )


class StepBase(NodeBase):
    """What every kind of step has."""

    access: ClassVar[str | None] = None
    """The kind of access that does it; None: the host's own protocol."""
    collects_outputs: ClassVar[bool] = False
    """What runs is offered a file for its outputs, $JOBDECK_OUTPUT."""
    carries_files: ClassVar[bool] = False
    """It runs nothing of a person's: files go to its targets, or come from them."""

    targets: TargetText | None = Field(
        None,
        description="target expression; empty: the job's. LAST_SUCCESS, LAST_FAIL, LAST_ALL: those"
        " of the step before, by how they ended there",
    )
    timeout_s: float | None = Field(None, gt=0, le=30 * 86400, description="per target")
    on_timeout: OnTimeout = Field(
        OnTimeout.FAIL, description="what follows where it took too long on every target"
    )
    idempotent: bool = Field(False, description="may run again where the outcome is unknown")
    undo: Name | None = Field(
        None, description="the step that takes back what this one did; it runs only for that"
    )
    allow_empty: bool = Field(False, description="matching no host is not a failure")
    run_as: AccountName | None = Field(None, description="account, instead of each host's own")
    locks: Locks = ()
    priority: Priority | None = Field(
        None,
        description="how urgent its targets are at the engine's room (`max_targets`), among those of"
        " all runs; empty: as urgent as its run",
    )
    preemptible: bool = Field(
        False,
        description="while it goes on, a more urgent run may have the run's place: after the step, or"
        " after a batch of it, the run is suspended, holds no lock, and goes on in its turn",
    )
    concurrency: int | None = Field(None, ge=1, le=2000, description="targets at the same time")
    rolling: Rolling | None = Field(None, description="batches; empty: all targets alike")
    execution: Execution = Field(
        Execution.DETACHED, description="whether a host keeps what runs when the connection is lost"
    )
    env: Env = Field(default_factory=dict)
    outputs: OutputRule = Field(
        OutputRule.FAIL, description="when hosts set different values for one output"
    )
    host_outputs: tuple[EnvName, ...] = Field(
        (), description="outputs that stay per host: each host sees its own in later steps"
    )

    @property
    def runs_once(self) -> bool:
        """It runs once, on the engine's own machine, and has no targets."""
        return False

    @property
    def enters_host(self) -> bool:
        """Whether it is done on the host itself, through the host's own protocol."""
        return self.access is None

    @property
    def carried(self) -> Carried | None:
        """Which files go where; None: it carries none."""
        return None

    @property
    def fetched_from(self) -> str | None:
        """Target expression of the hosts whose files it takes to its targets; None: of none."""
        return None

    @property
    def logs_in(self) -> bool:
        """Whether an account is needed, of the host or of what stands there."""
        return not self.runs_once

    def lacks(self, account: AccountSpec) -> str:
        """The field that `account` needs for it and does not have; "" where it has all."""
        return "user" if account.user is None else ""

    @property
    def may_repeat(self) -> bool:
        """Whether it may run again where the outcome is unknown."""
        return self.idempotent

    @property
    def is_detached(self) -> bool:
        """Whether the target is to keep the work."""
        return self.execution is Execution.DETACHED

    def task(self, given: Given) -> Task:
        """What an executor is given to do."""
        raise NotImplementedError

    def rehearsal(self, given: Given) -> Task | None:
        """What can be done to see how it would go, and changes nothing; None: nobody can predict.

        ValueError where a value is missing.
        """
        return None

    def judged(self, given: Given) -> Sequence[Judged]:
        """The texts and paths that rules judge; `given.env` may lack values yet."""
        return ()

    @property
    def begins_in(self) -> str | None:
        """The folder that its commands begin in, where that is known."""
        return None

    def interpreter(self, script: FrozenScript | None) -> str | None:
        """What must be installed on the target; None: nothing."""
        return "sh"

    @property
    def contents_used(self) -> tuple[str, ...]:
        """SHA-256 of every content that it needs."""
        return ()

    def script_used(self) -> ScriptUse | None:
        """The script document that is copied into a run."""
        return None


class ConnectedStep(StepBase):
    """What every kind of step has that hangs on its connection."""

    @model_validator(mode="after")
    def _hangs_on_its_connection(self) -> Self:
        if self.execution is not Execution.DIRECT and "execution" in self.model_fields_set:
            raise ValueError("it hangs on its connection, and no host keeps it; drop `execution`")
        return self

    @property
    def is_detached(self) -> bool:
        return False


class ServiceStep(ConnectedStep):
    """What every kind of step has that speaks to a service, from the engine's own machine."""

    once: bool = Field(False, description="once, instead of once for each target")

    @property
    def runs_once(self) -> bool:
        return self.once


class ProgramStep(StepBase):
    """What every kind of step has that runs a program."""

    cwd: str | None = Field(
        None,
        max_length=1024,
        pattern=FOLDER,
        description="folder that it begins in; empty: the user's home",
    )

    @property
    def begins_in(self) -> str | None:
        return self.cwd


class ScriptUse(Value):
    """A script document: its current revision, or a pinned one."""

    name: ScriptName
    revision: int | None = Field(None, ge=1, description="empty: the revision current at the start")


class FrozenScript(Value):
    """A script document's revision, copied into a run."""

    name: str
    revision: int
    language: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a task is made from, on one target."""

    script: FrozenScript | None
    """The document's that the step uses."""
    env: Mapping[str, str] = field(repr=False)
    """The step's environment there, secrets included."""
    contents: str = ""
    """Folder on the engine's machine that holds contents."""
    staging: str = ""
    """Folder there for what lasts as long as a step."""
    shell: str = "sh"
    """What reads command lines there."""
