"""Hosts from a YAML list or mapping, or from `hosts:` and `groups:` together.

hosts:
  web1: {address: 10.0.0.1, groups: [web], labels: {env: prod}}
  web2:
groups:
  all-web: "@web"
  night: [web1]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from core.domain.importing import fields
from core.domain.importing.plan import ImportedHost, ImportPlan, Notices, plan, refuse
from core.domain.names import name_problem
from core.domain.targets import parse
from core.domain.yamlsafe import Located, Plain, load
from core.errors import Invalid, Problem

Path = tuple[str | int, ...]


def read(text: str) -> ImportPlan:
    """Hosts and groups of a YAML document. Raises: Invalid with every problem and its line."""
    document = load(text)
    problems: list[Problem] = []
    notices = Notices()
    hosts: dict[str, ImportedHost] = {}
    for path, given in _entries(document, problems):
        host = fields.host(given, partial(_line_of, document, path), problems, notices)
        if host is not None:
            fields.add(host, hosts, problems)
    expressions: dict[str, str] = {}
    members: dict[str, tuple[str, ...]] = {}
    for name, line, content in _groups(document, problems):
        try:
            if isinstance(content, str):
                parse(content)
                expressions[name] = content
            elif content:
                members[name] = fields.names(content)
            else:
                notices.add(line, f"group {name!r} is left out: it has no hosts")
        except (ValueError, Invalid) as error:
            problems.append(Problem(where=f"line {line}, group {name}", what=str(error)))
    refuse("this YAML file cannot be imported", problems)
    return plan(hosts.values(), notices, expressions, members)


def _line_of(document: Located, path: Path, field: str) -> int:
    return document.line_of((*path, field))


def _entries(document: Located, problems: list[Problem]) -> Iterator[tuple[Path, dict[str, Plain]]]:
    """Path and fields of every host, its name among them."""
    value: Plain = document.value
    path: Path = ()
    if isinstance(value, dict) and not {"hosts", "groups"}.isdisjoint(value):
        for key in value.keys() - {"hosts", "groups"}:
            what = f"unknown field {key[:60]!r} beside `hosts` and `groups`"
            problems.append(Problem(where=f"line {document.line_of((key,))}", what=what))
        value, path = value.get("hosts") or [], ("hosts",)
    if isinstance(value, dict) and "kind" in value:
        hint = "use `jobdeck apply -f FILE` for these"
        what = "these are documents, not a list of hosts"
        problems.append(Problem(where=f"line {document.line}", what=what, hint=hint))
    elif isinstance(value, dict):
        for name, content in value.items():
            yield from _entry(document, (*path, name), content, {"name": name}, problems)
    elif isinstance(value, list):
        for at, content in enumerate(value):
            yield from _entry(document, (*path, at), content, {}, problems)
    else:
        where = f"line {document.line_of(path)}"
        problems.append(Problem(where=where, what="a list or mapping of hosts is expected here"))


def _entry(
    document: Located,
    path: Path,
    content: Plain,
    named: dict[str, Plain],
    problems: list[Problem],
) -> Iterator[tuple[Path, dict[str, Plain]]]:
    """One host. A list may hold just names; in a mapping the fields may be missing."""
    if isinstance(content, dict) and not ("name" in content and named):
        yield path, {**content, **named}
    elif content is None and named:
        yield path, named
    elif isinstance(content, str) and not named:
        yield path, {"name": content}
    else:
        what = "the name is the key already" if isinstance(content, dict) else "a host is a mapping"
        problems.append(Problem(where=f"line {document.line_of(path)}", what=what))


def _groups(document: Located, problems: list[Problem]) -> Iterator[tuple[str, int, Plain]]:
    """Name, line, and hosts or expression of every group."""
    groups = document.value.get("groups") if isinstance(document.value, dict) else None
    if groups is not None and not isinstance(groups, dict):
        where = f"line {document.line_of(('groups',))}"
        what = "groups are a mapping of name to hosts or to an expression"
        problems.append(Problem(where=where, what=what))
        return
    for name, given in (groups or {}).items():
        line = document.line_of(("groups", name))
        if problem := name_problem(name):
            problems.append(Problem(where=f"line {line}", what=problem))
        else:
            yield name, line, given
