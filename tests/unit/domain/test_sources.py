"""Inventory sources: reading answers, and what follows for the hosts they made."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import sources
from core.domain.documents import Document, parse
from core.domain.inventorysource import InventorySourceSpec
from core.domain.sources import HostAction, HostChange, Owned, compare, digest
from core.errors import Invalid

DYNAMIC = {
    "_meta": {"hostvars": {"web1": {"ansible_host": "10.0.0.1", "ansible_user": "x"}, "lone": {}}},
    "web": {"hosts": ["web1", "web2"], "vars": {"ansible_port": 2222}},
    "db": ["db1"],
    "prod": {"children": ["web", "db"]},
    "all": {"children": ["ungrouped"]},
}


def spec(**more: Any) -> InventorySourceSpec:
    return InventorySourceSpec.model_validate({"command": "x", **more})


def bodies(text: str, **more: Any) -> dict[str, dict[str, Any]]:
    found = sources.read(spec(**more), text).hosts
    return {
        name: {"labels": body["labels"], **body["spec"]}
        for name, body in ((name, document.body()) for name, document in found.items())
    }


def test_ansibles_dynamic_inventory_becomes_hosts_with_groups_as_labels() -> None:
    text = json.dumps(DYNAMIC)
    assert bodies(text, format="ansible", account="ops", labels={"from": "cloud"}) == {
        "db1": {"labels": {"db": "yes", "prod": "yes", "from": "cloud"}, "account": "ops"},
        "lone": {"labels": {"from": "cloud"}, "account": "ops"},
        "web1": {
            "labels": {"prod": "yes", "web": "yes", "from": "cloud"},
            "address": "10.0.0.1", "port": 2222, "account": "ops",
        },
        "web2": {
            "labels": {"prod": "yes", "web": "yes", "from": "cloud"}, "port": 2222, "account": "ops",
        },
    }  # fmt: skip
    notices = sources.read(spec(format="ansible"), text).notices
    assert "users are left out, hosts get the source's account: x" in notices


def test_a_list_and_documents_become_hosts() -> None:
    assert bodies("web1 10.0.0.1\n\n# no\nweb2  # yes\n", format="list") == {
        "web1": {"labels": {}, "address": "10.0.0.1"},
        "web2": {"labels": {}},
    }
    text = "kind: host\nname: web1\nspec: {port: 22}\n---\n{kind: host, name: web2}\n"
    assert bodies(text, account="ops") == {
        "web1": {"labels": {}, "account": "ops"},
        "web2": {"labels": {}, "account": "ops"},
    }


@pytest.mark.parametrize(
    ("format_", "text", "what"),
    [
        ("ansible", '{"web": 1}', "a group is a list of hosts, or an object"),
        ("ansible", '{"web": ', "it is not JSON"),
        ("ansible", '{"a":' * 100_000, "nested too deeply"),
        ("list", "web1 a b\n", "3 words; a line is a name and perhaps its address"),
        ("documents", "kind: account\nname: x\nspec: {user: x, agent: true}\n", "makes hosts only"),
        ("documents", "{kind: host, name: a}\n---\n{kind: host, name: a}\n", "stands there twice"),
        ("documents", "just text\n", "a document is a mapping"),
    ],
)
def test_an_answer_that_cannot_be_read_is_refused_whole(format_: str, text: str, what: str) -> None:
    with pytest.raises(Invalid) as caught:
        sources.read(spec(format=format_), text)
    assert what in "; ".join(problem.what for problem in caught.value.problems)


@given(st.text(max_size=200), st.sampled_from(["ansible", "list", "documents"]))
def test_no_answer_is_too_strange_to_be_refused(text: str, format_: str) -> None:
    try:
        found = sources.read(spec(format=format_), text)
    except Invalid:
        return
    assert all(document.kind == "host" for document in found.hosts.values())


# --- comparing ----------------------------------------------------------------------------------


def host(port: int = 22) -> Document:
    return parse({"kind": "host", "name": "web1", "spec": {"port": port}})


def owned(document: Document, **more: Any) -> Owned:
    return Owned(**{"source": "cloud", "digest": digest(document), **more})


def change(
    new: Document | None, old: Document | None, owner: Owned | None, **more: Any
) -> HostChange | None:
    found = compare(
        "cloud",
        {} if new is None else {"web1": new},
        {} if old is None else {"web1": old},
        {} if owner is None else {"web1": owner},
        **more,
    )
    return found[0] if found else None


A, B, C = host(1), host(2), host(3)
GONE = "2026-01-01"


@pytest.mark.parametrize(
    ("new", "old", "owner", "action", "why"),
    [
        (A, None, None, "create", ""),
        (B, A, owned(A), "change", ""),
        (A, A, owned(A), "unchanged", ""),
        (None, A, owned(A), "vanish", ""),
        (A, A, owned(A, vanished_at=GONE), "return", ""),
        (B, A, owned(A, vanished_at=GONE), "return", ""),
        (B, C, owned(A), "keep", "a person changed it"),
        (A, C, owned(A), "unchanged", ""),  # the source says what it said
        (B, B, owned(A), "unchanged", ""),  # a person was faster
        (B, None, owned(A), "keep", "a person deleted it"),
        (A, None, owned(A, vanished_at=GONE), "create", ""),
        (B, A, None, "keep", "a person made it"),
        (B, A, owned(A, source="other"), "keep", "the source other made it"),
        (A, A, None, "unchanged", ""),
    ],
)
def test_what_a_refresh_does_to_a_host(
    new: Document | None, old: Document | None, owner: Owned | None, action: str, why: str
) -> None:
    found = change(new, old, owner)
    assert found is not None
    assert (found.action.value, found.why) == (action, why)


def test_what_has_vanished_or_was_deleted_is_said_once() -> None:
    assert change(None, A, owned(A, vanished_at=GONE)) is None
    assert change(None, None, owned(A)) is None
    assert change(None, A, owned(A, source="other")) is None


def test_only_what_people_changed_on_its_own_hosts_can_be_taken_back() -> None:
    taken = change(B, C, owned(A), overwrite=True)
    again = change(A, C, owned(A), overwrite=True)
    foreign = change(B, A, None, overwrite=True)
    actions = [found.action for found in (taken, again, foreign) if found]
    assert actions == [HostAction.CHANGE, HostAction.CHANGE, HostAction.KEEP]
