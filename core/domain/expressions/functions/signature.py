"""How a function is declared: its signature as people read it, one sentence, examples, its work.

    Function("split", "text: string, separator: string", "list", "the parts between separators")

A parameter is `name: kinds`, where kinds are joined by `|` and `any` is all of them. `name?` may
be left out, `name...` may be given any number of times. The kinds `condition` and `value` are not
worked out once but for every element of the list before them, and may be written behind `where`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.domain.expressions.values import Kind

ANY: frozenset[Kind] = frozenset(Kind) - {Kind.SECRET}
"""What a parameter of kind `any` takes: nothing looks at a secret."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function."""

    name: str
    kinds: frozenset[Kind]
    """Empty where it is worked out for every element."""
    is_optional: bool = False
    is_rest: bool = False
    is_condition: bool = False
    """Whether it is true or false for every element."""

    @property
    def is_each(self) -> bool:
        return not self.kinds


@dataclass(frozen=True)
class Function:
    """A function of the language. `work(budget, *arguments)` makes its value, or raises Refusal."""

    name: str
    signature: str
    gives: str
    """The kind of its value, or `any`; `same`: like its first argument; `item`: like an element of
    it; `each`: a list of what comes out for each.
    """
    about: str
    """A sentence without its full stop."""
    work: Callable[..., Any]
    examples: tuple[tuple[str, str], ...] = ()
    """Expressions, and the expressions that they are equal to."""

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(_parameter(part) for part in self.signature.split(", ") if part)

    @property
    def least(self) -> int:
        """How many arguments it needs."""
        return sum(not (each.is_optional or each.is_rest) for each in self.parameters)

    @property
    def most(self) -> int | None:
        """How many it takes; None: any number."""
        return None if self.parameters[-1].is_rest else len(self.parameters)

    @property
    def each(self) -> Parameter | None:
        """The parameter that is worked out for every element; always the second."""
        return next((found for found in self.parameters if found.is_each), None)

    def parameter(self, place: int) -> Parameter:
        """The one that takes the argument at `place`, from 0."""
        return self.parameters[min(place, len(self.parameters) - 1)]

    def __str__(self) -> str:
        return f"{self.name}({self.signature})"


def _parameter(written: str) -> Parameter:
    name, _, kinds = written.partition(": ")
    each = kinds in ("condition", "value")
    taken = frozenset() if each else _kinds(kinds)
    return Parameter(
        name.rstrip("?."), taken, name.endswith("?"), name.endswith("..."), kinds == "condition"
    )


def _kinds(written: str) -> frozenset[Kind]:
    return ANY if written == "any" else frozenset(map(Kind, written.split("|")))
