"""What is said of names, keys, places and arguments that do not fit: a sentence and a hint.

One wording for both: working an expression out (`evaluating`) and looking at it before (`checking`).
"""

from __future__ import annotations

from core.domain.expressions.budget import SECRET_HINT
from core.domain.expressions.functions import FUNCTIONS
from core.domain.expressions.operators import a
from core.domain.expressions.tokens import WORDS, is_word, quoted
from core.domain.expressions.values import Kind
from core.errors import nearest

IT_ALONE = "`it` is an element, and stands behind `where`"
MEND = "write `?? …` behind it for a value in its place"
_MOST_COMPARED = 100
_LONGEST_COMPARED = 40


def argument_refused(name: str, kinds: frozenset[Kind], kind: Kind) -> tuple[str, str]:
    """What to say of an argument of a kind that a function does not take."""
    takes = " or ".join(a(each) for each in Kind if each in kinds)
    what = f"{name} takes {takes} here, not {a(kind)}"
    if len(kinds) > 4:
        what = f"{name} does not take {a(kind)}"
    if kind is Kind.SECRET:
        return what, SECRET_HINT
    if kind is Kind.NULL:
        return what, "write `x ?? …` where x may be null"
    if kind is Kind.STRING and len(kinds) == 1:
        (wanted,) = kinds
        if wanted in (Kind.NUMBER, Kind.TIME, Kind.DURATION):
            return what, f"write {wanted}(…) to read the string"
    return what, ""


def field_refused(key: str, of: Kind) -> tuple[str, str]:
    """What to say where a key is looked for in something that is no map."""
    what = f"only a map has {key!r}, and this is {a(of)}"
    if of is Kind.SECRET:
        return what, SECRET_HINT
    if of is Kind.LIST:
        return what, f"map(list, {key}) takes it from every element"
    return what, f"write {key}(…) around it" if key in FUNCTIONS else ""


def place_refused(of: Kind, key: Kind) -> tuple[str, str]:
    """What to say where something cannot be asked by a place or a key in brackets."""
    if of is Kind.SECRET:
        return "nobody looks into a secret", SECRET_HINT
    if of is Kind.LIST:
        return f"the place in a list is a whole number, not {a(key)}", "x[0], or x[-1] for the last"
    if of is Kind.MAP:
        return f"the key of a map is a string, not {a(key)}", 'x["key"]'
    hint = "slice(text, 0, 3)" if of is Kind.STRING else ""
    return f"only lists and maps are asked like this, and this is {a(of)}", hint


def unknown_name(name: str, known: list[str]) -> tuple[str, str]:
    """What to say of a name that means nothing where `known` are all that do."""
    if name in FUNCTIONS:
        return f"{name} is a function and needs parentheses", f"write {FUNCTIONS[name]}"
    shown = ", ".join(known[:6]) + (", …" if len(known) > 6 else "")
    hint = near_hint(name, [*known, "true", "false", "null"])
    return f"nothing is called {name!r} here", hint or (f"there is {shown}" if known else "")


def near_hint(name: str, known: list[str]) -> str:
    """How the nearest known name or key is written; "" where none is near. Takes bounded time."""
    if len(name) > _LONGEST_COMPARED:
        return ""
    # A slip of the fingers hardly changes the length: those of about the same are compared.
    some = sorted(known, key=lambda each: abs(len(each) - len(name)))[:_MOST_COMPARED]
    if (near := nearest(name, [each for each in some if len(each) <= _LONGEST_COMPARED])) is None:
        return ""
    return f"did you mean {near}?" if _stands_alone(near) else f"did you mean [{quoted(near)}]?"


def _stands_alone(name: str) -> bool:
    return is_word(name) or name in WORDS
