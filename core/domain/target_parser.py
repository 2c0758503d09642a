"""Target expressions from text: a hand-written recursive descent, loosest binding first.

    list    = either { "," either }         items that narrow apply to all the others
    either  = both { ("or" | "|") both }
    both    = term { ("and" | "&") term | "-" term }
    term    = { "!" | "not" } ( word | primary )
    primary = "(" list ")" | "all" | "*" | name | range | glob | "@" group
            | "has" "(" label ")" | label ("=" | "!=" | "<" | "<=" | ">" | ">=") value
            | label ("in" | "notin") "(" value { "," value } ")"

`-` excludes only with a space on each side, because names contain it. A bare
word after an exclusion is a host or a label, in quotes a host only. A label without quotes that
has the name of a fact is that fact; only facts are ordered. The comma rule lives in `_combine` and in `target_terms.narrows`, nowhere else.
"""

from __future__ import annotations

import re

from core.domain.caret import Misread, invalid_at
from core.domain.facts import COMPARISONS, FACTS, ORDERING, comparison_problem
from core.domain.hostrange import MAX_NAMES, parse_range
from core.domain.names import LABEL_KEY_PATTERN, RESERVED_WORDS
from core.domain.target_terms import (
    All,
    And,
    Compared,
    Expression,
    Glob,
    Group,
    Has,
    Known,
    Label,
    Name,
    Not,
    Or,
    Range,
    Without,
    depth,
    narrows,
)
from core.domain.target_tokens import Token, plain_signs, tokens
from core.errors import nearest

MAX_LENGTH = 64 * 1024
"""Characters of one expression."""

MAX_DEPTH = 100
"""Nested parentheses and exclusions. Bounds the recursion here and in whatever walks the terms."""

MAX_PATTERNS = 1000
"""Globs and label selectors of one expression; each looks at every host."""

_TITLE = "cannot read this target expression"
_TOO_DEEP = f"this is nested more than {MAX_DEPTH} levels deep"
_COMPARISONS = frozenset({*COMPARISONS, "in", "notin", "not"})
_ENDS_TERM = frozenset({",", ")", "and", "or", "minus", "end"})
_NAME_PART = re.compile(r"[\w.\-]*")
_LABEL_KEY = re.compile(LABEL_KEY_PATTERN)


def parse(text: str) -> Expression:
    """Read a target expression; the grammar is in `jobdeck help targets`.

    Raises: Invalid, pointing at the character.
    """
    try:
        if len(text) > MAX_LENGTH:
            raise Misread(MAX_LENGTH, f"an expression has at most {MAX_LENGTH:,} characters")
        expression = _Parser(text).whole()
        if depth(expression) > MAX_DEPTH:
            raise Misread(0, _TOO_DEEP)
        return expression
    except Misread as misread:
        raise invalid_at(_TITLE, text, misread) from None


class _Parser:
    """One pass over the tokens; `_at` is the next one. Every method leaves it behind its term."""

    def __init__(self, text: str) -> None:
        self._text = plain_signs(text)
        self._tokens = tokens(self._text, text)
        self._at = 0
        self._depth = 0
        self._patterns = 0
        self._room = MAX_NAMES

    def whole(self) -> Expression:
        if self._next.kind == "end":
            raise Misread(0, "the expression is empty", "write `all` for every host")
        expression = self._list()
        if self._next.kind == ")":
            raise Misread(self._next.index, "this `)` closes nothing")
        return expression

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _accept(self, kind: str) -> bool:
        found = self._next.kind == kind
        self._at += found
        return found

    def _list(self) -> Expression:
        items = [self._either()]
        while self._accept(","):
            items.append(self._either())
        return _combine(items)

    def _either(self) -> Expression:
        terms = [self._both()]
        while self._accept("or"):
            terms.append(self._both())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _both(self) -> Expression:
        terms = [self._term()]
        while True:
            if self._accept("and"):
                terms.append(self._term())
            elif self._accept("minus"):
                terms.append(self._term(exclusions=1))
            else:
                return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _term(self, exclusions: int = 0) -> Expression:
        """One term; `exclusions` signs before it have been taken already."""
        taken = exclusions
        while self._next.kind in ("!", "not"):
            self._descend(self._take())
            exclusions += 1
        is_word = self._next.kind == "word"
        term = self._primary()
        self._depth -= exclusions - taken
        if exclusions and is_word and isinstance(term, Name):
            exclusions -= 1
            term = Without(term.name)
        for _ in range(exclusions):
            term = Not(term)
        if self._next.kind not in _ENDS_TERM:
            raise self._unjoined(self._next)
        return term

    def _primary(self) -> Expression:
        token = self._take()
        match token.kind:
            case "(":
                self._descend(token)
                inner = self._list()
                self._close(token)
                self._depth -= 1
                return inner
            case "all":
                return All()
            case "has":
                return self._has()
            case "@":
                return self._group(token)
            case "word" | "quoted":
                if self._next.kind in _COMPARISONS:
                    return self._label(token)
                return Name(token.text) if token.kind == "quoted" else self._hosts(token)
            case _:
                raise self._missing(token)

    def _descend(self, token: Token) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Misread(token.index, _TOO_DEEP)

    def _close(self, opening: Token) -> None:
        if not self._accept(")"):
            raise Misread(opening.index, "this `(` is never closed")

    def _hosts(self, token: Token) -> Expression:
        """A bare word: `*`, a glob, a folded range or a plain name."""
        word, start = token.text, token.index
        if word[0] == "-":
            hint = f"write ` - {word[1:]}` or `,!{word[1:]}`"
            raise Misread(start, "`-` excludes only with a space on each side", hint)
        wild = any(character in "*?" for character in word)
        if wild and "[" in word:
            at = start + word.index("[")
            raise Misread(at, "a range and `*` or `?` cannot be in one word", "write `,` for both")
        if wild:
            self._check_name_part(word.replace("*", "-").replace("?", "-"), start)
            return All() if word == "*" else self._pattern(token, Glob(word))
        if "[" in word:
            hosts = parse_range(self._text, start, start + len(word))
            self._room -= hosts.count
            if self._room < 0:
                raise Misread(start, f"the ranges make more than {MAX_NAMES:,} names")
            return Range(hosts)
        self._check_name_part(word, start)
        return Name(word)

    def _check_name_part(self, word: str, start: int) -> None:
        match = _NAME_PART.match(word)
        good = match.end() if match else 0
        if good < len(word):
            what = f"{word[good]!r} cannot be part of a host name"
            raise Misread(start + good, what, "choose hosts by the names of their documents")

    def _group(self, sign: Token) -> Group:
        token = self._take()
        if token.kind not in ("word", "quoted"):
            raise Misread(sign.index, "the name of a group is missing after `@`")
        if token.kind == "word" and _NAME_PART.fullmatch(token.text) is None:
            raise Misread(token.index, "a group is named in full", "combine groups with `or`")
        return Group(token.text)

    def _has(self) -> Expression:
        opening = self._take()
        if opening.kind != "(":
            raise Misread(opening.index, "`has` is followed by a label in parentheses", "has(gpu)")
        token = self._take()
        key = self._key(token)
        self._close(opening)
        return self._pattern(token, Known(key) if _is_fact(token) else Has(key))

    def _label(self, token: Token) -> Expression:
        key = self._key(token)
        comparison = self._take()
        excluded = comparison.kind != "=" and comparison.kind != "in"
        if comparison.kind == "not" and not self._accept("in"):
            raise self._unjoined(comparison)
        single = comparison.kind in COMPARISONS
        at = self._next.index
        values = [self._value()] if single else self._values(comparison)
        if not _is_fact(token):
            if comparison.kind in ORDERING:
                raise _not_ordered(token, comparison)
            return self._pattern(token, Label(key, tuple(values), excluded))
        sign = comparison.kind if single else "!=" if excluded else "="
        for value in values:
            if problem := comparison_problem(key, sign, value):
                raise Misread(at, problem, FACTS[key].about)
        return self._pattern(token, Compared(key, sign, tuple(values)))

    def _values(self, comparison: Token) -> list[str]:
        opening = self._take()
        if opening.kind != "(":
            what = f"`{comparison.kind}` is followed by values in parentheses"
            raise Misread(opening.index, what, "role in (web, api)")
        values = [self._value()]
        while self._accept(","):
            values.append(self._value())
        self._close(opening)
        return values

    def _key(self, token: Token) -> str:
        if token.kind == "quoted" and token.text:
            return token.text
        if token.kind != "word":
            raise Misread(token.index, "a label is expected here")
        if not _LABEL_KEY.fullmatch(token.text):
            what = f"{token.text[:64]!r} cannot be a label"
            raise Misread(token.index, what, "letters, digits and ._-/, 63 at most")
        return token.text

    def _value(self) -> str:
        token = self._take()
        if token.kind not in RESERVED_WORDS | {"word", "quoted"}:
            raise Misread(token.index, "a value is expected here", 'an empty one is written ""')
        if token.kind == "word" and any(character in "*?[" for character in token.text):
            what = "the value of a label is compared as it is, without wildcards or ranges"
            raise Misread(token.index, what, "put it in quotes if that is what you mean")
        return token.text

    def _pattern(self, token: Token, term: Expression) -> Expression:
        self._patterns += 1
        if self._patterns > MAX_PATTERNS:
            what = f"an expression has at most {MAX_PATTERNS:,} globs and label selectors"
            raise Misread(token.index, what, "list values as `role in (web, api)`")
        return term

    def _missing(self, token: Token) -> Misread:
        if token.kind == "end":
            return Misread(token.index, "the expression stops where a host or selector is expected")
        what = f"a host, group or selector is expected here, not {token.text!r}"
        return Misread(token.index, what)

    def _unjoined(self, token: Token) -> Misread:
        """Two terms in a row: the most usual slip, so the hint says how to join them."""
        previous = self._tokens[max(0, self._at - 1)]
        if token.kind == "word" and token.text.lower() in RESERVED_WORDS:
            return Misread(token.index, f"operators are in lower case: {token.text.lower()}")
        if token.kind in _COMPARISONS and token.kind != "not":
            return Misread(token.index, "only a label can be compared", "env=prod")
        hint = "write `,` for both, `and` for what they share"
        if token.kind == "word" and token.text[0] == "-":
            hint = f"to exclude, write ` - {token.text[1:]}` or `,!{token.text[1:]}`"
        elif token.kind in ("!", "not"):
            hint = f"to exclude, write `,` or `and` before `{token.text}`"
        elif token.kind == "(" and previous.kind == "word":
            hint = "values in parentheses follow `in` or `notin`"
        return Misread(token.index, "nothing joins this to the term before it", hint)


def _is_fact(token: Token) -> bool:
    return token.kind == "word" and token.text in FACTS


def _not_ordered(token: Token, comparison: Token) -> Misread:
    near = nearest(token.text, list(FACTS))
    hint = f"did you mean {near}? " if near else ""
    what = f"{token.text!r} is no fact, and only facts have an order"
    return Misread(comparison.index, what, f"{hint}`jobdeck facts list` lists them")


def _combine(items: list[Expression]) -> Expression:
    """The comma rule: what names hosts adds up; what only narrows applies to all of it."""
    added = [item for item in items if not narrows(item)]
    kept = [item for item in items if narrows(item)]
    if added:
        kept.insert(0, added[0] if len(added) == 1 else Or(tuple(added)))
    return kept[0] if len(kept) == 1 else And(tuple(kept))
