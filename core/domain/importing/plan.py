"""What an import would create, and what it leaves out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.domain.names import natural_key
from core.domain.windows import Authentication
from core.errors import Invalid, Problem

MAX_HOSTS = 100_000
MAX_PROBLEMS = 50
"""An error lists so many; a file with more is most likely not of the expected kind."""


@dataclass(frozen=True, slots=True, order=True)
class Notice:
    """Something the import leaves out or changes. Never holds a secret value."""

    line: int
    """From 1, in the imported text."""
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedHost:
    """One host as the file describes it; what the file does not say is empty or None."""

    name: str
    address: str = ""
    """Empty: the name is the address."""
    port: int | None = None
    protocol: str = "ssh"
    """`ssh`, `winrm` or `local`."""
    authentication: str | None = None
    """How an account proves itself behind WinRM; None: as is usual."""
    tls: bool | None = None
    """Whether WinRM is reached through TLS; None: the port tells, or it is."""
    user: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    """Groups that list it; groups that contain those are in the plan's groups."""
    jump: tuple[str, ...] = ()
    """Names of the hosts to pass, nearest first."""
    identity_files: tuple[str, ...] = ()
    """Paths of private keys as written, tried in this order."""
    variables: Mapping[str, str] = field(default_factory=dict)
    line: int = 0
    """Where it is described first, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedGroup:
    """A group: listed hosts and those its target expression chooses. Never empty."""

    name: str
    hosts: tuple[str, ...] = ()
    expression: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """Everything an import would create. Hosts and groups in natural order, notices by line."""

    hosts: tuple[ImportedHost, ...] = ()
    groups: tuple[ImportedGroup, ...] = ()
    notices: tuple[Notice, ...] = ()


class Notices:
    """Collects notices; the same one twice counts once."""

    def __init__(self) -> None:
        self._found: set[Notice] = set()

    def add(self, line: int, what: str) -> None:
        self._found.add(Notice(line, what))

    def in_order(self) -> tuple[Notice, ...]:
        return tuple(sorted(self._found))


def refuse(title: str, problems: Sequence[Problem]) -> None:
    """Raise Invalid with the problems, the first MAX_PROBLEMS of them, if there are any."""
    if problems:
        rest = len(problems) - MAX_PROBLEMS
        hint = f"and {rest:,} more problems" if rest > 0 else ""
        raise Invalid(title, problems[:MAX_PROBLEMS], hint=hint)


def plan(
    hosts: Iterable[ImportedHost],
    notices: Notices,
    expressions: Mapping[str, str] | None = None,
    members: Mapping[str, Iterable[str]] | None = None,
) -> ImportPlan:
    """Put a plan together. Groups are those that hosts name, and those of the last two arguments.

    Args:
        expressions: target expression of a group, by its name.
        members: hosts a group lists besides those that name it, by its name.

    Raises: Invalid for more than MAX_HOSTS hosts.
    """
    ordered = sorted(hosts, key=lambda host: natural_key(host.name))
    if len(ordered) > MAX_HOSTS:
        raise Invalid(f"an import makes at most {MAX_HOSTS:,} hosts, not {len(ordered):,}")
    ordered = [_fitting(_reachable(host, notices), notices) for host in ordered]
    listed: defaultdict[str, set[str]] = defaultdict(set)
    for host in ordered:
        for group in host.groups:
            listed[group].add(host.name)
    for group, names in (members or {}).items():
        listed[group].update(names)
    _note_limits(ordered, notices)
    groups = tuple(
        ImportedGroup(
            name=name,
            hosts=tuple(sorted(listed[name], key=natural_key)),
            expression=(expressions or {}).get(name),
        )
        for name in sorted({*listed, *(expressions or {})}, key=natural_key)
        if listed[name] or name in (expressions or {})
    )
    return ImportPlan(hosts=tuple(ordered), groups=groups, notices=notices.in_order())


def _reachable(host: ImportedHost, notices: Notices) -> ImportedHost:
    """The host without a way through itself, as settings for every host make one for the gate."""
    if host.name not in host.jump:
        return host
    notices.add(host.line, f"{host.name} cannot be its own jump host; reached without it")
    return replace(host, jump=host.jump[: host.jump.index(host.name)])


_HTTP_PORT = 5985


def _fitting(host: ImportedHost, notices: Notices) -> ImportedHost:
    """The host without what its protocol has not."""
    if host.protocol != "winrm":
        return replace(host, authentication=None, tls=None)
    if host.tls is None and host.port == _HTTP_PORT:
        host = replace(host, tls=False)
    if host.jump or host.identity_files:
        notices.add(host.line, f"{host.name}: WinRM has neither jump hosts nor key files")
        host = replace(host, jump=(), identity_files=())
    proof = host.authentication
    if host.tls is False and proof is not None and not Authentication(proof).encrypts:
        what = f"{host.name}: {proof} needs TLS; its `winrm.authentication` is left out"
        notices.add(host.line, what)
        host = replace(host, authentication=None)
    return host


def _note_limits(hosts: Sequence[ImportedHost], notices: Notices) -> None:
    """What the documents made of these hosts cannot say."""
    known = {host.name for host in hosts}
    for host in hosts:
        for hop in host.jump:
            if hop not in known:
                notices.add(host.line, f"jump host {hop!r} is not in this file; define it as well")
        if host.identity_files and not host.user:
            what = f"{host.name}: a key file without a user makes no account; run with --as"
            notices.add(host.line, what)
        elif len(host.identity_files) > 1:
            what = f"{host.name}: only the first of {len(host.identity_files)} key files is used"
            notices.add(host.line, what)
