"""Ansible's INI inventory: sections of hosts, `:children` and `:vars`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from core.domain.importing.ansible_graph import UNGROUPED, Graph, Setting, refused
from core.domain.yamlsafe import Plain

_SECTION = re.compile(r"\[(?P<group>[^:\]\s]+)(?::(?P<kind>\w+))?\]\s*(?:#.*)?")
_GROUP = re.compile(r"(?P<name>[^:\]\s]+)\s*(?:#.*)?")
_LITERAL = re.compile(
    r"""
    (?P<value> -?[0-9]+ (?:\.[0-9]+)? | True | False | "[^"\\]*" | '[^'\\]*' )
    \s* (?:\#.*)?
    """,
    re.VERBOSE,
)


def fill(graph: Graph, text: str) -> None:
    """Read `text` into `graph`. Raises: Invalid where Ansible would refuse the file."""
    _Reader(graph).read(text)


class _Reader:
    """Knows the section it is in. Children and variables wait until every group is known."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._group = UNGROUPED
        self._children: list[tuple[str, str, int]] = []
        self._variables: list[tuple[str, str, Setting]] = []
        self._kinds: dict[str, Callable[[str, int], None]] = {
            "hosts": self._add_hosts,
            "children": self._add_child,
            "vars": self._add_variable,
        }

    def read(self, text: str) -> None:
        kind = "hosts"
        for line, raw in enumerate(text.splitlines(), 1):
            content = raw.strip()
            if not content or content[0] in "#;":
                continue
            if section := _SECTION.fullmatch(content):
                kind = section["kind"] or "hosts"
                self._begin(section["group"], kind, line)
            elif content[0] == "[" and content[-1] == "]":
                raise refused(line, "this is not the head of a section", "write [group]")
            else:
                self._kinds[kind](content, line)
        self._settle()

    def _begin(self, group: str, kind: str, line: int) -> None:
        if kind not in self._kinds:
            hint = f"there are {', '.join(self._kinds)}"
            raise refused(line, f"unknown kind of section: [{group[:60]}:{kind[:60]}]", hint)
        self._group = group
        if kind != "vars":
            self._graph.add_group(group, line)

    def _add_hosts(self, content: str, line: int) -> None:
        try:
            pattern, *assignments = shlex.split(content, comments=True)
        except ValueError as error:
            raise refused(line, f"the line cannot be read: {error}", "check its quotes") from None
        pairs = [_assignment(text, line) for text in assignments]
        settings = {name: Setting(_value(value), line) for name, value in pairs}
        self._graph.add_hosts(pattern, line, self._group, settings)

    def _add_child(self, content: str, line: int) -> None:
        child = _GROUP.fullmatch(content)
        if not child:
            raise refused(line, "the name of a group is expected here")
        self._children.append((self._group, child["name"], line))

    def _add_variable(self, content: str, line: int) -> None:
        name, value = _assignment(content, line)
        self._variables.append((self._group, name, Setting(_value(value), line)))

    def _settle(self) -> None:
        groups = self._graph.groups
        for parent, child, line in self._children:
            if child in groups:
                groups[parent].children[child] = line
            else:
                what = f"group {child[:60]!r} is left out: it is not defined in this file"
                self._graph.notices.add(line, what)
        for group, name, setting in self._variables:
            if group in groups:
                groups[group].settings[name] = setting
            else:
                what = f"{name[:60]} is left out: its group {group[:60]!r} is not defined"
                self._graph.notices.add(setting.line, what)


def _assignment(text: str, line: int) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        # The text is not shown: after `password= ` it is the password.
        raise refused(line, "a variable is written name=value, without blanks around the `=`")
    return name.strip(), value.strip()


def _value(text: str) -> Plain:
    """Numbers, True, False and quoted text, as Ansible reads Python literals; else the text.

    Deliberately no lists and dicts: their text is kept as it is.
    """
    match = _LITERAL.fullmatch(text)
    if not match:
        return text
    literal = match["value"]
    if literal[0] in "\"'":
        return literal[1:-1]
    if literal in ("True", "False"):
        return literal == "True"
    # Text keeps what a number would lose: 0644, 1.10, twenty digits.
    return literal
