"""Rolling runs: which targets come in which batch, when, and when it is enough.

`resolve` is the one answer to "who is in batch k": a preview shows it, a plan
keeps it, a run freezes it. Pure: a shuffle and random pauses follow from a seed
that is passed in and kept. When a batch is good, and when it is enough:
`threshold`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from core.domain.names import natural_key
from core.domain.rolling_expression import RollingExpression, parse, wanted_sizes
from core.domain.values import JobName, Value
from core.errors import Invalid, Problem

MAX_BATCHES = 500
ALL_AT_ONCE = "100%"
"""The expression where nobody gives one: a single batch."""

Batches = tuple[tuple[int, ...], ...]
"""Ordinals of the targets of each batch."""

_MAX_FAIL = re.compile(r"[0-9]{1,6}%?")


class Mode(StrEnum):
    """What follows a batch."""

    PAUSE_ON_FAIL = "pause_on_fail"
    """The next one after a good batch; a failed one ends the step, and a retry goes on there."""
    IGNORE_AND_ROLL = "ignore_and_roll"
    """The next one, whatever came of this one."""
    MANUAL = "manual"
    """A person, who lets the next one start."""


class Scope(StrEnum):
    """What `max_fail` counts in."""

    BATCH = "batch"
    TOTAL = "total"


class Order(StrEnum):
    INVENTORY = "inventory"
    """As the targets resolve: names in natural order, or a list as it was given."""
    REVERSE = "reverse"
    SORTED = "sorted"
    REVERSE_SORTED = "reverse_sorted"
    SHUFFLE = "shuffle"


class Stagger(Value):
    """Batches that overlap: each is planned after the one before, whether that has ended or not."""

    fixed_s: float = Field(0, ge=0, le=86400, description="seconds between two batches")
    min_s: float = Field(0, ge=0, le=86400, description="and at least so many at random")
    max_s: float = Field(0, ge=0, le=86400, description="and at most so many at random")

    @model_validator(mode="after")
    def _batches_never_coincide(self) -> Self:
        if self.max_s < self.min_s:
            raise ValueError("`max_s` is below `min_s`; give a range")
        if self.fixed_s + self.min_s <= 0:
            raise ValueError("two batches would start at once; give `fixed_s` or `min_s`")
        return self


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def check_max_fail(text: str) -> str:
    """`text` when it is `N` or `N%`; ValueError otherwise."""
    if not _MAX_FAIL.fullmatch(text) or (text.endswith("%") and int(text[:-1]) > 100):
        raise ValueError("must be a number of hosts, or a share of them such as 10%")
    return text


MaxFail = Annotated[str, BeforeValidator(_as_text), AfterValidator(check_max_fail)]


class Rolling(Value):
    """How a step goes over its targets in batches."""

    batch: RollingExpression | None = Field(
        None,
        description="rolling expression, such as `1 5 20%`; empty: the environment's, else one batch",
    )
    mode: Mode = Field(Mode.PAUSE_ON_FAIL, description="what follows a batch")
    max_fail: MaxFail | None = Field(
        None,
        description="failures that are borne, as N or N%; with more, waiting hosts are left out",
    )
    scope: Scope = Field(Scope.BATCH, description="what `max_fail` counts in")
    min_success: int | None = Field(
        None, ge=1, le=100, description="percentage of a batch, and of the step, that must succeed"
    )
    order: Order = Field(Order.INVENTORY, description="which targets come first")
    rank: str | None = Field(
        None,
        min_length=1,
        max_length=63,
        description="label or variable whose values are done one after the other, never mixed",
    )
    soak_s: float = Field(
        0, ge=0, le=7 * 86400, description="seconds to wait after a good batch, before its check"
    )
    health: JobName | None = Field(
        None, description="job that checks the hosts of each batch; its failure fails the batch"
    )
    stagger: Stagger | None = Field(
        None, description="batches start at planned times and overlap; empty: one after the other"
    )

    @model_validator(mode="after")
    def _settings_fit_the_stagger(self) -> Self:
        if self.stagger is not None:
            if self.mode is Mode.MANUAL:
                raise ValueError("mode manual waits for a person, `stagger` for nobody; drop one")
            if self.soak_s or self.rank is not None:
                raise ValueError("`soak_s` and `rank` belong to batches that do not overlap")
        return self

    def over(self, weaker: Rolling | None) -> Rolling:
        """What is said here, and for the rest what `weaker` says. Raises pydantic's error."""
        said = {} if weaker is None else weaker.model_dump(exclude_unset=True)
        return Rolling.model_validate({**said, **self.model_dump(exclude_unset=True)})

    @property
    def uses_chance(self) -> bool:
        """Whether the batches or their times depend on a seed."""
        random = self.stagger is not None and self.stagger.max_s > self.stagger.min_s
        return self.order is Order.SHUFFLE or random


@dataclass(frozen=True, slots=True)
class Candidate:
    """A target that waits for its place in a batch."""

    ordinal: int
    name: str
    rank: str | None = None
    """The value of the rank attribute; those without one come last."""


def resolve(targets: Sequence[Candidate], rolling: Rolling, seed: str = "") -> Batches:
    """Every target in exactly one batch.

    Raises: Invalid for an expression that cannot be read or makes too many batches.
    """
    expression = rolling.batch or ALL_AT_ONCE
    sizes = wanted_sizes(parse(expression), len(targets))
    batches: list[tuple[int, ...]] = []
    for tier in _tiers(_in_order(targets, rolling.order, seed), by_rank=rolling.rank is not None):
        at = 0
        while at < len(tier):
            if len(batches) == MAX_BATCHES:
                raise _too_many(expression, len(targets))
            size = next(sizes)
            batches.append(tuple(target.ordinal for target in tier[at : at + size]))
            at += size
    return tuple(batches)


def _in_order(targets: Sequence[Candidate], order: Order, seed: str) -> list[Candidate]:
    match order:
        case Order.INVENTORY:
            return list(targets)
        case Order.REVERSE:
            return list(reversed(targets))
        case Order.SORTED | Order.REVERSE_SORTED:
            backwards = order is Order.REVERSE_SORTED
            return sorted(targets, key=lambda target: natural_key(target.name), reverse=backwards)
        case Order.SHUFFLE:
            return sorted(targets, key=lambda target: _digest(seed, target.name))


def _tiers(targets: Sequence[Candidate], *, by_rank: bool) -> list[list[Candidate]]:
    """Targets of equal rank together, ranks in natural order; order inside is kept."""
    if not by_rank:
        return [list(targets)]
    found: dict[str | None, list[Candidate]] = {}
    for target in targets:
        found.setdefault(target.rank, []).append(target)
    ranks = sorted((rank for rank in found if rank is not None), key=natural_key)
    return [found[rank] for rank in (*ranks, None) if rank in found]


def _too_many(expression: str, total: int) -> Invalid:
    return Invalid(
        "the run would have too many batches",
        [
            Problem(
                where="rolling.batch",
                what=f"{expression!r} makes more than {MAX_BATCHES} batches of {total:,} targets",
                hint="larger parts, such as '1%'",
            )
        ],
    )


def fractions(seed: str, count: int) -> tuple[float, ...]:
    """Numbers in [0, 1) that look random and follow from the seed."""
    return tuple(_digest(seed, str(place)) / 2**64 for place in range(count))


def _digest(seed: str, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{text}".encode()).digest()[:8], "big")


def planned_offsets(stagger: Stagger, random: Sequence[float]) -> tuple[float, ...]:
    """Seconds from the step's start to the start of each batch; the first is 0, and they rise.

    `random`: one number in [0, 1) for each batch; the first is not used.
    """
    pauses = (
        stagger.fixed_s + stagger.min_s + (stagger.max_s - stagger.min_s) * chance
        for chance in random[1:]
    )
    return tuple(accumulate(pauses, initial=0.0))[: len(random)]
