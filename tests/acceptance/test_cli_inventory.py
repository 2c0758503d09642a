"""Documents, hosts, keys and events from the command line, against a real engine."""

from __future__ import annotations

import json
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain import yamlsafe
from tests.support.product import ROOT, Product

pytestmark = pytest.mark.slow

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2Jj0ZTyWZ3lJr6ZkQ9y4rV7wq0r2Dk9kXxqv1mC3hQ"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Product() as product:
        yield product


def documents(text: str) -> list[object]:
    return [item.value for item in yamlsafe.load_all(text)]


def test_what_is_exported_can_be_applied_again(product: Product) -> None:
    samples = ROOT / "assets" / "samples"
    key = product.folder / "lab_key"
    key.write_text("-")
    product.run("apply", "-f", samples)

    exported = product.run("export").out
    again = product.run("apply", "-f", "-", stdin=exported.encode()).out

    assert len(documents(exported)) > 20
    assert again == f"{len(documents(exported))} unchanged\n"
    product.run("export", "jobs", "-o", product.folder / "out")
    assert product.run("apply", "-f", product.folder / "out").out.endswith(" unchanged\n")
    shutil.rmtree(product.folder / "out")


def test_a_documents_life(product: Product) -> None:
    product.apply("{kind: host, name: life, labels: {a: b}, spec: {address: 10.0.0.1}}")
    changed = product.apply("{kind: host, name: life, labels: {a: c}, spec: {address: 10.0.0.1}}")
    assert changed.out == "~ change  host life\n    labels.a: b -> c\n1 to change\n"

    assert product.run("diff", "host", "life").out == "labels.a: b -> c\n"
    assert product.run("diff", "host", "life", "--from", "1", "--to", "2").out == (
        "labels.a: b -> c\n"
    )
    history = product.run("history", "host", "life").out.splitlines()
    assert [line.split()[:2] for line in history[1:]] == [["2", "replaced"], ["1", "created"]]
    first = product.run("get", "host", "life", "--revision", "1").out
    assert documents(first)[0] == {
        "kind": "host", "name": "life", "labels": {"a": "b"}, "spec": {"address": "10.0.0.1"}
    }  # fmt: skip

    product.apply("{kind: group, name: users, spec: {hosts: [life]}}")
    refused = product.cli("delete", "host", "life", "--yes")
    assert refused.code == 4
    assert "users" in refused.err
    product.run("delete", "group", "users", "--yes")
    product.run("delete", "host", "life", "--yes")
    gone = product.cli("get", "host", "life")
    assert (gone.code, gone.out) == (2, "")


def test_an_editor_changes_a_document(product: Product) -> None:
    product.apply("{kind: host, name: edited, spec: {port: 22, address: 10.0.0.1}}")
    editor = product.folder / "editor"
    editor.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\nfile = pathlib.Path(sys.argv[1])\n"
    )
    with editor.open("a") as program:
        program.write("file.write_text(file.read_text().replace('10.0.0.1', '10.0.0.2'))\n")
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)

    ended = product.cli("edit", "host", "edited", env={"EDITOR": str(editor)})

    assert ended.err == "host edited is now revision 2\n"
    assert "10.0.0.2" in product.run("get", "host", "edited").out


def test_secrets_are_never_shown_and_survive_an_export(product: Product) -> None:
    product.apply("{kind: account, name: root, spec: {user: root, password: hunter2}}")

    shown = product.run("get", "account", "root").out
    assert "hunter2" not in shown
    assert "secret: " in shown
    assert product.run("apply", "-f", "-", stdin=shown.encode()).out == "1 unchanged\n"
    assert "password" in product.run("get", "accounts").out


def test_the_engines_findings_have_file_and_line(product: Product, tmp_path: Path) -> None:
    file = tmp_path / "hosts.yaml"
    file.write_text("kind: host\nname: a\n---\nkind: host\nname: b\nspec:\n  account: nobody\n")

    ended = product.cli("apply", "-f", file)

    assert ended.code == 2
    assert f"{file}:7: spec.account: " in ended.err
    assert product.cli("get", "host", "a").code == 2


def test_pruning_deletes_what_no_file_names(product: Product) -> None:
    product.apply(
        "{kind: host, name: kept, labels: {by: git}, spec: {}}\n---\n"
        "{kind: host, name: old, labels: {by: git}, spec: {}}\n"
    )

    ended = product.apply(
        "{kind: host, name: kept, labels: {by: git}, spec: {}}", "--prune", "by=git", "--yes"
    )

    assert ended.out == "- delete  host old\n1 to delete, 1 unchanged\n"
    assert product.run("get", "hosts", "-l", "by=git", "--json").json()[0]["name"] == "kept"


def test_every_kind_can_be_explained_and_listed(product: Product) -> None:
    for kind in ("host", "group", "account", "environment", "script", "job"):
        assert f"kind    {kind}" in product.run("explain", kind).out
        assert product.run("get", kind, "-o", "wide").out

    assert product.cli("explain", "host.prot").err == (
        "error: field 'prot' does not exist in host\n  hint: did you mean 'port'?\n"
    )


@pytest.mark.parametrize(
    ("source", "text", "name"),
    [
        ("csv", "name,address\nfrom-csv,10.0.0.1\n", "from-csv"),
        ("yaml", "- {name: from-yaml, address: 10.0.0.1}\n", "from-yaml"),
        ("ansible", "[web]\nfrom-ini ansible_host=10.0.0.1\n", "from-ini"),
        ("ansible", "all: {hosts: {from-tree: {ansible_host: 10.0.0.1}}}\n", "from-tree"),
        ("openssh", "Host from-ssh\n  HostName 10.0.0.1\n", "from-ssh"),
    ],
)
def test_hosts_come_from_other_tools_files(
    product: Product, tmp_path: Path, source: str, text: str, name: str
) -> None:
    file = tmp_path / "inventory"
    file.write_text(text)
    words = ("hosts", "import", "--from", source, file, "--label", "found=here")

    preview = product.run(*words)
    assert f"+ create  host {name}\n" in preview.out
    assert "--apply carries it out" in preview.err
    assert product.cli("get", "host", name).code == 2

    product.run(*words, "--apply")
    shown = product.run("get", "host", name, "-o", "json").json()
    assert (shown["spec"]["address"], shown["labels"]["found"]) == ("10.0.0.1", "here")


def test_an_unknown_tool_suggests_the_nearest(product: Product, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a")

    ended = product.cli("hosts", "import", "--from", "ansibel", tmp_path / "x")

    assert ended.code == 2
    assert "did you mean 'ansible'?" in ended.err


def test_host_keys_are_imported_listed_and_revoked(product: Product, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"10.9.9.9 {KEY}\nnonsense\n")

    preview = product.run("hosts", "keys", "import", file, "--dry-run")
    assert f"{file}:2: " in preview.err
    assert "10.9.9.9" in preview.out
    assert product.run("hosts", "keys", "list").out == "no host key is on record\n"

    product.run("hosts", "keys", "import", file)
    [key] = product.run("hosts", "keys", "list", "--json").json()
    assert (key["pattern"], key["status"]) == ("10.9.9.9", "approved")
    assert product.run("hosts", "keys", "list", "--status", "pending", "--json").json() == []

    (tmp_path / "ca.pub").write_text(f"{KEY} ca\n")
    product.run("hosts", "keys", "add-ca", "*.example.com", tmp_path / "ca.pub")
    assert "*.example.com" in product.run("hosts", "keys", "list").out

    # A key's record may be about many hosts, or about none that is known by a name.
    product.run("hosts", "keys", "revoke", key["fingerprint"])
    keys = product.run("hosts", "keys", "list", "--json").json()
    assert {(key["pattern"], key["status"]) for key in keys} == {
        ("10.9.9.9", "revoked"),
        ("*.example.com", "revoked"),
    }


def test_events_can_be_read_from_any_place(product: Product) -> None:
    product.apply("{kind: host, name: noted, spec: {}}")

    newest = product.run("events", "--limit", "1", "--json").out
    entry = json.loads(newest)
    assert (entry["type"], entry["subject"]) == ("document.created", "host/noted")
    after = str(entry["seq"] - 1)
    assert product.run("events", "--after", after, "--json").out == newest
    assert product.run("events", "--after", str(entry["seq"])).out == ""
    beyond = product.cli("events", "--after", "99999999")
    assert beyond.code == 2
    assert "--after" in beyond.err or "after" in beyond.err
    only = product.run("events", "--type", "document.deleted", "--json").out.splitlines()
    assert {json.loads(line)["type"] for line in only} <= {"document.deleted"}
