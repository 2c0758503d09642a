"""Every text of the consoles that a person reads, found in their source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import console
from core.domain.priorities import Priority
from core.domain.run import BatchState, RunState, TargetState

SOURCE = Path(console.__file__).parent


def source_messages() -> dict[str, str]:
    """English text -> where it stands: what is given to `_` and, first, to `ngettext`."""
    found = {state.value: "core/domain/run.py" for state in (*RunState, *BatchState, *TargetState)}
    found |= {priority.value: "core/domain/priorities.py" for priority in Priority}
    for file in sorted(SOURCE.rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                for text in _texts(call):
                    found.setdefault(text, f"{file.relative_to(SOURCE.parent)}:{call.lineno}")
    return found


def _texts(call: ast.Call) -> Iterator[str]:
    assert isinstance(call.func, ast.Name)
    if call.func.id in ("_", "gettext", "ngettext") and call.args:
        first = call.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value
