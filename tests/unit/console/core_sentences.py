"""Every sentence that the engine may say, found in the source of core: texts with `{}` for values."""

from __future__ import annotations

import ast
import re
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
