"""Nodes of a flow that are no steps: what splits, joins, waits, asks, and what runs other work.

Each is one class with its fields, and one entry in the union `document.Node`: the API's schema and
the forms follow from it. How a node is performed says `core.runtime.nodes`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from core.domain.approval import ApprovalSpec
from core.domain.flow.texts import Expression, Template
from core.domain.steps import Step
from core.domain.steps.base import NodeBase, OnTimeout
from core.domain.values import ChannelName, EnvName, FlowName, JobName, Lines, TargetText


class Control(NodeBase):
    """A node that does nothing on any host by itself."""

    _shares: ClassVar[bool] = False

    @property
    def shares_outputs(self) -> bool:
        """What it sets are variables of later steps, as a step's outputs are."""
        return self._shares

    @property
    def rolling(self) -> None:
        """It has no targets, so no batches."""
        return None


class Start(Control):
    """Where the flow begins, for those who like to draw it."""

    kind: Literal["start"]


class EndResult(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class End(Control):
    """Where a path ends, and how the run is to be called when it is reached."""

    kind: Literal["end"]
    result: EndResult | None = Field(
        None, description="of the run; empty: by the nodes that it went through"
    )
    message: Template | None = Field(None, description="why, where the run is called failed")


class Note(Control):
    """Words for people; nothing leads to it."""

    kind: Literal["note"]
    text: Lines = Field(max_length=10_000)


class Exclusive(Control):
    """Goes the first way whose condition holds, in the order of the edges, or `otherwise`."""

    kind: Literal["exclusive"]


class Parallel(Control):
    """Goes all ways."""

    kind: Literal["parallel"]


class Inclusive(Control):
    """Goes every way whose condition holds, or `otherwise`."""

    kind: Literal["inclusive"]


class Converge(Control):
    """Joins what was split: waits for all branches that were taken, for any, or for a number."""

    kind: Literal["converge"]
    wait_for: Literal["all", "any"] | Annotated[int, Field(ge=1, le=2000)] = "all"

    @property
    def needed(self) -> int | None:
        """Arrivals after which it begins; None: when all that can arrive has."""
        match self.wait_for:
            case "all":
                return None
            case "any":
                return 1
            case number:
                return int(number)


class SetVariables(Control):
    """Gives variables their values; later nodes see them as outputs."""

    _shares: ClassVar[bool] = True

    kind: Literal["set"]
    variables: dict[EnvName, Expression] = Field(min_length=1, max_length=100)


class Wait(Control):
    """Waits: for some time, until a moment, or until something happens."""

    kind: Literal["wait"]
    for_s: float | None = Field(None, gt=0, le=366 * 86400, description="seconds")
    until: Expression | None = Field(
        None, description='a moment: `time("2027-01-01T00:00:00Z")`; must be ahead when it begins'
    )
    event: Expression | None = Field(
        None, description="holds for an entry of the journal: `event.type = 'run.state' and …`"
    )
    timeout_s: float | None = Field(None, gt=0, le=366 * 86400, description="of `event`")
    on_timeout: OnTimeout = OnTimeout.FAIL

    @model_validator(mode="after")
    def _waits_for_one_thing(self) -> Self:
        if sum(each is not None for each in (self.for_s, self.until, self.event)) != 1:
            raise ValueError("give one of `for_s`, `until`, `event`")
        if self.timeout_s is not None and self.event is None:
            raise ValueError("`timeout_s` belongs to `event`; the others end by themselves")
        return self


class Approval(Control, ApprovalSpec):
    """Asks people, and goes on when enough of them agree; what they fill in are its outputs."""

    asks_people: ClassVar[bool] = True
    _shares: ClassVar[bool] = True

    kind: Literal["approval"]
    message: Template = Field(min_length=1, description="what is to be approved")

    @property
    def asked(self) -> ApprovalSpec:
        """What people are asked, without the place that it has in the flow."""
        said = ApprovalSpec.model_fields.keys() & self.model_fields_set
        return ApprovalSpec(**{name: getattr(self, name) for name in said})

    @model_validator(mode="after")
    def _nobody_is_gone_past(self) -> Self:
        if self.optional or self.continue_on_error:
            raise ValueError("an approval that could be left out or ignored approves nothing")
        return self


class Notify(Control):
    """Tells people over channels."""

    kind: Literal["notify"]
    channels: tuple[ChannelName, ...] = Field(min_length=1, max_length=20)
    subject: Template
    body: Template = ""


class Nested(Control):
    """A node whose work are runs of their own: of a saved job, a flow, or one step."""

    job: JobName | None = Field(None, description="a saved job")
    flow: FlowName | None = Field(None, description="a saved flow")
    step: Step | None = Field(None, description="one step, written here")
    revision: int | None = Field(
        None, ge=1, description="of the job or the flow; empty: the one current at the start"
    )
    targets: TargetText | None = Field(
        None, max_length=4000, description="target expression; empty: that of what is run"
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="values; text may hold `${ expression }`"
    )
    timeout_s: float | None = Field(
        None, gt=0, le=366 * 86400, description="for all of it; what runs then is stopped"
    )
    on_timeout: OnTimeout = OnTimeout.FAIL

    @property
    def work(self) -> tuple[str, str] | None:
        """Kind and name of the document that it runs; None: it holds its step itself."""
        if self.job is not None:
            return "job", self.job
        return None if self.flow is None else ("flow", self.flow)

    @model_validator(mode="after")
    def _one_work(self) -> Self:
        if sum(each is not None for each in (self.job, self.flow, self.step)) != 1:
            raise ValueError("give one of `job`, `flow`, `step`")
        if self.timeout_s is None and "on_timeout" in self.model_fields_set:
            raise ValueError("`on_timeout` belongs to `timeout_s`; give both")
        if self.step is not None and (self.revision or self.parameters):
            raise ValueError("`revision` and `parameters` belong to `job` and `flow`")
        return self


class Call(Nested):
    """Runs a saved job or a flow, and waits for its end; its outputs are the node's."""

    _shares: ClassVar[bool] = True

    kind: Literal["run"]


class ForEach(Nested):
    """Runs the same work for every item, several at a time."""

    kind: Literal["for-each"]
    items: Expression | None = Field(None, description="a list; each run gets one as `$ITEM`")
    hosts: TargetText | None = Field(
        None, max_length=4000, description="target expression: a run for every host, on it"
    )
    item: EnvName = Field("ITEM", description="the parameter or variable that gets the item")
    concurrency: int = Field(10, ge=1, le=200, description="runs at the same time")
    batch: int | None = Field(None, ge=1, le=2000, description="items after which all must be done")
    continue_percent: float = Field(
        100, ge=0, le=100, description="of the items must succeed for it to have succeeded"
    )

    @model_validator(mode="after")
    def _over_one_thing(self) -> Self:
        if (self.items is None) == (self.hosts is None):
            raise ValueError("give `items` or `hosts`, one of the two")
        if self.hosts is not None and self.targets is not None:
            raise ValueError("each run is on its own host; drop `targets`")
        return self


class Loop(Nested):
    """Runs the same work again and again, as long as or until an expression holds."""

    kind: Literal["loop"]
    repeat_while: Expression | None = Field(None, description="asked before each round")
    repeat_until: Expression | None = Field(None, description="asked after each round")
    most: int = Field(ge=1, le=1000, description="rounds; more is a failure")
    delay_s: float = Field(0, ge=0, le=86400, description="between two rounds")

    @model_validator(mode="after")
    def _ends_by_one_thing(self) -> Self:
        if (self.repeat_while is None) == (self.repeat_until is None):
            raise ValueError("give `repeat_while` or `repeat_until`, one of the two")
        return self


class Recorded(Control):
    """Stands for a node that a test does not perform: its outputs are those of an earlier run.

    Nobody writes one; planning puts it in the node's place.
    """

    kind: Literal["recorded"]
    run: str = Field(description="id of the run that the outputs are of")
    outputs: dict[str, Any]
    is_shared: bool

    @property
    def shares_outputs(self) -> bool:
        return self.is_shared
