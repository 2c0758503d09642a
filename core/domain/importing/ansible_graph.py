"""An Ansible inventory in memory: hosts, groups, and which variable wins.

Both file formats fill it in; the rules of precedence are Ansible's: `all`
first, then groups from the outermost to the innermost and by name, then the host.
"""

from __future__ import annotations

import re
import string
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product

from core.domain.importing.plan import MAX_HOSTS, Notices
from core.domain.names import name_problem
from core.domain.yamlsafe import Plain
from core.errors import Invalid, Problem

ALL, UNGROUPED = "all", "ungrouped"
"""The groups that Ansible makes by itself."""

_PORT = re.compile(r"(?P<pattern>(?:[^:\[\]]|\[[^\]]*\])+):(?P<port>[0-9]+)")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of a variable and the line it is set on."""

    value: Plain
    line: int


Settings = dict[str, Setting]


@dataclass(slots=True)
class HostEntry:
    line: int
    settings: Settings = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)


@dataclass(slots=True)
class GroupEntry:
    line: int
    settings: Settings = field(default_factory=dict)
    children: dict[str, int] = field(default_factory=dict)
    """Name of the child group -> line that says so."""


class Graph:
    """Hosts and groups as they are read. A name that cannot be one of ours becomes a notice."""

    def __init__(self, notices: Notices) -> None:
        self.notices = notices
        self.hosts: dict[str, HostEntry] = {}
        self.groups: dict[str, GroupEntry] = {ALL: GroupEntry(1), UNGROUPED: GroupEntry(1)}

    def add_group(self, name: str, line: int) -> GroupEntry:
        return self.groups.setdefault(name, GroupEntry(line))

    def add_hosts(
        self, pattern: str, line: int, group: str, settings: Mapping[str, Setting]
    ) -> None:
        """Add the hosts of a pattern such as `web[01:20]:2222` to a group."""
        try:
            names, port = expand(pattern)
        except ValueError as error:
            self.notices.add(line, f"{_shown(pattern)} is left out: {error}")
            return
        if len(self.hosts) + len(names) > MAX_HOSTS:
            raise refused(line, f"these are more than {MAX_HOSTS:,} hosts")
        for name in names:
            if problem := name_problem(name):
                self.notices.add(line, f"host left out: {problem}")
                continue
            entry = self.hosts.setdefault(name, HostEntry(line))
            if port is not None:
                entry.settings["ansible_port"] = Setting(port, line)
            entry.settings.update(settings)
            if group not in entry.groups:
                entry.groups.append(group)

    def rank(self) -> dict[str, tuple[int, str]]:
        """Sort key of every group by precedence: its distance from `all`, then its name.

        Raises: Invalid for groups that contain each other.
        """
        parents = self.parents()
        waiting = {name: len(parents[name]) for name in self.groups}
        depth = dict.fromkeys(self.groups, 1) | {ALL: 0}
        ready = deque(name for name, count in waiting.items() if not count)
        while ready:
            name = ready.popleft()
            del waiting[name]
            for child in self.groups[name].children:
                depth[child] = max(depth[child], depth[name] + 1)
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)
        if waiting:
            line = min(self.groups[name].line for name in waiting)
            raise refused(line, f"these groups contain each other: {', '.join(sorted(waiting))}")
        return {name: (depth[name], name) for name in self.groups}

    def parents(self) -> dict[str, set[str]]:
        """Groups directly around each group, `all` aside."""
        found: dict[str, set[str]] = {name: set() for name in self.groups}
        for name, group in self.groups.items():
            for child in group.children:
                found[child].add(name)
        return found


def ancestors(groups: Iterable[str], parents: Mapping[str, set[str]]) -> set[str]:
    """`groups` and every group around them, `all` among these."""
    found = {ALL}
    waiting = list(groups)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(parents[name])
    return found


def expand(pattern: str) -> tuple[list[str], int | None]:
    """Names and port of an Ansible host pattern; ValueError says why it is none.

    Ranges are `[01:20]`, `[a:f]` and `[0:10:2]`, the last with a step.
    """
    port = None
    if match := _PORT.fullmatch(pattern):
        pattern, port = match["pattern"], int(match["port"])
    pieces = _BRACKET.split(pattern)
    choices = [[piece] if at % 2 == 0 else _range(piece) for at, piece in enumerate(pieces)]
    total = 1
    for choice in choices:
        total *= len(choice)
        if total > MAX_HOSTS:
            raise ValueError(f"it stands for more than {MAX_HOSTS:,} hosts")
    return ["".join(name) for name in product(*choices)], port


def _range(text: str) -> list[str]:
    bounds = text.split(":")
    if len(bounds) not in (2, 3) or not bounds[1]:
        raise ValueError(f"[{text}] is not a range such as [01:20]")
    first, last, step = bounds[0] or "0", bounds[1], bounds[2] if bounds[2:] else "1"
    if not re.fullmatch(r"[0-9]{1,6}", step) or int(step) == 0:
        raise ValueError(f"[{text}] has a step that is not a number above 0")
    letters = string.ascii_letters
    if len(first) == len(last) == 1 and first in letters and last in letters:
        return list(letters[letters.index(first) : letters.index(last) + 1 : int(step)])
    if not all(re.fullmatch(r"[0-9]{1,18}", bound) for bound in (first, last)):
        raise ValueError(f"[{text}] is not a range of numbers or of letters")
    if int(last) - int(first) > MAX_HOSTS * int(step):
        raise ValueError(f"[{text}] stands for more than {MAX_HOSTS:,} hosts")
    width = len(first) if len(first) > 1 and first[0] == "0" else 0
    return [str(number).zfill(width) for number in range(int(first), int(last) + 1, int(step))]


def refused(line: int, what: str, hint: str = "") -> Invalid:
    """The error of a file that is no inventory, or none that Ansible would take."""
    problem = Problem(where=f"line {line}", what=what, hint=hint)
    return Invalid("this Ansible inventory cannot be imported", [problem])


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")
