"""Hosts from an Ansible inventory, INI or YAML.

Variables that say how to connect become fields of the host; other `ansible_*`
variables mean nothing here and are named in the notices, and secrets stay
behind. Variables of groups are given to each of their hosts, as Ansible does.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from core.domain.importing import ansible_ini, ansible_windows, ansible_yaml, fields
from core.domain.importing.ansible_graph import (
    ALL,
    UNGROUPED,
    Graph,
    HostEntry,
    Setting,
    Settings,
    ancestors,
)
from core.domain.importing.plan import ImportedHost, ImportPlan, Notices, plan
from core.domain.importing.secrets import is_secret_name
from core.domain.names import name_problem, natural_key
from core.domain.yamlsafe import Opaque, Plain

_YAML_START = re.compile(r"""---(\s|$)|[{]|(['"]?)[\w.\-]+\2\s*:(\s|$)""")
_TEMPLATE = re.compile(r"\{\{|\{%")
_JUMP_OPTION = re.compile(r"(?i)ProxyJump\s*=\s*(?P<hops>.+)")
_PROTOCOLS = {
    "ssh": "ssh",
    "smart": "ssh",
    "paramiko": "ssh",
    "paramiko_ssh": "ssh",
    "local": "local",
    **dict.fromkeys(ansible_windows.CONNECTIONS, "winrm"),
}


def read(text: str) -> ImportPlan:
    """Hosts and groups of an inventory. Raises: Invalid where Ansible would refuse it."""
    graph = Graph(Notices())
    (ansible_yaml if _is_yaml(text) else ansible_ini).fill(graph, text)
    return _Conversion(graph).plan()


def read_yaml(text: str) -> ImportPlan:
    """As `read`, of an inventory that is known to be YAML."""
    graph = Graph(Notices())
    ansible_yaml.fill(graph, text)
    return _Conversion(graph).plan()


def _is_yaml(text: str) -> bool:
    for line in text.splitlines():
        if line.strip() and line.lstrip()[0] not in "#;":
            return bool(_YAML_START.match(line))
    return False


class _Conversion:
    """One graph on its way to a plan; each variable is judged once, wherever it applies."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._notices = graph.notices
        self._judged: dict[int, tuple[str, Any] | None] = {}
        self._groups = {name for name in graph.groups if self._is_ours(name)}

    def plan(self) -> ImportPlan:
        rank, parents = self._graph.rank(), self._graph.parents()
        inherited: dict[tuple[str, ...], Settings] = {}
        hosts: list[ImportedHost] = []
        for name, entry in self._graph.hosts.items():
            groups = tuple(entry.groups)
            if len(groups) > 1:
                groups = tuple(group for group in groups if group != UNGROUPED)
            if groups not in inherited:
                around = sorted(ancestors(groups, parents), key=rank.__getitem__)
                inherited[groups] = {
                    key: setting
                    for group in around
                    for key, setting in self._graph.groups[group].settings.items()
                }
            if host := self._host(name, entry, inherited[groups] | entry.settings):
                hosts.append(host)
        return plan(hosts, self._notices, self._expressions(hosts, rank))

    def _is_ours(self, name: str) -> bool:
        if name in (ALL, UNGROUPED):
            return False
        if problem := name_problem(name):
            self._notices.add(self._graph.groups[name].line, f"group left out: {problem}")
        return problem is None

    def _expressions(
        self, hosts: list[ImportedHost], rank: Mapping[str, tuple[int, str]]
    ) -> dict[str, str]:
        """Groups that contain others, as a union of these; groups without hosts are left out."""
        filled = {group for host in hosts for group in host.groups}
        found: dict[str, str] = {}
        for name in sorted(self._groups, key=rank.__getitem__, reverse=True):
            children = filled & self._graph.groups[name].children.keys()
            if children:
                found[name] = ",".join(f"@{child}" for child in sorted(children, key=natural_key))
                filled.add(name)
            elif name not in filled:
                line = self._graph.groups[name].line
                self._notices.add(line, f"group {name!r} has no hosts and is left out")
        return found

    def _host(self, name: str, entry: HostEntry, settings: Settings) -> ImportedHost | None:
        connection = settings.get("ansible_connection")
        if connection and str(connection.value) not in _PROTOCOLS:
            what = f"{name} is left out: its ansible_connection is not ssh, winrm, psrp or local"
            self._notices.add(connection.line, what)
            return None
        given: dict[str, Any] = {}
        variables: dict[str, str] = {}
        way = str(connection.value) if connection else ""
        # A variable of the plugin itself counts more than one that all have in common.
        for key, setting in sorted(settings.items(), key=lambda item: item[0] in _OF_PLUGINS):
            if not ansible_windows.means(key, way):
                continue
            judged = self._judge(key, setting)
            if judged is None:
                continue
            field, value = judged
            if field == "variables":
                variables[key] = value
            elif field not in given or not key.startswith("ansible_ssh_"):
                given[field] = value
        groups = tuple(group for group in entry.groups if group in self._groups)
        return ImportedHost(name=name, groups=groups, variables=variables, line=entry.line, **given)

    def _judge(self, key: str, setting: Setting) -> tuple[str, Any] | None:
        """Field and value that a setting stands for; None, with a notice, when it is left out."""
        # The graph keeps every setting alive, so its id is its own.
        if id(setting) not in self._judged:
            try:
                self._judged[id(setting)] = self._field(key, setting)
            except ValueError as error:
                self._notices.add(setting.line, f"{key[:60]} is left out: {error}")
                self._judged[id(setting)] = None
        return self._judged[id(setting)]

    def _field(self, key: str, setting: Setting) -> tuple[str, Any] | None:
        if key in _CONNECTION:
            field, check = _CONNECTION[key]
            return field, check(_evaluated(setting.value))
        if key in ansible_windows.VARIABLES:
            of_windows, read = ansible_windows.VARIABLES[key]
            value = read(_evaluated(setting.value))
            return None if of_windows is None else (of_windows, value)
        if key in _ARGUMENTS:
            return self._jump(key, setting)
        if key.startswith("ansible_") and not is_secret_name(key):
            raise ValueError("it has no meaning here")
        return "variables", fields.variable(key, setting.value)

    def _jump(self, key: str, setting: Setting) -> tuple[str, Any] | None:
        """The jump hosts among arguments for ssh; the other arguments are not used."""
        words = shlex.split(str(_evaluated(setting.value)))
        hops: tuple[str, ...] = ()
        others = False
        while words:
            word = words.pop(0)
            argument = word[2:] or (words.pop(0) if words else "")
            option = _JUMP_OPTION.fullmatch(argument.strip())
            if word[:2] == "-J" and argument:
                hops = tuple(map(fields.hop_name, argument.split(",")))
            elif word[:2] == "-o" and option:
                hops = tuple(map(fields.hop_name, option["hops"].split(",")))
            else:
                others = True
        if others:
            self._notices.add(setting.line, f"arguments for ssh in {key} are not used")
        return ("jump", hops) if hops else None


def _evaluated(value: Plain) -> Plain:
    if isinstance(value, Opaque):
        raise ValueError("it is encrypted or under a tag")
    if isinstance(value, str) and _TEMPLATE.search(value):
        raise ValueError("it is a template, and templates are not evaluated")
    return value


_CONNECTION: Mapping[str, tuple[str, Callable[[Plain], Any]]] = {
    "ansible_host": ("address", fields.address),
    "ansible_ssh_host": ("address", fields.address),
    "ansible_port": ("port", fields.port),
    "ansible_ssh_port": ("port", fields.port),
    "ansible_user": ("user", fields.user),
    "ansible_ssh_user": ("user", fields.user),
    "ansible_private_key_file": ("identity_files", fields.texts),
    "ansible_ssh_private_key_file": ("identity_files", fields.texts),
    "ansible_connection": ("protocol", lambda value: _PROTOCOLS[str(value)]),
}
_OF_PLUGINS = ansible_windows.VARIABLES.keys()
_ARGUMENTS = frozenset({"ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args"})
