"""From a plan to documents, as `jobdeck apply` takes them."""

from __future__ import annotations

import re
from itertools import count
from pathlib import PurePosixPath
from typing import Any

from core.domain.importing.plan import ImportedGroup, ImportedHost, ImportPlan

Login = tuple[str, tuple[str, ...], bool]
"""A user, the first key file, if any, and whether it is a login of Windows."""


def documents(plan: ImportPlan) -> tuple[dict[str, Any], ...]:
    """Account, host and group documents of a plan, in the order they depend on each other.

    A login that hosts share becomes one account, named after its user and its
    key file, `agent`, or `windows`, whose proof is left out; the same file always makes the same names.
    """
    names: dict[Login, str] = {}
    for login in sorted({_login(host) for host in plan.hosts if host.user}):
        names[login] = _account_name(login, set(names.values()))
    return (
        *(_account(login, name) for login, name in names.items()),
        *(_host(host, names.get(_login(host))) for host in plan.hosts),
        *map(_group, plan.groups),
    )


def _login(host: ImportedHost) -> Login:
    return host.user or "", host.identity_files[:1], host.protocol == "winrm"


def _account_name(login: Login, taken: set[str]) -> str:
    user, key_files, is_windows = login
    proof = "windows" if is_windows else "agent"
    if key_files:
        proof = PurePosixPath(key_files[0].replace("\\", "/")).name
    name = re.sub(r"[^\w.\-]+", "-", f"{user}-{proof}").strip("-._")[:120] or "account"
    candidates = (name if at == 1 else f"{name}-{at}" for at in count(1))
    return next(candidate for candidate in candidates if candidate not in taken)


def _account(login: Login, name: str) -> dict[str, Any]:
    user, key_files, is_windows = login
    proof: dict[str, Any] = {} if is_windows else {"agent": True}
    if key_files:
        proof = {"key_file": key_files[0]}
    return {"kind": "account", "name": name, "spec": {"user": user, **proof}}


def _host(host: ImportedHost, account: str | None) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "address": host.address if host.address != host.name else "",
        "port": host.port,
        "protocol": host.protocol if host.protocol != "ssh" else None,
        "account": account,
        "jump": list(host.jump),
        "variables": dict(host.variables),
        "winrm": _winrm(host),
    }
    document: dict[str, Any] = {"kind": "host", "name": host.name}
    if host.labels:
        document["labels"] = dict(host.labels)
    return {**document, "spec": {key: value for key, value in spec.items() if value}}


def _winrm(host: ImportedHost) -> dict[str, Any]:
    given = {"authentication": host.authentication, "tls": host.tls}
    return {name: value for name, value in given.items() if value is not None}


def _group(group: ImportedGroup) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if group.hosts:
        spec["hosts"] = list(group.hosts)
    if group.expression is not None:
        spec["expression"] = group.expression
    return {"kind": "group", "name": group.name, "spec": spec}
