"""Two runs side by side: what they were asked to do, and how each host answered.

Values in, values out. A dry run takes part as a run whose hosts have not answered.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.domain.changes import FieldChange, differences
from core.domain.run import TargetState
from core.domain.targets import fold
from core.flow.definition import RunDefinition

HIDDEN = "***"
"""Stands for a secret of a run: two runs never share one, so only its name is compared."""


_UNCOUNTED = dict.fromkeys(
    ("title", "request", "left_out", "command_rules", "foreseen", "acknowledged", "queueing"), True
)
"""Words, who was away, which dangers were known and let through, and when it may begin: what is done
does not follow from them."""
_OBSERVED = {"__all__": {"facts", "facts_at"}}
"""Of hosts: what was seen of them, and not what is done there."""


class Difference(StrEnum):
    """In what a host's two answers differ: the first that fits, in this order."""

    ONLY_A = "only_a"
    ONLY_B = "only_b"
    STATE = "state"
    EXIT_CODE = "exit_code"
    OUTPUT = "output"
    """The normalised output; see `core.domain.normalising`."""
    SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one host answered in one step, in the step's latest attempt."""

    step: str
    host: str
    state: TargetState | None
    """None: it has not answered, as in a plan; that differs from nothing."""
    exit_code: int | None = None
    digest: str | None = None
    """Of the normalised output; None: not known, and so no difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One host's answers in one step; None on the side that does not have it."""

    step: str
    host: str
    a: Answer | None
    b: Answer | None

    @property
    def difference(self) -> Difference:
        """In what the two differ."""
        a, b = self.a, self.b
        if a is None or b is None:
            return Difference.ONLY_B if a is None else Difference.ONLY_A
        if a.state is None or b.state is None:
            return Difference.SAME
        if a.state != b.state:
            return Difference.STATE
        if a.exit_code != b.exit_code:
            return Difference.EXIT_CODE
        known = a.digest is not None and b.digest is not None
        return Difference.OUTPUT if known and a.digest != b.digest else Difference.SAME


@dataclass(frozen=True, slots=True, kw_only=True)
class PairGroup:
    """Hosts of one step whose two answers stand to each other in the same way."""

    step: str
    difference: Difference
    a: Answer | None
    """Of the first host; the states and exit codes of the others are the same."""
    b: Answer | None
    hosts: tuple[str, ...]


def pairs(a: Iterable[Answer], b: Iterable[Answer]) -> tuple[Pair, ...]:
    """Every host of every step: in the order of `a`, then what only `b` has."""
    left, right = ({(each.step, each.host): each for each in side} for side in (a, b))
    keys = dict.fromkeys([*left, *right])
    return tuple(
        Pair(step=step, host=host, a=left.get((step, host)), b=right.get((step, host)))
        for step, host in keys
    )


def grouped(compared: Iterable[Pair]) -> tuple[PairGroup, ...]:
    """Pairs that differ alike, together: by step, then by `Difference`, the largest first."""
    steps: dict[str, int] = {}
    found: dict[tuple[Any, ...], list[Pair]] = {}
    for pair in compared:
        steps.setdefault(pair.step, len(steps))
        key = (pair.step, pair.difference, _shape(pair.a), _shape(pair.b))
        found.setdefault(key, []).append(pair)
    groups = [
        PairGroup(
            step=members[0].step,
            difference=members[0].difference,
            a=members[0].a,
            b=members[0].b,
            hosts=tuple(pair.host for pair in members),
        )
        for members in found.values()
    ]
    places = list(Difference)
    return tuple(
        sorted(
            groups,
            key=lambda group: (
                steps[group.step], places.index(group.difference), -len(group.hosts)
            ),
        )
    )  # fmt: skip


def _shape(answer: Answer | None) -> tuple[Any, ...] | None:
    return None if answer is None else (answer.state, answer.exit_code)


def definition_changes(a: RunDefinition, b: RunDefinition) -> tuple[FieldChange, ...]:
    """What the two were asked to do differently, place by place; secrets only by name.

    Hosts that only one of them has show in the steps' targets; those of both are compared.
    """
    left, right = _by_name(a), _by_name(b)
    for part in ("hosts", "routes"):
        shared = left[part].keys() & right[part].keys()
        for side in (left, right):
            side[part] = {name: spec for name, spec in side[part].items() if name in shared}
    return differences(left, right)


def digest(definition: RunDefinition) -> str:
    """Tells whether two definitions would do the same: hosts and steps in the same order.

    Title, change number and the texts of the run's secrets do not count, nor do the facts for
    which hosts were chosen: what counts is who was chosen.
    """
    body = definition.model_dump(
        mode="json",
        exclude_defaults=True,
        exclude={**_UNCOUNTED, "change": True, "hosts": _OBSERVED},
    )
    body["secrets"] = sorted(definition.secrets)
    text = json.dumps(body, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _by_name(definition: RunDefinition) -> dict[str, Any]:
    """A definition whose lists are mappings, so that one more host shifts no other.

    Whatever a definition has besides is compared as it is.
    """
    body = definition.model_dump(
        mode="json", exclude={**_UNCOUNTED, "seed": True, "hosts": _OBSERVED}
    )
    steps = body.pop("graph")["nodes"]
    ordinals = body.pop("step_hosts")
    names = [host["name"] for host in body["hosts"]]
    return {
        **body,
        **_ways(definition),
        "steps": {
            step["name"]: {
                **_without(step, "name"),
                "hosts": fold(names[ordinal] for ordinal in ordinals.get(step["name"], ())),
            }
            for step in steps
        },
        "batches": {
            step: [fold(names[ordinal] for ordinal in batch) for batch in batches]
            for step, batches in body["batches"].items()
        },
        "hosts": {host["name"]: _without(host, "name") for host in body["hosts"]},
        "routes": {name: _without(host, "name") for name, host in body["routes"].items()},
        "secrets": dict.fromkeys(body["secrets"], HIDDEN),
    }


def _ways(definition: RunDefinition) -> dict[str, Any]:
    """Where the nodes of a flow lead and when; of a job, whose steps follow each other, their order."""
    graph = definition.graph
    if not definition.origin.startswith("flow/"):
        return {"order": " -> ".join(node.name for node in graph.nodes)}
    edges: dict[str, list[str]] = {}
    for edge in graph.edges:
        edges.setdefault(f"{edge.source} -> {edge.target}", []).append(edge.label or "on success")
    return {
        "edges": {ends: ", ".join(labels) for ends, labels in edges.items()},
        "on_failure": graph.on_failure.value,
    }


def _without(value: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: inner for name, inner in value.items() if name not in names}


def answers_of(definition: RunDefinition) -> Sequence[Answer]:
    """The hosts of every step, none of which has answered."""
    return [
        Answer(step=step.name, host=definition.hosts[ordinal].name, state=None)
        for step in definition.graph.steps
        for ordinal in definition.step_hosts[step.name]
    ]
