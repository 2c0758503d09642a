"""Every sentence that the engine may say, found in the source of core: texts with `{}` for values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import core

SOURCE = Path(core.__file__).parent


def core_sentences() -> set[str]:
    """All texts of core, pieces of longer ones included, with `{}` in the place of each value."""
    found = set()
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(_with_gaps(node.value))
            elif isinstance(node, ast.JoinedStr):
                parts = [
                    part.value if isinstance(part, ast.Constant) else "{}" for part in node.values
                ]
                found.add("".join(map(str, parts)))
    return found


def _with_gaps(text: str) -> str:
    """A text that is filled in by `format` later."""
    return re.sub(r"\{[^{}]*\}", "{}", text)


def spoken_sentences() -> dict[str, str]:
    """Those that reach people: what errors and problems are made of -> the file that says it.

    Arguments of calls that make an error, and of any call's `what`, `hint`, `reason` or `message`,
    of three words or more; what looks like a call is an example of code.
    """
    found: dict[str, str] = {}
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                for text in _said_by(node):
                    found.setdefault(text, str(file.relative_to(SOURCE)))
    return found


_ERRORS = re.compile(
    r"(Error|Invalid|Conflict|Problem|Refused|Refusal|Required|NotFound|Forbidden|Transition"
    r"|Locked|NotAValue)$"
)
_WORD, _CODE = re.compile(r"\b[a-z]+\b"), re.compile(r"\w+\(.*\)")
_SAYING = ("what", "hint", "reason", "message")


def _said_by(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if _ERRORS.search(name):
        values = [*call.args, *(keyword.value for keyword in call.keywords)]
    else:
        values = [keyword.value for keyword in call.keywords if keyword.arg in _SAYING]
    for value in values:
        for each in [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]:
            text = _text_of(each)
            if len(_WORD.findall(text)) >= 3 and not _CODE.fullmatch(text):
                yield text


def _text_of(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _with_gaps(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return ""
