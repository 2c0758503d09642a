"""Inventory sources: from an answer to the hosts it describes, and what follows from them. Pure.

A source owns the hosts that it made, and no other. It never overwrites what a person made or
changed, and never deletes: a host that it does not name any more has vanished.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from core.domain import documents, targets
from core.domain.changes import FieldChange, diff
from core.domain.documents import Document
from core.domain.inventorysource import InventorySourceSpec, SourceFormat
from core.domain.names import label_key_problem, natural_key
from core.domain.targets import GroupView, HostView, Inventory
from core.errors import Invalid, NotFound, Problem

if TYPE_CHECKING:
    from core.domain.importing import ImportPlan

MAX_BYTES = 32 << 20
"""Of an answer."""
MEMBER = "yes"
"""Value of the label that a group of the source becomes."""


@dataclass(frozen=True, slots=True)
class Read:
    """What an answer describes."""

    hosts: Mapping[str, Document]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """A host that a source made."""

    source: str
    digest: str
    """Of the document as the source left it."""
    vanished_at: str | None = None


class HostAction(StrEnum):
    """What a refresh does to one host."""

    CREATE = "create"
    CHANGE = "change"
    RETURN = "return"
    """It had vanished, and is there again."""
    VANISH = "vanish"
    """The source does not name it any more: runs leave it out."""
    KEEP = "keep"
    """The source would change it, and it is a person's."""
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostChange:
    """What a refresh does, or did, to one host."""

    host: str
    action: HostAction
    why: str = ""
    """Why it is kept."""
    diff: tuple[FieldChange, ...] = ()
    document: Document | None = None
    """What the source says; None for one that vanishes."""


def read(spec: InventorySourceSpec, text: str) -> Read:
    """The hosts that an answer describes. Raises: Invalid for one that cannot be read."""
    raw, notices = _raw(spec.format, text)
    hosts: dict[str, Document] = {}
    problems: list[Problem] = []
    for place, body in enumerate(raw):
        try:
            document = documents.parse(_completed(spec, body))
        except (Invalid, NotFound) as error:
            own = error.problems if isinstance(error, Invalid) else ()
            problems += own or [Problem(where=f"[{place}]", what=error.message)]
            continue
        if document.kind != "host":
            what = f"a source makes hosts only, not {document.kind} {document.name!r}"
            problems.append(Problem(where=f"[{place}]", what=what))
        elif document.name in hosts:
            what = f"host {document.name!r} stands there twice"
            problems.append(Problem(where=f"[{place}]", what=what))
        hosts[document.name] = document
    if problems:
        raise Invalid("the source's answer is not valid", problems[:20])
    return Read(dict(sorted(hosts.items(), key=lambda item: natural_key(item[0]))), notices)


def _raw(format_: SourceFormat, text: str) -> tuple[list[Any], tuple[str, ...]]:
    """Documents as plain values, and what was left out."""
    # The readers are loaded when a source has answered: most engines ask none.
    from core.domain import importing, yamlsafe

    if format_ is SourceFormat.DOCUMENTS:
        return [item.value for item in yamlsafe.load_all(text)], ()
    if format_ is SourceFormat.LIST:
        return _imported(importing.read("list", text))
    is_json = text.lstrip()[:1] == "{"
    return _imported(importing.read("ansible-json" if is_json else "ansible", text))


def _completed(spec: InventorySourceSpec, body: Any) -> Any:
    """A host with what the source's own document adds."""
    if not isinstance(body, Mapping) or not isinstance(body.get("spec") or {}, Mapping):
        return body
    own = dict(body.get("spec") or {})
    if spec.account is not None and own.get("protocol") != "local":
        own.setdefault("account", spec.account)
    labels = body.get("labels") or {}
    merged = {**labels, **spec.labels} if isinstance(labels, Mapping) else labels
    return {**body, "labels": merged, "spec": own}


def _imported(plan: ImportPlan) -> tuple[list[Any], tuple[str, ...]]:
    """Host documents of an import; groups become labels, logins are the source's account."""
    notices = [str(notice) for notice in plan.notices]
    members = _members(plan, notices)
    if users := sorted({host.user for host in plan.hosts if host.user}):
        notices.append(f"users are left out, hosts get the source's account: {', '.join(users)}")
    from core.domain import importing

    bodies = []
    for body in importing.documents(plan):
        if body["kind"] != "host":
            continue
        spec = {name: value for name, value in body["spec"].items() if name != "account"}
        labels = {**dict.fromkeys(members.get(body["name"], ()), MEMBER), **body.get("labels", {})}
        bodies.append({**body, "labels": labels, "spec": spec})
    return bodies, tuple(notices)


def _members(plan: ImportPlan, notices: list[str]) -> dict[str, list[str]]:
    """Host -> groups that it is in, those around its own included."""
    inventory = Inventory(
        hosts={host.name: HostView(host.name) for host in plan.hosts},
        groups={group.name: GroupView(group.hosts, group.expression) for group in plan.groups},
    )
    found: dict[str, list[str]] = {}
    for group in plan.groups:
        if problem := label_key_problem(group.name):
            notices.append(f"group left out: {problem}")
            continue
        for host in targets.resolve(targets.parse(f'@"{group.name}"'), inventory):
            found.setdefault(host, []).append(group.name)
    return found


def digest(document: Document) -> str:
    """Tells whether a document is as the source left it."""
    text = json.dumps(document.body(), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def compare(
    source: str,
    read: Mapping[str, Document],
    stored: Mapping[str, Document],
    owned: Mapping[str, Owned],
    *,
    overwrite: bool = False,
) -> Sequence[HostChange]:
    """What a refresh does to each host, in natural order.

    `stored`: all host documents; `owned`: those that any source made. `overwrite`: what a person
    changed on a host of this source is taken back.
    """
    names: Iterable[str] = {*read, *(n for n, each in owned.items() if each.source == source)}
    changes = (
        _change(source, name, read.get(name), stored.get(name), owned.get(name), overwrite)
        for name in sorted(names, key=natural_key)
    )
    return [change for change in changes if change is not None]


def _change(
    source: str,
    name: str,
    new: Document | None,
    old: Document | None,
    owner: Owned | None,
    overwrite: bool,
) -> HostChange | None:
    if new is None:
        return _lost(name, old, owner)
    found = diff(old.body() if old else {}, new.body())
    change = HostChange(host=name, action=HostAction.UNCHANGED, diff=found, document=new)
    is_ours = owner is not None and owner.source == source
    if old is not None and not is_ours:
        maker = f"the source {owner.source} made it" if owner else "a person made it"
        return _kept(change, maker) if found else change
    if owner is not None and digest(new) == owner.digest and not (owner.vanished_at or overwrite):
        return change  # the source says what it said: a person's change stays
    if owner is not None and not overwrite:
        if old is None and owner.vanished_at is None:
            return _kept(change, "a person deleted it")
        if old is not None and found and digest(old) != owner.digest:
            return _kept(change, "a person changed it")
    if old is None:
        return _as(change, HostAction.CREATE)
    if owner is not None and owner.vanished_at is not None:
        return _as(change, HostAction.RETURN)
    return _as(change, HostAction.CHANGE) if found else change


def _lost(name: str, old: Document | None, owner: Owned | None) -> HostChange | None:
    """A host that the source does not name: nothing, where that is known or it is gone."""
    if old is None or owner is None or owner.vanished_at is not None:
        return None
    return HostChange(host=name, action=HostAction.VANISH)


def _kept(change: HostChange, why: str) -> HostChange:
    return _as(change, HostAction.KEEP, why)


def _as(change: HostChange, action: HostAction, why: str = "") -> HostChange:
    return HostChange(
        host=change.host, action=action, why=why, diff=change.diff, document=change.document
    )
