"""The reference of functions, as the help page has it, from their table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.domain.expressions.functions import GROUPS
from core.domain.expressions.functions.signature import Function
from core.domain.expressions.values import Kind

TITLES: Mapping[str, str] = {
    "lists": "Functions of lists and maps",
    "strings": "Functions of strings",
    "numbers": "Functions of numbers",
    "times": "Functions of times and durations",
    "kinds": "Functions that make one kind of another",
}


def reference() -> str:
    """All functions under their headings, in Markdown."""
    return "\n\n".join(_group(name, functions) for name, functions in GROUPS.items())


def _group(name: str, functions: tuple[Function, ...]) -> str:
    items = "\n".join(line for function in functions for line in _item(function))
    return f"## {TITLES[name]}\n\n{items}"


def _item(function: Function) -> Iterator[str]:
    yield f"- `{function} -> {_gives(function)}`: {function.about}."
    if function.examples:
        yield "  " + " ".join(f"`{text}` is `{value}`." for text, value in function.examples)


def _gives(function: Function) -> str:
    """The kinds of its value, in one word each."""
    match function.gives:
        case "same":
            return "|".join(kind for kind in Kind if kind in function.parameters[0].kinds)
        case "each":
            return Kind.LIST
        case "item":
            return "any"
    return function.gives
