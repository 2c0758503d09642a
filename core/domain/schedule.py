"""Schedules and calendars as people define them: when a saved job starts by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    model_validator,
)

from core.domain import expressions
from core.domain.findings import misread
from core.domain.happenings import (
    SAYS,
    AfterSpec,
    ConditionSpec,
    ExpressionText,
    FileSpec,
    JournalSpec,
    WebhookSpec,
)
from core.domain.moments import Moment
from core.domain.patterns import CHANGE
from core.domain.values import CalendarName, FlowName, JobName, Name, TargetText, Value
from core.errors import Invalid
from core.scheduling import cron, monthly, zones

_YEARS = range(2000, 2041)
"""In so many years every day of the month falls on every day of the week."""
_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"


def _text_of_days(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def check_days(text: str) -> str:
    """A day, every year's day, or a range of days; ValueError otherwise."""
    every_year = f"2000-{text}" if re.fullmatch(r"\d{2}-\d{2}", text) else text
    first, dots, last = every_year.partition("..")
    try:
        begins, ends = date.fromisoformat(first), date.fromisoformat(last if dots else first)
    except ValueError:
        hint = "2026-12-25, 2026-12-24..2027-01-02, or 12-25 for every year"
        raise ValueError(f"{text!r} is no day; try {hint}") from None
    if ends < begins:
        raise ValueError(f"the range {text} ends before it begins")
    return text


class CalendarSpec(Value):
    """Days off: schedules that name the calendar start nothing on them."""

    description: str = ""
    days: tuple[Annotated[str, BeforeValidator(_text_of_days), AfterValidator(check_days)], ...] = (
        Field(
            max_length=5000,
            description="2026-12-25, a range 2026-12-24..2027-01-02, or 12-25 for every year",
        )
    )


def check_cron(text: str) -> str:
    """`text` when it is a cron expression; what is wrong with it otherwise, and where."""
    try:
        cron.parse(text)
    except Invalid as error:
        raise misread(error) from None
    return text


def check_month_day(text: str) -> str:
    """ValueError where it names no day of a month."""
    monthly.parse(text)
    return text


def check_zone(text: str) -> str:
    """ValueError where there is no such time zone."""
    zones.zone(text)
    return text


class MonthlySpec(Value):
    """A day of the month and a time."""

    on: Annotated[
        str, Field(coerce_numbers_to_str=True, max_length=40), AfterValidator(check_month_day)
    ] = Field(
        description="`15`, `last`, `second tuesday`, `last working day`; a working day is Monday to"
        " Friday and in no blackout calendar",
    )
    at: Annotated[str, StringConstraints(pattern=_TIME)] = Field(
        description="HH:MM or HH:MM:SS, in the schedule's time zone"
    )
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(
        (), max_length=12, description="1 to 12; empty: every month"
    )

    @model_validator(mode="after")
    def _comes(self) -> Self:
        choose = monthly.parse(self.on)
        months = ((year, month) for year in _YEARS for month in self.months or range(1, 13))
        if not any(choose(*each, lambda _day: False) for each in months):
            raise ValueError(f"none of these months ever has {self.on!r}; try `last`")
        return self


BY_EVENT = ("after", "journal", "webhook", "file", "condition")
_TRIGGERS = ("cron", "every_s", "monthly", "once", "at_start", *BY_EVENT)


class TriggerSpec(Value):
    """When a schedule is due: one of these."""

    cron: Annotated[str, AfterValidator(check_cron)] | None = Field(
        None,
        max_length=200,
        description="5 fields, or 6 with seconds in front; L, W and # as usual, and @daily",
    )
    every_s: int | None = Field(
        None, ge=1, le=366 * 86400, description="seconds from one slot to the next"
    )
    epoch: Moment | None = Field(
        None, description="a slot of `every_s`, from which the others are counted; empty: 1970"
    )
    monthly: MonthlySpec | None = Field(None, description="a day of the month, in words")
    once: Moment | None = Field(None, description="a moment, with its offset from UTC")
    at_start: bool = Field(False, description="whenever the engine has started")
    after: AfterSpec | None = Field(None, description="runs of other jobs and flows have ended")
    journal: JournalSpec | None = Field(None, description="an entry of the journal that fits")
    webhook: WebhookSpec | None = Field(None, description="a call from outside")
    file: FileSpec | None = Field(None, description="a file here that is made or changed")
    condition: ConditionSpec | None = Field(None, description="hosts that are as it says")

    @property
    def kind(self) -> str:
        """Which of them it is, as its field is called."""
        return next(name for name in _TRIGGERS if getattr(self, name))

    @property
    def is_by_event(self) -> bool:
        """Whether its slots are things that happen, and cannot be told beforehand."""
        return self.kind in BY_EVENT

    @model_validator(mode="after")
    def _one_trigger(self) -> Self:
        if len([name for name in _TRIGGERS if getattr(self, name)]) != 1:
            raise ValueError(f"give one of {', '.join(f'`{name}`' for name in _TRIGGERS)}")
        if self.epoch is not None and self.every_s is None:
            raise ValueError("`epoch` belongs to `every_s`")
        return self


class Misfire(StrEnum):
    """What becomes of slots that passed while nobody could start them."""

    SKIP = "skip"
    LAST = "last"
    ALL = "all"


class Overlap(StrEnum):
    """What a due slot does while runs of the schedule go on."""

    SKIP = "skip"
    QUEUE = "queue"
    PARALLEL = "parallel"
    REPLACE = "replace"


class ScheduleSpec(Value):
    """A saved job or flow that starts by itself, once for each slot of its trigger."""

    description: str = ""
    job: JobName | None = Field(
        None, description="the saved job; its revision of that moment is run"
    )
    flow: FlowName | None = Field(None, description="a saved flow, instead of a job")
    parameters: dict[str, Any] = Field(default_factory=dict)
    given: dict[str, ExpressionText] = Field(
        default_factory=dict,
        max_length=50,
        description="parameters by the event, each an expression over what it says: `body.ref`",
    )
    targets: TargetText | None = Field(None, description="target expression; empty: its own")
    change: str | None = Field(
        None, max_length=128, pattern=CHANGE, description="the change number, for guard rails"
    )
    confirm_hosts: int | None = Field(
        None, ge=0, description="the number of hosts, where a guard rail asks to confirm it"
    )
    acknowledge: tuple[Name, ...] = Field(
        (), max_length=100, description="rules for dangerous commands that it is known to meet"
    )
    trigger: TriggerSpec
    time_zone: Annotated[str, AfterValidator(check_zone)] = Field(
        "UTC", max_length=64, description="IANA name, such as Europe/Berlin"
    )
    begins: Moment | None = Field(None, description="no slot before this moment")
    ends: Moment | None = Field(None, description="no slot from this moment on")
    blackout: tuple[CalendarName, ...] = Field(
        (), max_length=20, description="calendars on whose days nothing starts"
    )
    jitter_s: int = Field(
        0, ge=0, le=86400, description="starts up to so many seconds late, always as late per slot"
    )
    misfire: Misfire = Field(
        Misfire.LAST, description="of slots that were missed, start none, the last, or `all`"
    )
    misfire_max: int = Field(10, ge=1, le=100, description="of `misfire: all`: the newest so many")
    grace_s: int = Field(
        86400, ge=1, le=366 * 86400, description="what is later than this is never started"
    )
    overlap: Overlap = Field(
        Overlap.SKIP,
        description="while a run of the schedule goes on: skip, queue, parallel, or replace, which"
        " stops that run first",
    )
    overlap_max: int = Field(
        1, ge=1, le=100, description="of `queue`: that wait; of `parallel`: that go on at once"
    )
    every_nth: int = Field(
        1, ge=1, le=1000, description="of its slots only every so many is started, the first of all"
    )
    quiet: bool = Field(
        False, description="what is missed or refused is on record and calls for no attention"
    )
    enabled: bool = Field(True, description="false: it has no slots")

    @property
    def work(self) -> str:
        """`job/NAME` or `flow/NAME`."""
        return f"flow/{self.flow}" if self.job is None else f"job/{self.job}"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.job is None) == (self.flow is None):
            raise ValueError("give one of `job`, `flow`")
        if self.begins and self.ends and self.ends <= self.begins:
            raise ValueError("`ends` must be later than `begins`")
        if self.jitter_s and self.trigger.is_by_event:
            raise ValueError("`jitter_s` belongs to triggers by time")
        if self.given and not self.trigger.is_by_event:
            raise ValueError("`given` belongs to triggers by events; a time gives nothing")
        for name, text in self.given.items():
            for mistake in expressions.check(text, SAYS[self.trigger.kind]):
                raise ValueError(f"`given.{name}`: {mistake.problem}")
        if self.trigger.after and self.work in self.trigger.after.works:
            raise ValueError(f"{self.work} would start itself for ever")
        return self


def request_of(spec: ScheduleSpec, given: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """What a run of the schedule is asked to do, as fields of a request; `given` by an event."""
    return {
        "job": spec.job,
        "flow": spec.flow,
        "parameters": {**spec.parameters, **(given or {})},
        "targets": spec.targets,
        "change": spec.change,
        "confirm_hosts": spec.confirm_hosts,
        "acknowledge": spec.acknowledge,
    }
