"""The documents that an import proposes."""

from __future__ import annotations

from core.domain import documents
from core.domain.importing import ImportedGroup, ImportedHost, ImportPlan, read
from core.domain.importing import documents as imported_documents

PLAN = ImportPlan(
    hosts=(
        ImportedHost(name="a", address="a", port=22, user="root"),
        ImportedHost(
            name="b",
            address="10.0.0.2",
            port=2222,
            protocol="local",
            user="root",
            identity_files=("~/.ssh/prod key", "second"),
            labels={"env": "prod"},
            groups=("g",),
            jump=("a",),
            variables={"X": "1"},
        ),
        ImportedHost(name="c", user="root", identity_files=("/other/prod key",)),
        ImportedHost(name="d", user="root"),
        ImportedHost(name="e", identity_files=("x",)),
    ),
    groups=(ImportedGroup(name="g", hosts=("b",)), ImportedGroup(name="h", expression="@g")),
)


def test_hosts_share_an_account_for_each_login() -> None:
    found = imported_documents(PLAN)
    assert [(item["kind"], item["name"]) for item in found] == [
        *[("account", name) for name in ("root-agent", "root-prod-key", "root-prod-key-2")],
        *[("host", name) for name in "abcde"],
        *[("group", name) for name in "gh"],
    ]
    accounts = {item["name"]: item["spec"] for item in found if item["kind"] == "account"}
    assert accounts == {
        "root-agent": {"user": "root", "agent": True},
        "root-prod-key": {"user": "root", "key_file": "/other/prod key"},
        "root-prod-key-2": {"user": "root", "key_file": "~/.ssh/prod key"},
    }
    hosts = {item["name"]: item for item in found if item["kind"] == "host"}
    assert hosts["a"] == {
        "kind": "host",
        "name": "a",
        "spec": {"port": 22, "account": "root-agent"},
    }
    assert hosts["b"] == {
        "kind": "host",
        "name": "b",
        "labels": {"env": "prod"},
        "spec": {
            "address": "10.0.0.2",
            "port": 2222,
            "protocol": "local",
            "account": "root-prod-key-2",
            "jump": ["a"],
            "variables": {"X": "1"},
        },
    }
    assert [hosts[name]["spec"].get("account") for name in "cde"] == [
        "root-prod-key",
        "root-agent",
        None,
    ]
    assert found[-2:] == (
        {"kind": "group", "name": "g", "spec": {"hosts": ["b"]}},
        {"kind": "group", "name": "h", "spec": {"expression": "@g"}},
    )


def test_every_proposed_document_is_valid() -> None:
    plans = [
        PLAN,
        read("csv", "name,address,user,groups,labels\nweb1,::1,me@corp,web;prod,env=prod\n"),
        read(
            "ansible", "[web]\nweb[1:3] ansible_user=a ansible_port=1 x=y\n[all2:children]\nweb\n"
        ),
        read("openssh", "Host a b\n User x\n IdentityFile ~/.ssh/id\n ProxyJump a\n"),
    ]
    for plan in plans:
        for proposed in imported_documents(plan):
            parsed = documents.parse(proposed)
            assert parsed.name == proposed["name"]


def test_the_same_file_always_makes_the_same_documents() -> None:
    text = "Host b\n User u\n IdentityFile x/k\nHost a\n User u\n IdentityFile y/k\n"
    blocks = text.split("Host ")[1:]
    turned = "Host " + "Host ".join(reversed(blocks))
    assert imported_documents(read("openssh", text)) == imported_documents(read("openssh", turned))
