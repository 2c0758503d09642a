"""Ansible's dynamic inventory: the JSON that inventory scripts and `ansible-inventory --list` print.

It says the same as the YAML form in another shape, and is read as that form.
"""

from __future__ import annotations

import json
from typing import Any

from core.domain.importing import ansible
from core.domain.importing.plan import ImportPlan
from core.errors import Invalid, Problem

_META = "_meta"
_TITLE = "this is no dynamic inventory of Ansible"


def read(text: str) -> ImportPlan:
    """Hosts and groups of a dynamic inventory. Raises: Invalid for what is none.

    Lines in notices are of the YAML form, one a value, and so say little.
    """
    try:
        groups = json.loads(text)
        if not isinstance(groups, dict):
            raise _refused("", "it is a JSON object: group -> hosts, vars, children")
        static = json.dumps(_static(groups), ensure_ascii=False, indent=1)
    except RecursionError as error:
        raise _refused("", "its values are nested too deeply") from error
    except ValueError as error:
        raise _refused("", f"it is not JSON: {error}") from error
    return ansible.read_yaml(static)


def _static(groups: dict[str, Any]) -> dict[str, Any]:
    """The YAML form: variables of hosts stand beside their names."""
    meta = groups.get(_META, {})
    known = meta.get("hostvars", {}) if isinstance(meta, dict) else None
    if not isinstance(known, dict):
        raise _refused(_META, "`hostvars` is an object: host -> variables")
    found: dict[str, Any] = {"all": {"hosts": {str(name): known[name] or {} for name in known}}}
    for name, content in groups.items():
        if name == _META:
            continue
        group = {"hosts": content} if isinstance(content, list) else content
        if not isinstance(group, dict):
            raise _refused(name, "a group is a list of hosts, or an object")
        static = found.setdefault(name, {})
        hosts = static.setdefault("hosts", {})
        hosts |= {host: known.get(host) or {} for host in _names(name, group, "hosts")}
        static["children"] = dict.fromkeys(_names(name, group, "children"))
        static["vars"] = group.get("vars") or {}
    return {name: _filled(part) for name, part in found.items()}


def _names(group: str, content: dict[str, Any], part: str) -> list[str]:
    names = content.get(part) or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _refused(f"{group}.{part}", "it is a list of names")
    return names


def _filled(group: dict[str, Any]) -> dict[str, Any]:
    return {part: value for part, value in group.items() if value}


def _refused(where: str, what: str) -> Invalid:
    return Invalid(_TITLE, [Problem(where=where, what=what, hint="what `--list` prints")])
