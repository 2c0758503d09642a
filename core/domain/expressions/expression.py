"""An expression: its text, what it refers to, and its value in a scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from core.domain.caret import Misread, excerpt
from core.domain.expressions.budget import Bounds
from core.domain.expressions.evaluating import Frame, Work, condition_of, work_of
from core.domain.expressions.parser import parse_term
from core.domain.expressions.terms import Term, references
from core.domain.expressions.values import Value
from core.errors import Invalid, Problem

BOUNDS = Bounds()
NO_VALUE = "this expression has no value here"


class ExpressionFault(Invalid):
    """An expression that cannot be read, or has no value in its scope.

    The message shows the text with a caret under the place. It holds words of the text, kinds of
    values and keys of maps, never a value.
    """

    def __init__(self, title: str, text: str, misread: Misread) -> None:
        where = f"column {misread.index + 1}"
        problem = Problem(where=where, what=misread.what, hint=misread.hint)
        shown = f"\n{excerpt(text, misread.index)}" if text.strip() else ""
        super().__init__(title + shown, [problem])
        self.problem = problem
        """The one thing that is wrong, on one line."""
        self.index = misread.index
        """Where in the text, from 0."""


@dataclass(frozen=True)
class Expression:
    """A text that has been read. Two are equal when they mean the same."""

    text: str
    term: Term

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.term == other.term

    def __hash__(self) -> int:
        return hash(self.term)

    def __str__(self) -> str:
        return self.text

    @cached_property
    def names(self) -> frozenset[str]:
        """Dotted references, as far as their words go: `nodes.build.outputs.version`.

        Behind `where` a reference may be to a field of the element instead; `it` is never one.
        """
        return frozenset(".".join(path) for path in references(self.term) if path[0] != "it")

    @cached_property
    def _work(self) -> Work:
        return work_of(self.term)

    def evaluate(self, scope: Mapping[str, Value], bounds: Bounds = BOUNDS) -> Value:
        """Its value, where names mean what `scope` says. Raises: ExpressionFault."""
        try:
            return self._work(Frame(scope, bounds))
        except Misread as misread:
            raise ExpressionFault(NO_VALUE, self.text, misread) from None

    def holds(self, scope: Mapping[str, Value], bounds: Bounds = BOUNDS) -> bool:
        """Its value as a condition. Raises: ExpressionFault, also where it is no true or false."""
        try:
            return condition_of(self.term, self._work(Frame(scope, bounds)))
        except Misread as misread:
            raise ExpressionFault(NO_VALUE, self.text, misread) from None


KEPT = 500
"""Characters up to which an expression that was read is kept: long ones would take much memory."""


def parse(text: str) -> Expression:
    """Read an expression; the language is in `jobdeck help expressions`.

    Raises: ExpressionFault, pointing at the character.
    """
    return _kept(text) if len(text) <= KEPT else _read(text)


def _read(text: str) -> Expression:
    try:
        return Expression(text, parse_term(text))
    except Misread as misread:
        raise ExpressionFault("cannot read this expression", text, misread) from None


_kept = lru_cache(maxsize=256)(_read)
