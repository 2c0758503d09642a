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
    return found | {text.removeprefix("; ") for text in found}


def _with_gaps(text: str) -> str:
    """A text that is filled in by `format` later."""
    return re.sub(r"\{[^{}]*\}", "{}", text)


def spoken_sentences() -> dict[str, str]:
    """What looks like a sentence, and so is one that people may read -> the file that says it.

    Texts of three words or more. Left out are what stands for programmers alone: docstrings, what
    assertions and logs say, what the API's own description says of fields, SQL, and whole FILES.
    """
    found: dict[str, str] = {}
    for file in sorted(SOURCE.rglob("*.py")):
        name = str(file.relative_to(SOURCE))
        if name.startswith(FOR_PROGRAMMERS):
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        unspoken = {id(node) for node in _unspoken(tree)}
        for node in ast.walk(tree):
            if id(node) not in unspoken and isinstance(node, ast.Constant | ast.JoinedStr):
                text = _text_of(node).removeprefix("; ").strip()
                if _is_sentence(text) and not text.startswith(_IN_OUTPUT):
                    found.setdefault(text, name)
    return found


FOR_PROGRAMMERS = (
    "api/docs.py",
    "api/export_formats.py",
    "api/kinds.py",
    "api/openapi.py",
    "api/routes.py",
    "domain/ansi.py",
    "domain/command_rules/matchers.py",  # words of commands
    "domain/command_rules/wrappers.py",
    "domain/expressions/functions/",  # stands in the pages of `jobdeck help`
    "domain/expressions/reference.py",
    "executors/claims.py",  # programs in sh
    "executors/ending.py",
    "executors/winrm/programs.py",
    "vault/cipher.py",  # names of keys
    "api/run_export.py",
    "executors/scripted.py",  # the double of tests
    "executors/workers/zygote.py",
    "failpoints.py",
    "flow/advice/suggestion.py",  # consoles have sentences of their own
    "flow/diagram.py",
)
_IN_OUTPUT = "Jobdeck: "
"""In the output of a host, which is kept as it is."""
_LOGS = {"debug", "info", "warning", "error", "exception"}
_FOR_READERS_OF_THE_API = {"description", "summary", "title", "help", "responses", "examples"}
_WORD = re.compile(r"(?<![\w.:/\-])[a-z]+\b")
_CODE = re.compile(
    r"\w+\(.*\)|[<>]\w|\n|\\[nswd(]|::| \|\|? |\$\{?\w+[ ;=)]|^[-^|]|\(\?[i:]|^(exec|echo|jd_)\b|^\w+[/:][\w{]"
)
"""What is more likely to be code, a pattern, or the name of a type."""
_SQL = re.compile(r"(select|create|insert|update|delete|pragma|drop|alter|with)\b", re.IGNORECASE)


def _is_sentence(text: str) -> bool:
    return len(_WORD.findall(text)) >= 3 and not _CODE.search(text) and not _SQL.match(text)


def _unspoken(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            if isinstance(statement, ast.Expr):
                yield statement.value  # a docstring, where it is a text
        if isinstance(node, ast.Assert) and node.msg is not None:
            yield from ast.walk(node.msg)
        elif isinstance(node, ast.JoinedStr):
            yield from (each for each in ast.walk(node) if isinstance(each, ast.Constant))
        elif isinstance(node, ast.Call):
            yield from _unspoken_arguments(node)


def _unspoken_arguments(call: ast.Call) -> Iterator[ast.AST]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    for keyword in call.keywords:
        if keyword.arg in _FOR_READERS_OF_THE_API:
            yield from ast.walk(keyword.value)
    if name in _LOGS or name in ("AssertionError", "RuntimeError", "text"):
        for argument in call.args:
            yield from ast.walk(argument)


def _text_of(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _with_gaps(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return ""
