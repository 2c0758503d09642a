"""Expressions from text: precedence climbing, loosest binding first.

    choice  = term [ "?" choice ":" choice ]
    term    = or < and < not < comparison < + - < * / % < unary - < ??     `core.domain.expressions.terms`
    operand = value { "." word | "[" choice "]" }
    value   = string | number | duration | "true" | "false" | "null" | name | "(" choice ")"
            | "[" [ choice { "," choice } ] "]" | "if" "(" choice "," choice "," choice ")"
            | function "(" [ choice { "," choice } ] [ ( "where" | "," ) choice ] ")"

Comparisons do not chain. `??` binds tighter than arithmetic: it mends the operand before it.
"""

from __future__ import annotations

from datetime import timedelta

from core.domain.caret import Misread
from core.domain.expressions.functions import FUNCTIONS
from core.domain.expressions.functions.signature import Function
from core.domain.expressions.terms import (
    COMPARE,
    DEFAULT,
    LEVELS,
    MINUS,
    NOT,
    OR,
    Binary,
    Call,
    Choice,
    Field,
    Item,
    Joined,
    ListOf,
    Literal,
    Name,
    Term,
    Unary,
    children,
)
from core.domain.expressions.tokens import Token, Tokens
from core.domain.expressions.values import NotAValue, duration_from, number
from core.errors import nearest

MAX_LENGTH = 4096
"""Characters of one expression."""

MAX_DEPTH = 64
"""Levels of the tree of terms. Bounds the recursion here and in whatever walks the terms."""

_TOO_DEEP = f"this is nested more than {MAX_DEPTH} levels deep"
_LONG_ROW = 'a long row is sum([1, 2, 3]) or join([a, b], "")'
_CONSTANTS = {"true": True, "false": False, "null": None}
_LONGEST_NUMBER = 400
_USUAL_SLIPS = {
    "is": "write `=`",
    "eq": "write `=`",
    "ne": "write `!=`",
    "like": 'write matches(text, "web-*")',
    "then": "write if(condition, a, b)",
    "else": "write if(condition, a, b)",
    "if": "write if(condition, a, b)",
    "contains": "write `a in b`, or contains(b, a)",
    "for": "write map(list, it * 2), or filter(list where it > 2)",
}


def parse_term(text: str) -> Term:
    """The one term that the whole text is. Raises: Misread."""
    if len(text) > MAX_LENGTH:
        raise Misread(MAX_LENGTH, f"an expression has at most {MAX_LENGTH:,} characters")
    if not text.strip():
        raise Misread(0, "the expression is empty", "such as: params.count > 10")
    parser = Parser(text)
    term = parser.term()
    parser.expect_end()
    return term


class Parser:
    """One pass over the tokens; `_next` is the one that was not taken yet."""

    def __init__(self, text: str, at: int = 0) -> None:
        self._tokens = Tokens(text, at)
        self._next = self._tokens.next()
        self._depth = 0

    def term(self) -> Term:
        """The longest term that begins here."""
        found = self._choice()
        _check_depth(found)
        return found

    def expect_end(self) -> None:
        """Nothing may stand behind the term."""
        if self._next.kind != "end":
            raise self._unjoined()

    def closed_at(self, begin: int) -> int:
        """Where the text goes on behind the `}` that has to follow the term; `begin` opened it."""
        if self._next.kind == "end":
            raise Misread(begin, "this `${` is never closed", "write $${ for the text ${ itself")
        if self._next.kind != "}":
            raise self._unjoined()
        return self._next.end

    def _take(self) -> Token:
        token = self._next
        self._next = self._tokens.next()
        return token

    def _accept(self, kind: str) -> bool:
        found = self._next.kind == kind
        if found:
            self._take()
        return found

    def _descend(self, token: Token) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Misread(token.index, _TOO_DEEP)

    def _choice(self) -> Term:
        self._descend(self._next)
        found = self._climb(OR)
        if self._next.kind == "?":
            sign = self._take()
            then = self._choice()
            if not self._accept(":"):
                raise Misread(sign.index, "this `?` has no `:`", "write a ? b : c")
            found = Choice(found, then, self._choice(), sign.index)
        self._depth -= 1
        return found

    def _climb(self, level: int) -> Term:
        """A term whose signs bind at least as tightly as `level`."""
        left = self._unary()
        while True:
            sign = self._sign()
            if sign is None or LEVELS[sign] < level:
                return left
            token = self._take()
            if sign == "not in":
                self._take()
            right = self._climb(LEVELS[sign] + (LEVELS[sign] != DEFAULT))
            left = _combined(sign, left, right, token.index)
            if LEVELS[sign] == COMPARE:
                self._refuse_chain()

    def _sign(self) -> str | None:
        """The sign between two terms that comes next; None where there is none."""
        if self._next.kind == "not" and self._after_next() == "in":
            return "not in"
        return self._next.kind if self._next.kind in LEVELS else None

    def _after_next(self) -> str:
        at = self._tokens.at
        try:
            return self._tokens.next().kind
        finally:
            self._tokens.at = at

    def _refuse_chain(self) -> None:
        sign = self._sign()
        if sign is not None and LEVELS[sign] == COMPARE:
            what = "a comparison cannot be compared again"
            raise Misread(self._next.index, what, "write a < b and b < c, or use parentheses")

    def _unary(self) -> Term:
        if self._next.kind not in ("not", "-"):
            return self._operand()
        sign = self._take()
        self._descend(sign)
        of = self._climb(NOT if sign.kind == "not" else MINUS)
        self._depth -= 1
        return Unary(sign.kind, of, sign.index)

    def _operand(self) -> Term:
        found = self._value()
        while True:
            if self._next.kind == ".":
                found = self._field(found, self._take())
            elif self._next.kind == "[":
                found = self._item(found, self._take())
            elif self._next.kind == "(":
                raise self._not_callable(found)
            else:
                return found

    def _field(self, of: Term, dot: Token) -> Term:
        token = self._take()
        if not token.text or not (token.text[0].isalpha() or token.text[0] == "_"):
            hint = 'a list is asked by place: x[0]; a key with other signs is quoted: x["a-b"]'
            raise Misread(dot.index, "a key is expected after `.`", hint)
        if token.kind == "string":
            raise Misread(token.index, "a quoted key stands in brackets", 'x["a-b"]')
        return Field(of, token.text, token.index)

    def _item(self, of: Term, opening: Token) -> Term:
        key = self._choice()
        self._close(opening, "]")
        if isinstance(key, Literal) and isinstance(key.value, str):
            return Field(of, key.value, key.index)
        return Item(of, key, opening.index)

    def _value(self) -> Term:
        token = self._take()
        match token.kind:
            case "string":
                return Literal(token.text, token.index)
            case "number":
                return Literal(_number(token), token.index)
            case "duration":
                return Literal(_duration(token), token.index)
            case "true" | "false" | "null":
                return Literal(_CONSTANTS[token.kind], token.index)
            case "word":
                return self._call(token) if self._next.kind == "(" else _name(token)
            case "(":
                inner = self._choice()
                self._close(token, ")")
                return inner
            case "[":
                return ListOf(self._items(token), token.index)
        raise self._missing(token)

    def _items(self, opening: Token) -> tuple[Term, ...]:
        items: list[Term] = []
        while self._next.kind != "]":
            items.append(self._choice())
            if not self._accept(","):
                break
        self._close(opening, "]")
        return tuple(items)

    def _call(self, name: Token) -> Term:
        function = FUNCTIONS.get(name.text)
        if function is None and name.text != "if":
            near = nearest(name.text, [*FUNCTIONS, "if"])
            hint = f"did you mean {near}(…)?" if near else "`jobdeck help expressions` lists them"
            raise Misread(name.index, f"there is no function {name.text!r}", hint)
        opening = self._take()
        arguments: list[Term] = []
        each: Term | None = None
        while self._next.kind not in (")", "end"):
            arguments.append(self._choice())
            if self._next.kind == "where":
                each = self._clause(function, len(arguments))
            if each is not None or not self._accept(","):
                break
        self._close(opening, ")")
        if function is None:
            return _choice_of(name, arguments)
        if function.each is not None and each is None and len(arguments) == 2:
            each = arguments.pop()
        _check_arity(function, name, len(arguments) + (each is not None))
        return Call(name.text, tuple(arguments), each, name.index)

    def _clause(self, function: Function | None, arguments: int) -> Term:
        where = self._take()
        if function is None or function.each is None:
            what = "`where` stands in functions that look at every element"
            raise Misread(where.index, what, "filter(list where it > 3)")
        if arguments != 1:
            raise Misread(where.index, "`where` follows the list", f"{function.name}(list where …)")
        return self._choice()

    def _close(self, opening: Token, sign: str) -> None:
        if self._next.kind == sign:
            self._take()
        elif self._next.kind in ("end", "}", ")", "]"):
            raise Misread(opening.index, f"this `{opening.text}` is never closed")
        else:
            raise self._unjoined()

    def _missing(self, token: Token) -> Misread:
        if token.kind == "end":
            return Misread(token.index, "the expression stops where a value is expected")
        hint = "compare with one sign: a = b" if token.kind in ("=", "<", ">") else ""
        return Misread(token.index, f"a value is expected here, not `{token.text}`", hint)

    def _not_callable(self, found: Term) -> Misread:
        if isinstance(found, Field) and found.key in FUNCTIONS:
            return Misread(
                found.index,
                f"{found.key} is a function, and not a part of a value",
                f"write {found.key}(…) around it",
            )
        return Misread(self._next.index, "only functions are followed by parentheses")

    def _unjoined(self) -> Misread:
        """Two values in a row: the most usual slip, so the hint says how to join them."""
        token = self._next
        if token.kind in (")", "]", "}"):
            return Misread(token.index, f"this `{token.text}` closes nothing")
        word = token.text.lower()
        hint = "join values with a sign, such as `and`, `=` or `+`"
        if token.kind == "word" and (word in LEVELS or word in ("not", "where")):
            hint = f"words are in small letters: {word}"
        elif token.kind == "word" and word in _USUAL_SLIPS:
            hint = _USUAL_SLIPS[word]
        elif token.kind == ",":
            hint = "a list is written [a, b]"
        elif token.kind == "where":
            hint = "filter(list where it > 3)"
        return Misread(token.index, "nothing joins this to what stands before it", hint)


def _combined(sign: str, left: Term, right: Term, index: int) -> Term:
    """A row of one `and` or `or` is one term, however long it is."""
    if sign not in ("and", "or"):
        return Binary(sign, left, right, index)
    if isinstance(left, Joined) and left.sign == sign:
        return Joined(sign, (*left.terms, right), left.index)
    return Joined(sign, (left, right), index)


def _name(token: Token) -> Name:
    return Name(token.text, token.index)


def _number(token: Token) -> int | float:
    try:
        if len(token.text) > _LONGEST_NUMBER:
            raise NotAValue("the number is too long")
        plain = token.text.isdecimal()
        return number(int(token.text) if plain else float(token.text))
    except NotAValue as problem:
        raise Misread(token.index, str(problem), "at most 9,223,372,036,854,775,807") from None


def _duration(token: Token) -> timedelta:
    try:
        return duration_from(token.text)
    except NotAValue as problem:
        raise Misread(token.index, str(problem)) from None


def _choice_of(name: Token, arguments: list[Term]) -> Choice:
    if len(arguments) != 3:
        what = f"`if` takes 3 values, and this gives {len(arguments)}"
        raise Misread(name.index, what, "if(condition, then, otherwise)")
    condition, then, otherwise = arguments
    return Choice(condition, then, otherwise, name.index)


def _check_arity(function: Function, name: Token, given: int) -> None:
    least, most = function.least, function.most
    if given >= least and (most is None or given <= most):
        return
    takes = f"{least}" if most == least else f"{least} to {most}" if most else f"{least} or more"
    what = f"{function.name} takes {takes} values, and this gives {given}"
    if takes == "1":
        what = f"{function.name} takes one value, and this gives {given}"
    raise Misread(name.index, what, str(function))


def _check_depth(term: Term) -> None:
    """Chains such as `a + b + …` are deep too, though nothing in the text is nested."""
    left = [(term, 1)]
    while left:
        found, depth = left.pop()
        if depth > MAX_DEPTH:
            raise Misread(found.index, _TOO_DEEP, _LONG_ROW)
        left.extend((child, depth + 1) for child in children(found))
