"""Edges of a flow, as people write them: one line for a path, or for one condition.

    build -> test -> deploy              one after the other
    split -> web, db -> join             to several, and from several
    deploy -> alarm on failure           when it did not succeed
    size -> big if params.count > 10     when an expression holds
    size -> small otherwise              when no other edge of `size` is taken
    check -> page on tag urgent          when its output `tag` says so

A line with a condition has one arrow, so nobody has to guess which one it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator

from core.domain import expressions
from core.domain.caret import Misread, invalid_at
from core.domain.names import name_problem
from core.domain.values import Name, Value

MAX_LINE_CHARACTERS = 4000


class When(StrEnum):
    """The outcome of the source on which an edge is taken."""

    SUCCESS = "success"
    """It succeeded, or its failure is ignored, or it was skipped."""
    FAILURE = "failure"
    """It ended in any other way that is known."""
    ERROR = "error"
    """It could not be done at all: nothing that it started said no."""
    ALWAYS = "always"
    """It ended, and how is known."""


class Edge(Value):
    """From one node to another; taken when the source ends so."""

    source: Name
    target: Name
    when: When = When.SUCCESS
    tag: str | None = Field(None, max_length=128, description="the source's output `tag`")
    condition: str | None = Field(None, max_length=MAX_LINE_CHARACTERS)
    otherwise: bool = False
    """Taken when none of the source's other edges is."""

    @model_validator(mode="after")
    def _one_reason(self) -> Self:
        if self.otherwise and (self.tag, self.condition, self.when) != (None, None, When.SUCCESS):
            raise ValueError("`otherwise` stands alone: it says that nothing else holds")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether it is taken whenever its source ends so."""
        return not (self.tag or self.condition or self.otherwise)

    @property
    def label(self) -> str:
        """What is said of it in pictures and lines; "" where it is taken on success."""
        if self.otherwise:
            return "otherwise"
        said = [] if self.when is When.SUCCESS else [f"on {self.when}"]
        said += [f"on tag {self.tag}"] if self.tag else []
        said += [f"if {self.condition}"] if self.condition else []
        return " ".join(said)

    def __str__(self) -> str:
        return f"{self.source} -> {self.target} {self.label}".rstrip()


_QUALIFIER = re.compile(r"\s(on|if|otherwise)(?=\s|$)")
_ON = re.compile(r"on\s+(tag\s+(?P<tag>\S+)|(?P<when>\S+))\s*")


def parse_edges(text: str) -> tuple[Edge, ...]:
    """The edges of one line; Invalid with a caret under what is wrong."""
    try:
        return tuple(_edges(text))
    except Misread as misread:
        raise invalid_at("the edge cannot be read", text, misread) from None


def _edges(text: str) -> Iterator[Edge]:
    found = _QUALIFIER.search(text, text.find("->"))
    end = found.start() if found else len(text)
    if "->" not in text[:end]:
        raise Misread(end, "an arrow is missing", "such as `build -> test`")
    stages = list(_stages(text[:end]))
    said = {} if found is None else _qualifier(text, found.start() + 1)
    if said and len(stages) > 2:
        raise Misread(
            end + 1, "a condition is about one arrow", "write that edge on a line of its own"
        )
    for sources, targets in pairwise(stages):
        for source in sources:
            for target in targets:
                yield Edge.model_validate({"source": source, "target": target, **said})


def _stages(text: str) -> Iterator[Sequence[str]]:
    """The names between the arrows."""
    start = 0
    for part in text.split("->"):
        names = []
        at = start
        for raw in part.split(","):
            name = raw.strip()
            index = at + len(raw) - len(raw.lstrip())
            if not name:
                raise Misread(min(index, len(text)), "the name of a node is missing")
            if problem := name_problem(name):
                raise Misread(index, problem)
            names.append(name)
            at += len(raw) + 1
        yield names
        start += len(part) + 2


def _qualifier(text: str, index: int) -> dict[str, object]:
    """What is said behind the names, from `index` on."""
    said: dict[str, object] = {}
    if text.startswith("otherwise", index):
        if rest := text[index + len("otherwise") :].strip():
            raise Misread(text.index(rest, index), "nothing follows `otherwise`")
        return {"otherwise": True}
    if text.startswith("on", index):
        found = _ON.match(text, index)
        if found is None:
            raise Misread(len(text), "an outcome is missing", _OUTCOMES)
        if found["tag"]:
            said["tag"] = found["tag"]
        elif found["when"] in {when.value for when in When}:
            said["when"] = found["when"]
        else:
            raise Misread(found.start("when"), f"unknown outcome {found['when']!r}", _OUTCOMES)
        index = found.end()
    if index < len(text) and text[index:].strip():
        found_if = re.compile(r"if(\s+|$)").match(text, index)
        if found_if is None:
            raise Misread(
                index, "expected `if` and an expression", "on failure if nodes.a.code > 2"
            )
        condition = text[found_if.end() :].strip()
        if not condition:
            raise Misread(len(text), "an expression is missing", "such as `params.count > 10`")
        try:
            expressions.parse(condition)
        except expressions.ExpressionFault as fault:
            [problem] = fault.problems
            raise Misread(found_if.end() + fault.index, problem.what, problem.hint) from None
        said["condition"] = condition
    return said


_OUTCOMES = f"one of {', '.join(When)}, or `tag NAME`"
