"""Functions of strings. Patterns have `*` and `?` only: their search takes steps, not luck."""

from __future__ import annotations

import re

from core.domain.expressions.budget import Budget, Refusal
from core.domain.expressions.functions.signature import Function
from core.domain.expressions.values import Value
from core.domain.facts import version_key

_LONGEST_VERSION = 200
_LONGEST_PATTERN = 256


def _lower(budget: Budget, text: str) -> str:
    return _made(budget, text.lower())


def _upper(budget: Budget, text: str) -> str:
    return _made(budget, text.upper())


def _made(budget: Budget, text: str) -> str:
    """A string as long as the one before it, or a small number of times longer."""
    budget.text_of(len(text))
    return text


def _trim(budget: Budget, text: str) -> str:
    return text.strip()


def _starts_with(budget: Budget, text: str, start: str) -> bool:
    return text.startswith(start)


def _ends_with(budget: Budget, text: str, end: str) -> bool:
    return text.endswith(end)


def _replace(budget: Budget, text: str, old: str, new: str) -> str:
    if not old:
        raise Refusal("there is nothing to replace: the string is empty", argument=1)
    times = text.count(old)
    budget.text_of(len(text) + times * (len(new) - len(old)))
    return text.replace(old, new)


def _split(budget: Budget, text: str, separator: str) -> tuple[str, ...]:
    if not separator:
        raise Refusal("an empty string separates nothing", 'split(text, ",")', argument=1)
    budget.list_of(text.count(separator) + 1)
    return tuple(text.split(separator))


def _lines(budget: Budget, text: str) -> tuple[str, ...]:
    budget.list_of(text.count("\n") + 1)
    # Only line feeds: what else Python takes for the end of a line may stand inside of one.
    lines = text.split("\n")
    return tuple(line.removesuffix("\r") for line in (lines if lines[-1] else lines[:-1]))


def _join(budget: Budget, items: tuple[Value, ...], separator: str = ", ") -> str:
    budget.list_of(len(items))
    texts = [budget.write(item) for item in items]
    budget.text_of(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _matches(budget: Budget, text: str, pattern: str) -> bool:
    if len(pattern) > _LONGEST_PATTERN:
        raise Refusal(f"a pattern has at most {_LONGEST_PATTERN} characters", argument=1)
    budget.spend(len(text) * len(pattern) // 256)
    parts = [
        "".join("." if sign == "?" else re.escape(sign) for sign in part)
        for part in pattern.split("*")
    ]
    # Atomic groups: what a star has taken is never tried again, so there is no backtracking.
    middle = "".join(f"(?>.*?{part})" for part in parts[1:-1])
    last = f".*{parts[-1]}" if len(parts) > 1 else ""
    return re.fullmatch(f"{parts[0]}{middle}{last}", text, re.DOTALL) is not None


def _compare_versions(budget: Budget, left: str, right: str) -> int:
    if max(len(left), len(right)) > _LONGEST_VERSION:
        raise Refusal(f"a version has at most {_LONGEST_VERSION} characters")
    budget.spend(20)
    one, other = version_key(left), version_key(right)
    return (one > other) - (one < other)


STRINGS = (
    Function(
        "lower", "text: string", "string", "in small letters", _lower, (('lower("Ab")', '"ab"'),)
    ),
    Function(
        "upper", "text: string", "string", "in capital letters", _upper, (('upper("Ab")', '"AB"'),)
    ),
    Function(
        "trim",
        "text: string",
        "string",
        "without blanks at its ends",
        _trim,
        (('trim(" a ")', '"a"'),),
    ),
    Function(
        "starts_with",
        "text: string, start: string",
        "bool",
        "whether it begins so",
        _starts_with,
        (('starts_with("web1", "web")', "true"),),
    ),
    Function(
        "ends_with",
        "text: string, end: string",
        "bool",
        "whether it ends so",
        _ends_with,
        (('ends_with("a.log", ".log")', "true"),),
    ),
    Function(
        "matches",
        "text: string, pattern: string",
        "bool",
        "whether the whole string is like the pattern: `*` is any characters, `?` is one",
        _matches,
        (('matches("web-01", "web-*")', "true"),),
    ),
    Function(
        "replace",
        "text: string, old: string, new: string",
        "string",
        "with the new string wherever the old one stood",
        _replace,
        (('replace("a-b-c", "-", ".")', '"a.b.c"'),),
    ),
    Function(
        "split",
        "text: string, separator: string",
        "list",
        "the parts between the separators",
        _split,
        (('split("a,b", ",")', '["a", "b"]'),),
    ),
    Function(
        "lines",
        "text: string",
        "list",
        "its lines, without their ends",
        _lines,
        (('lines("a\\nb\\n")', '["a", "b"]'),),
    ),
    Function(
        "join",
        "items: list, separator?: string",
        "string",
        "all elements as one string; the separator is `, ` unless given",
        _join,
        (('join(["a", "b"], "+")', '"a+b"'), ("join([1, 2])", '"1, 2"')),
    ),
    Function(
        "compare_versions",
        "left: string, right: string",
        "number",
        "-1, 0 or 1: whether the left version is older than, as, or newer than the right one",
        _compare_versions,
        (('compare_versions("1.9", "1.10")', "-1"),),
    ),
)
