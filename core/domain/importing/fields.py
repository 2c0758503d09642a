"""The fields of an imported host, whichever file they come from: checks and plain types.

A check raises ValueError with a sentence; the reader decides whether that is a
problem of the file or only something to leave out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from core.domain.envname import check_env_name
from core.domain.importing.plan import ImportedHost, Notices
from core.domain.importing.secrets import holds_secret, is_secret_name
from core.domain.names import check_name, label_key_problem
from core.domain.variables import as_text
from core.domain.windows import Authentication
from core.domain.yamlsafe import Plain
from core.errors import Problem, nearest

_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f\-][^\s\x00-\x1f\x7f]{0,254}")
_USER = re.compile(r"[^\s:\-][^\s:]{0,63}")
_HOP = re.compile(r"(?:ssh://)?(?:[^@]*@)?(?P<host>\[[^\]]*\]|[^:\[\]/]+)(?::[0-9]+)?/?")
_TEMPLATE = re.compile(r"\{\{|\{%")
_SECRET_HINT = "keep it in an account, or give it to a job as a secret parameter"


def address(value: Plain) -> str:
    """A host name or IP address."""
    text = _text(value)
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"{shown(text)} is not the address of a host")
    return text


def port(value: Plain) -> int:
    text = _text(value)
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError(f"{shown(text)} is not a port, 1 to 65535")
    return int(text)


def protocol(value: Plain) -> str:
    text = _text(value)
    if text not in ("ssh", "winrm", "local"):
        raise ValueError(f"{shown(text)} is not a protocol: ssh, winrm or local")
    return text


def authentication(value: Plain) -> str:
    """How an account proves itself behind WinRM."""
    text = _text(value)
    if text not in tuple(Authentication):
        raise ValueError(f"{shown(text)} is none of {', '.join(Authentication)}")
    return text


def truth(value: Plain) -> bool:
    """Yes or no."""
    found = {"true": True, "yes": True, "false": False, "no": False}.get(str(value).lower())
    if found is None:
        raise ValueError(f"{shown(str(value))} is neither true nor false")
    return found


def user(value: Plain) -> str:
    text = _text(value)
    if not _USER.fullmatch(text):
        raise ValueError(f"{shown(text)} is not the name of a user")
    return text


def names(value: Plain) -> tuple[str, ...]:
    """One name or a list of them, repetitions dropped."""
    return tuple(dict.fromkeys(check_name(text) for text in texts(value)))


def texts(value: Plain) -> tuple[str, ...]:
    """One text or a list of texts."""
    return tuple(map(_text, value if isinstance(value, list) else [value]))


def labels(value: Plain) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("labels are a mapping of key to value")
    for key in value:
        if problem := label_key_problem(key):
            raise ValueError(problem)
    found = {key: "" if text is None else _text(text) for key, text in value.items()}
    for key, text in found.items():
        if len(text) > 255:
            raise ValueError(f"the value of label {key!r} has more than 255 characters")
    return found


def variable(name: str, value: Plain) -> str:
    """The text of a variable that may travel; ValueError says why another one may not."""
    if is_secret_name(name) or holds_secret(value):
        raise ValueError(f"it looks like a secret; {_SECRET_HINT}")
    text = str(value) if isinstance(value, float) else as_text(value)
    if _TEMPLATE.search(text):
        raise ValueError("it is a template, and templates are not evaluated")
    check_env_name(name)
    if "\x00" in text:
        raise ValueError("it holds a NUL character")
    return text


def hop_name(hop: str) -> str:
    """The host in a jump such as `user@bastion:22`; its own document says how to reach it."""
    match = _HOP.fullmatch(hop.strip())
    if not match:
        raise ValueError(f"{shown(hop)} is not a jump host")
    return check_name(match["host"])


_CHECKS: Mapping[str, Callable[[Plain], Any]] = {
    "name": lambda value: check_name(_text(value)),
    "address": address,
    "port": port,
    "protocol": protocol,
    "authentication": authentication,
    "tls": truth,
    "user": user,
    "labels": labels,
    "groups": names,
    "jump": names,
    "identity_files": texts,
}
FIELDS = (*_CHECKS, "variables")
"""The fields a table or list of hosts may give."""


def host(
    given: Mapping[str, Plain],
    line_of: Callable[[str], int],
    problems: list[Problem],
    notices: Notices,
) -> ImportedHost | None:
    """A host from fields given by name; empty ones count as left out.

    Problems are added to `problems`, variables left behind to `notices`; with a
    problem there is no host.
    """
    before = len(problems)
    checked: dict[str, Any] = {"line": line_of("name")}
    for field, value in given.items():
        line = line_of(field)
        if field not in FIELDS:
            problems.append(unknown_field(field, line))
        elif field == "variables" and value is not None:
            try:
                checked[field] = variables(value, line, notices)
            except ValueError as error:
                problems.append(Problem(where=f"line {line}, {field}", what=str(error)))
        elif value is not None and value != "":
            try:
                checked[field] = _CHECKS[field](value)
            except ValueError as error:
                problems.append(Problem(where=f"line {line}, {field}", what=str(error)))
    if "name" not in checked and len(problems) == before:
        problems.append(Problem(where=f"line {line_of('name')}", what="the host has no name"))
    if checked.get("protocol") != "winrm":
        problems += [
            Problem(where=f"line {line_of(field)}, {field}", what="it belongs to protocol winrm")
            for field in ("authentication", "tls")
            if field in checked
        ]
    return None if len(problems) > before else ImportedHost(**checked)


def add(host: ImportedHost, hosts: dict[str, ImportedHost], problems: list[Problem]) -> None:
    """Put a host among the others; a second one of the same name is a problem."""
    first = hosts.setdefault(host.name, host)
    if first is not host:
        what = f"host {host.name!r} is on line {first.line} already"
        problems.append(Problem(where=f"line {host.line}", what=what, hint="keep one of them"))


def variables(value: Plain, line: int, notices: Notices) -> dict[str, str]:
    """The variables that may travel; the others become notices at `line`."""
    if not isinstance(value, dict):
        raise ValueError("variables are a mapping of name to value")
    found: dict[str, str] = {}
    for name, inner in value.items():
        try:
            found[name] = variable(name, inner)
        except ValueError as error:
            notices.add(line, f"variable {shown(name)} is left out: {error}")
    return found


def unknown_field(field: str, line: int, what: str = "field") -> Problem:
    """The problem of a field or column that means nothing here."""
    if is_secret_name(field):
        hint = "secrets are not imported; make an account document"
    else:
        near = nearest(field, FIELDS)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(FIELDS)}"
    return Problem(where=f"line {line}", what=f"unknown {what} {shown(field)}", hint=hint)


def _text(value: Plain) -> str:
    if isinstance(value, float):
        raise ValueError("put the number in quotes: 1.10 and 1.1 are the same without them")
    if not isinstance(value, str | int):
        raise ValueError("a single word is expected")
    return as_text(value)


def shown(text: str) -> str:
    """A text for a message, cut where it is long."""
    return repr(text if len(text) <= 60 else text[:60] + "...")
