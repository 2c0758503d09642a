"""How much output is kept: caps from text, and the accounts that hold them.

A cap is bytes or lines: `20MB`, `1.5GiB`, `5000` (lines), `500/node` (lines of
each target), `none`. Pure counting; what to do at the end of the budget (stop
the work, or read on and keep nothing) is the reader's, who sees `halted`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from core.errors import Invalid, Problem

_UNITS = {
    "": 1,
    **{f"{letter}": 1000 ** (n + 1) for n, letter in enumerate("KMGT")},
    **{f"{letter}I": 1024 ** (n + 1) for n, letter in enumerate("KMGT")},
}
_BYTES = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>[KMGT]?I?)B", re.IGNORECASE)
_LINES = re.compile(r"(?P<number>\d+)(\s*LINES?)?", re.IGNORECASE)
_PER_NODE = "/node"
_HINT = "write `20MB`, `5000` for lines, `500/node` for lines of each target, or `none`"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most this much; `size_bytes` or `lines`, neither for no limit."""

    size_bytes: int | None = None
    lines: int | None = None
    per_node: bool = False
    """The text said that it is meant for each target."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The limit that `text` names; Invalid says how to write one."""
        amount, per_node = text.strip(), False
        if amount.lower().endswith(_PER_NODE):
            amount, per_node = amount[: -len(_PER_NODE)].rstrip(), True
        if amount.lower() == "none":
            return cls(per_node=per_node)
        if match := _BYTES.fullmatch(amount):
            factor = _UNITS[match["unit"].upper()]
            found = cls(size_bytes=int(float(match["number"]) * factor), per_node=per_node)
        elif match := _LINES.fullmatch(amount):
            found = cls(lines=int(match["number"]), per_node=per_node)
        else:
            raise Invalid(f"{text!r} is not a limit of output", hint=_HINT)
        if not (found.size_bytes or found.lines):
            raise Invalid(f"{text!r} would keep nothing", hint="a limit is at least 1 byte or line")
        return found


@dataclass(frozen=True, slots=True)
class Caps:
    """What one run may keep, and what each of its targets may."""

    run: Limit = Limit()
    target: Limit = Limit()
    halt: bool = False
    """At the end of a budget the work is stopped; otherwise the rest is read and dropped."""

    @classmethod
    def parse(cls, run: str, target: str, over: str) -> Self:
        """Caps from the words of the settings; Invalid names the one that is wrong."""
        problems = []
        limits = {}
        for name, text in (("output_per_run", run), ("output_per_target", target)):
            try:
                limits[name] = Limit.parse(text)
            except Invalid as error:
                problems.append(Problem(where=name, what=error.message, hint=error.hint))
        if over not in ("halt", "truncate"):
            what = f"{over!r} is neither `halt` nor `truncate`"
            problems.append(Problem(where="output_over_cap", what=what))
        whole = limits.get("output_per_run")
        if whole is not None and whole.per_node:
            what = f"{run!r} is a limit of each target"
            hint = "it belongs to output_per_target"
            problems.append(Problem(where="output_per_run", what=what, hint=hint))
        if problems:
            raise Invalid("the limits of output are not valid", problems)
        return cls(limits["output_per_run"], limits["output_per_target"], over == "halt")

    def run_budget(self) -> RunBudget:
        """A fresh account for one run."""
        return RunBudget(self)


class _Account:
    """What is left of one limit."""

    def __init__(self, limit: Limit) -> None:
        self._bytes_left = limit.size_bytes
        self._lines_left = limit.lines

    def fits(self, data: bytes) -> int:
        """How many of the first bytes of `data` are within the limit."""
        if self._bytes_left is not None:
            return min(len(data), self._bytes_left)
        if self._lines_left is None or data.count(b"\n") < self._lines_left:
            return len(data)
        end = 0
        for _ in range(self._lines_left):
            end = data.index(b"\n", end) + 1
        return end

    @property
    def counts_lines(self) -> bool:
        return self._lines_left is not None

    def spend(self, size: int, lines: int) -> None:
        if self._bytes_left is not None:
            self._bytes_left = max(0, self._bytes_left - size)
        if self._lines_left is not None:
            self._lines_left = max(0, self._lines_left - lines)


class RunBudget:
    """What one run may still keep; its targets draw on it."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._account = _Account(caps.run)

    def target(self, kept: int = 0, lines: int = 0, dropped: int = 0) -> TargetBudget:
        """An account for one more target of the run.

        Where an earlier engine began: `kept` bytes with `lines` lines of it are stored already,
        and `dropped` were not kept.
        """
        budget = TargetBudget(_Account(self._caps.target), self._account, halt=self._caps.halt)
        budget.spend(kept, lines)
        budget.dropped = dropped
        return budget


class TargetBudget:
    """What one target may still keep: the smaller of its own rest and the run's."""

    def __init__(self, own: _Account, run: _Account, *, halt: bool) -> None:
        self._accounts = (own, run)
        self._counts_lines = own.counts_lines or run.counts_lines
        self._halt = halt
        self.kept = 0
        """Bytes kept so far."""
        self.dropped = 0
        """Bytes beyond the limit so far."""

    @property
    def halted(self) -> bool:
        """Something had to be dropped and the rule says that the work must end."""
        return self._halt and self.dropped > 0

    def take(self, data: bytes) -> bytes:
        """The beginning of `data` that is kept; once a byte is dropped, nothing more is."""
        size = 0 if self.dropped else min(account.fits(data) for account in self._accounts)
        kept = data[:size]
        self.spend(size, kept.count(b"\n") if self._counts_lines else 0)
        self.dropped += len(data) - size
        return kept

    def spend(self, size: int, lines: int) -> None:
        """Count `size` bytes with `lines` lines as kept."""
        for account in self._accounts:
            account.spend(size, lines)
        self.kept += size
