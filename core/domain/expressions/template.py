"""`${ expression }` in a text: messages, inputs and items of nodes.

    ${ params.env }   the value of the expression
    $${               the text `${`

A text that is one expression and nothing else has a value of any kind: a list stays a list, and a
secret goes through whole. In any other text values are written as texts, where a secret is refused.

`core.domain.filling` fills texts of steps by names of variables; each `${NAME}` that it takes is an
expression here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias

from core.domain.caret import Misread
from core.domain.expressions.budget import Bounds, Refusal
from core.domain.expressions.checking import Mistake, Shape, check_term
from core.domain.expressions.evaluating import Frame, Work, work_of
from core.domain.expressions.expression import BOUNDS, KEPT, NO_VALUE, ExpressionFault
from core.domain.expressions.parser import MAX_LENGTH, Parser
from core.domain.expressions.terms import Term, references
from core.domain.expressions.values import Value

MAX_TEXT = 65_536
"""Characters of one text."""

_CANNOT_READ = "cannot read this text"


_Quote: TypeAlias = Callable[[str], str]
_Piece: TypeAlias = Callable[[Frame, _Quote], str]
"""What one part of a text contributes to it."""


@dataclass(frozen=True)
class Template:
    """A text whose expressions have been read."""

    text: str
    parts: tuple[str | Term, ...]
    """Plain texts, never two in a row and none empty, and the expressions between them."""

    @cached_property
    def names(self) -> frozenset[str]:
        """What `Expression.names` is, of all its expressions."""
        return frozenset(
            ".".join(path)
            for part in self.parts
            if not isinstance(part, str)
            for path in references(part)
            if path[0] != "it"
        )

    @cached_property
    def _pieces(self) -> tuple[_Piece, ...]:
        return tuple(
            _plain(part) if isinstance(part, str) else _filled(part) for part in self.parts
        )

    @cached_property
    def _whole(self) -> Work | None:
        """The one expression that the text is."""
        part = self.parts[0] if len(self.parts) == 1 else ""
        return None if isinstance(part, str) else work_of(part)

    def value(self, scope: Mapping[str, Value], bounds: Bounds = BOUNDS) -> Value:
        """The value of a whole expression as it is, of any other text `fill`.

        Raises: ExpressionFault.
        """
        if self._whole is None:
            return self.fill(scope, bounds=bounds)
        try:
            return self._whole(Frame(scope, bounds))
        except Misread as misread:
            raise ExpressionFault(NO_VALUE, self.text, misread) from None

    def fill(
        self,
        scope: Mapping[str, Value],
        quote: _Quote = str,
        *,
        bounds: Bounds = BOUNDS,
    ) -> str:
        """The text with the values put in, each quoted. Raises: ExpressionFault."""
        frame = Frame(scope, bounds)
        try:
            texts = [piece(frame, quote) for piece in self._pieces]
            frame.budget.text_of(sum(map(len, texts)))
        except Misread as misread:
            raise ExpressionFault(NO_VALUE, self.text, misread) from None
        except Refusal as refusal:
            raise ExpressionFault(NO_VALUE, self.text, Misread(0, refusal.what)) from None
        return "".join(texts)


def parse_template(text: str) -> Template:
    """Read a text with expressions in it. Raises: ExpressionFault, pointing at the character."""
    return _kept(text) if len(text) <= KEPT else _read(text)


def _read(text: str) -> Template:
    try:
        return Template(text, tuple(_parts(text)))
    except Misread as misread:
        raise ExpressionFault(_CANNOT_READ, text, misread) from None


_kept = lru_cache(maxsize=256)(_read)


def check_template(text: str, declared: Mapping[str, Shape]) -> tuple[Mistake, ...]:
    """All that is wrong with the expressions of a text, as `check` says it of one."""
    try:
        parts = _parts(text)
    except Misread as misread:
        return (Mistake(misread.index, misread.what, misread.hint),)
    terms = [part for part in parts if not isinstance(part, str)]
    return tuple(mistake for term in terms for mistake in check_term(term, declared))


def _parts(text: str) -> list[str | Term]:
    """Raises: Misread."""
    if len(text) > MAX_TEXT:
        raise Misread(MAX_TEXT, f"a text has at most {MAX_TEXT:,} characters")
    parts: list[str | Term] = []
    plain = ""
    at = 0
    while (begin := text.find("${", at)) >= 0:
        if text[begin - 1 : begin] == "$":
            plain += text[at : begin - 1] + "${"
            at = begin + 2
            continue
        plain += text[at:begin]
        if plain:
            parts.append(plain)
            plain = ""
        term, at = _expression(text, begin)
        parts.append(term)
    plain += text[at:]
    return [*parts, plain] if plain else parts


def _expression(text: str, begin: int) -> tuple[Term, int]:
    """The expression whose `${` is at `begin`, and where the text goes on."""
    if text[begin + 2 :].lstrip().startswith("}"):
        raise Misread(begin, "the expression is empty", "write $${ for the text ${ itself")
    parser = Parser(text, begin + 2)
    term = parser.term()
    end = parser.closed_at(begin)
    if end - begin > MAX_LENGTH:
        raise Misread(begin, f"an expression has at most {MAX_LENGTH:,} characters")
    return term, end


def _plain(text: str) -> _Piece:
    return lambda _frame, _quote: text


def _filled(term: Term) -> _Piece:
    work = work_of(term)

    def piece(frame: Frame, quote: _Quote) -> str:
        found = work(frame)
        try:
            return quote(frame.budget.write(found))
        except Refusal as refusal:
            raise Misread(term.index, refusal.what, refusal.hint) from None

    return piece
