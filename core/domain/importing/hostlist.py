"""Hosts from a plain list: a name a line, and its address where it has another."""

from __future__ import annotations

from core.domain.importing import fields
from core.domain.importing.plan import ImportedHost, ImportPlan, Notices, plan, refuse
from core.errors import Problem


def read(text: str) -> ImportPlan:
    """Hosts of a list; `#` begins a comment. Raises: Invalid with every line that is no host."""
    hosts: dict[str, ImportedHost] = {}
    problems: list[Problem] = []
    notices = Notices()
    for number, line in enumerate(text.splitlines(), start=1):
        name, *rest = line.partition("#")[0].split() or [""]
        if not name:
            continue
        if len(rest) > 1:
            what = f"{len(rest) + 1} words; a line is a name and perhaps its address"
            problems.append(Problem(where=f"line {number}", what=what))
            continue
        given = {"name": name, **({"address": rest[0]} if rest else {})}
        host = fields.host(given, lambda _, at=number: at, problems, notices)  # type: ignore[misc]
        if host is not None:
            fields.add(host, hosts, problems)
    refuse("this is no list of hosts", problems)
    return plan(hosts.values(), notices)
