"""Every sentence that the engine may say, found in the source of core: texts with `{}` for values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
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
    files = sorted(SOURCE.rglob("*.py"))
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}
    errors = _errors(trees.values())
    for file, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for text in _said_by(node, errors):
                    found.setdefault(text, str(file.relative_to(SOURCE)))
    return found


def _errors(trees: Iterable[ast.Module]) -> frozenset[str]:
    """Names of classes that are errors by what they are made of, whatever they are called."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    bases = {each.name: {_name(base) for base in each.bases} for each in classes}
    found, more = frozenset[str](), frozenset({"OpsError"})
    while more - found:
        found |= more
        more = frozenset(name for name, its in bases.items() if its & found)
    return found


_ERRORS = re.compile(
    r"(Error|Invalid|Conflict|Problem|Refused|Refusal|Required|NotFound|Forbidden|Transition"
    r"|Locked|NotAValue)$"
)
_WORD, _CODE = re.compile(r"\b[a-z]+\b"), re.compile(r"\w+\(.*\)")
_SAYING = ("what", "hint", "reason", "message")


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _said_by(call: ast.Call, errors: frozenset[str]) -> Iterator[str]:
    name = _name(call.func)
    if name in errors or _ERRORS.search(name):
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
