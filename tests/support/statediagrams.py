"""State diagrams and tables in the READMEs of the pure packages: made from the tables in the code.

`python -m tests.support.statediagrams` writes them anew; a test holds that they are current.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from core.config import Settings
from core.dispatch import ageing
from core.domain.priorities import Priority
from core.domain.run import (
    BATCH_TRANSITIONS,
    RUN_TRANSITIONS,
    TARGET_TRANSITIONS,
    TERMINAL_BATCH_STATES,
    TERMINAL_RUN_STATES,
    BatchState,
    RunState,
    TargetState,
)
from core.scheduling.ledger import VERDICT_TRANSITIONS, Verdict

CORE = Path(__file__).parents[2] / "core"
_BEGIN, _END = "<!-- made from {} -->\n", "<!-- end -->"

Row = tuple[str, str]
"""From a state to another."""


def _rows(table: Mapping[StrEnum, Collection[StrEnum]], states: Iterable[StrEnum]) -> Iterator[Row]:
    """The table's rows for some states, in the order in which states are declared."""
    for old in states:
        for new in type(old):
            if new in table[old]:
                yield old.value, new.value


def _diagram(rows: Iterable[Row]) -> str:
    lines = [f"    {old} --> {new}" for old, new in rows]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", ""])


def _under_way() -> str:
    """States of runs that have not ended; every end is one place here."""
    live = [state for state in RunState if state not in TERMINAL_RUN_STATES]
    return _diagram([("[*]", RunState.CREATED.value), *_ending(_rows(RUN_TRANSITIONS, live))])


def _ending(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with all terminal states as one."""
    terminal = {state.value for state in TERMINAL_RUN_STATES}
    yield from dict.fromkeys((old, "[*]" if new in terminal else new) for old, new in rows)


def _ends() -> str:
    """Which end may follow on which state, as a table: too many arrows for a picture."""
    lines = ["| an end | comes after | and may lead on to |", "| --- | --- | --- |"]
    for end in (state for state in RunState if state in TERMINAL_RUN_STATES):
        before = [state.value for state in RunState if end in RUN_TRANSITIONS[state]]
        after = [state.value for state in RunState if state in RUN_TRANSITIONS[end]]
        lines.append(f"| `{end}` | {_listed(before)} | {_listed(after)} |")
    return "\n".join([*lines, ""])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "–"


def _batches() -> str:
    ends = [(state.value, "[*]") for state in BatchState if state in TERMINAL_BATCH_STATES]
    begin = ("[*]", BatchState.WAITING.value)
    return _diagram([begin, *_rows(BATCH_TRANSITIONS, BatchState), *ends])


def _targets() -> str:
    """States of targets that lead on; an end that leads nowhere is one place here."""
    leads = [state for state in TargetState if TARGET_TRANSITIONS[state]]
    final = {state.value for state in TargetState if not TARGET_TRANSITIONS[state]}
    rows = _rows(TARGET_TRANSITIONS, leads)
    merged = dict.fromkeys((old, "[*]" if new in final else new) for old, new in rows)
    return _diagram([("[*]", TargetState.WAITING.value), *merged])


def _verdicts() -> str:
    """What becomes of a slot; a verdict that leads nowhere is an end."""
    ends = [(verdict.value, "[*]") for verdict in Verdict if not VERDICT_TRANSITIONS[verdict]]
    begins = [("[*]", verdict.value) for verdict in Verdict if verdict is not Verdict.STARTED]
    return _diagram([*begins, *_rows(VERDICT_TRANSITIONS, Verdict), *ends])


def _classes() -> str:
    """When a run that waits is over all classes, as the settings are at first."""
    lines = ["| class | a run of it is aged after |", "| --- | ---: |"]
    for priority in Priority:
        minutes = ageing.waits_s(priority, Settings().ageing_s) / 60
        lines.append(f"| `{priority}` | {minutes:g} min |")
    return "\n".join([*lines, ""])


Parts = Mapping[str, Callable[[], str]]

READMES: Mapping[Path, Parts] = {
    CORE / "flow" / "README.md": {
        "core/domain/run.py: runs and nodes": _under_way,
        "core/domain/run.py: ends": _ends,
        "core/domain/run.py: batches": _batches,
        "core/domain/run.py: targets": _targets,
    },
    CORE / "scheduling" / "README.md": {"core/scheduling/ledger.py: verdicts": _verdicts},
    CORE / "dispatch" / "README.md": {"core/dispatch/ageing.py: classes": _classes},
}
"""A README -> its parts by name, and what makes each of them."""


def renewed(text: str, parts: Parts) -> str:
    """A README's text with its parts as the tables are now; ValueError where one has no place."""
    for name, make in parts.items():
        begin = _BEGIN.format(name)
        if text.count(begin) != 1:
            raise ValueError(f"the text has no place for {name!r}, or more than one")
        before, _, rest = text.partition(begin)
        _, end, after = rest.partition(_END)
        text = f"{before}{begin}{make()}{end}{after}"
    return text


if __name__ == "__main__":
    for readme, parts in READMES.items():
        readme.write_text(renewed(readme.read_text(encoding="utf-8"), parts), encoding="utf-8")
