"""`hosts` and `events` against a fake API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem, stream

AT = "2026-01-31T11:00:00.000000Z"


def key(name: str = "web01", status: str = "pending") -> dict[str, Any]:
    return {
        "id": f"id-{name}", "host": name, "pattern": "10.0.0.1", "key_type": "ssh-ed25519",
        "fingerprint": f"SHA256:{name}", "status": status, "authority": False,
        "source": "first-use", "first_seen_at": AT,
    }  # fmt: skip


def test_hosts_come_in_the_order_of_runs(jobdeck: Jobdeck, api: FakeApi) -> None:
    hosts = [{"kind": "host", "name": name, "spec": {}} for name in ("web10", "web2", "db1")]
    api.on("GET", "/documents/host", answer({"items": hosts}))
    api.on("GET", "/hosts", answer([]))
    api.on(
        "POST", "/targets/resolve",
        answer({"hosts": ["web2", "web10"], "count": 2, "folded": "web[2,10]"}),
    )  # fmt: skip

    ended = jobdeck("hosts", "list", "web*")

    assert [line.split()[0] for line in ended.out.splitlines()[1:]] == ["web2", "web10"]
    assert ended.err == "2 hosts\n"
    assert jobdeck("hosts", "list", "web*", "--folded").out == "web[2,10]\n"
    assert api.sent("POST", "/targets/resolve") == [{"expression": "web*"}] * 2


def test_a_wrong_expression_points_at_the_character(jobdeck: Jobdeck, api: FakeApi) -> None:
    detail = "cannot read this target expression\n  env=\n      ^"
    items = [{"where": "column 5", "what": "a value is missing here", "hint": ""}]
    api.on("POST", "/targets/resolve", problem(422, "invalid", detail, problems=items))

    ended = jobdeck("hosts", "list", "env=")

    assert ended.err == f"error: {detail}\n  column 5: a value is missing here\n"


def test_an_import_is_a_preview_until_it_is_applied(
    jobdeck: Jobdeck, api: FakeApi, tmp_path: Path
) -> None:
    file = tmp_path / "hosts.csv"
    file.write_text("name,address\nweb01,10.0.0.1\n")
    documents = [{"kind": "host", "name": "web01", "labels": {}, "spec": {}}]
    api.on("POST", "/inventory/import", answer({"documents": documents, "notices": ["line 3: x"]}))
    changes = [{"kind": "host", "name": "web01", "action": "create"}]
    api.on("POST", "/apply", answer({"changes": changes, "applied": False}))
    words = ("hosts", "import", "--from", "csv", str(file), "--account", "me", "--label", "a=b")

    preview = jobdeck(*words)

    assert preview.out == "+ create  host web01\n1 to create\n"
    assert "left out: line 3: x\n" in preview.err
    assert "1 document found; --apply carries it out\n" in preview.err
    assert [item["dry_run"] for item in api.sent("POST", "/apply")] == [True]
    assert api.sent("POST", "/inventory/import") == [
        {"source": "csv", "text": file.read_text(), "labels": {"a": "b"}, "account": "me"}
    ]

    assert jobdeck(*words, "--apply").code == 0
    assert [item["dry_run"] for item in api.sent("POST", "/apply")] == [True, True, False]


def test_keys_that_wait_come_with_what_to_type(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/host-keys", answer({"items": [key(), key("web02", "approved")]}))

    ended = jobdeck("hosts", "keys", "list")

    assert "web01  ? pending   ssh-ed25519  01-31 11:00  first-use  SHA256:web01" in ended.out
    assert ended.err == "1 key waits: jobdeck hosts keys approve HOST..., --all-pending\n"


def test_keys_are_approved_by_host(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("POST", "/host-keys/actions", answer({"items": [key("web01", "approved")]}))

    ended = jobdeck("hosts", "keys", "approve", "web[01-02]", "db1")

    assert ended.err == "approved: web01  SHA256:web01\n"
    assert api.sent("POST", "/host-keys/actions") == [
        {"action": "approve", "ids": [], "hosts": ["web01", "web02", "db1"]}
    ]


def test_keys_are_revoked_by_fingerprint(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("POST", "/host-keys/actions", answer({"items": [key("web01", "revoked")]}))

    ended = jobdeck("hosts", "keys", "revoke", "SHA256:web01", "db1")

    assert ended.err == "revoked: web01  SHA256:web01\n"
    assert api.sent("POST", "/host-keys/actions") == [
        {"action": "revoke", "ids": ["SHA256:web01"], "hosts": ["db1"]}
    ]


def test_all_pending_keys_are_shown_before_they_are_approved(
    jobdeck: Jobdeck, api: FakeApi
) -> None:
    api.on("GET", "/host-keys", answer({"items": [key(), key("web02")]}))
    api.on("POST", "/host-keys/actions", answer({"items": [key("web01", "approved")]}))

    refused = jobdeck("hosts", "keys", "approve", "--all-pending")

    assert refused.code == 2
    assert "SHA256:web02" in refused.out
    assert "not confirmed; nothing was approved" in refused.err
    assert api.sent("POST", "/host-keys/actions") == []

    assert jobdeck("hosts", "keys", "approve", "--all-pending", "--yes").code == 0
    # Exactly the keys that were shown: one that arrived meanwhile still waits.
    assert api.sent("POST", "/host-keys/actions") == [
        {"action": "approve", "ids": ["id-web01", "id-web02"], "hosts": []}
    ]


def test_a_known_hosts_file_says_what_it_adds_and_leaves_out(
    jobdeck: Jobdeck, api: FakeApi, tmp_path: Path
) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("web01 ssh-ed25519 AAAA\n")
    found = {"added": [key()], "skipped": [{"line": 3, "why": "no key"}]}
    api.on("POST", "/host-keys/import", answer(found))

    ended = jobdeck("hosts", "keys", "import", str(file), "--dry-run")

    assert f"{file}:3: no key\n" in ended.err
    assert "dry run: nothing was changed\n" in ended.err
    assert api.sent("POST", "/host-keys/import") == [
        {"known_hosts": file.read_text(), "dry_run": True}
    ]


def test_an_authority_is_trusted_for_a_pattern(
    jobdeck: Jobdeck, api: FakeApi, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pub"
    file.write_text("ssh-ed25519 AAAA ca\n")
    api.on("POST", "/host-keys/authorities", answer(key(), 201))

    jobdeck("hosts", "keys", "add-ca", "*.example.com", str(file))

    assert api.sent("POST", "/host-keys/authorities") == [
        {"pattern": "*.example.com", "public_key": "ssh-ed25519 AAAA ca"}
    ]


def entry(seq: int, **data: Any) -> dict[str, Any]:
    return {
        "seq": seq, "at": AT, "actor": "ann", "type": "run.targets",
        "subject": "01JABCDEFGHJKMNPQRSTVWXYZ0", "data": data,
    }  # fmt: skip


def test_the_newest_events_are_shown(jobdeck: Jobdeck, api: FakeApi) -> None:
    failed = entry(1001, targets=[[0, "failed", "X", 1], [1, "failed", "X", 1]])
    api.on("GET", "/events", answer({"items": [entry(1000), failed], "next": 1001}))

    lines = jobdeck("events", "--limit", "2").out.splitlines()

    assert [line.split()[0] for line in lines] == ["1000", "1001"]
    assert lines[1].endswith("01JABCDEFGHJ  ann  2 failed")
    assert api.asked("/events") == {"before": [str(10**18)], "limit": ["2"]}


def test_more_events_than_a_page_holds_are_read_backwards(jobdeck: Jobdeck, api: FakeApi) -> None:
    pages = [
        {"items": [entry(seq) for seq in range(501, 1501)], "next": 1500},
        {"items": [entry(seq) for seq in range(1, 501)], "next": 500},
    ]
    api.on("GET", "/events", *map(answer, pages))

    lines = jobdeck("events", "--limit", "2000").out.splitlines()

    assert [int(line.split()[0]) for line in lines] == list(range(1, 1501))
    assert api.asked("/events")["before"] == ["501"]


def test_events_after_a_number_are_the_next_ones(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/events", answer({"items": [entry(8), entry(9)], "next": 9}))

    ended = jobdeck("events", "--after", "7", "--limit", "1", "--type", "run.targets", "--json")

    assert [json.loads(line)["seq"] for line in ended.out.splitlines()] == [8]
    assert api.asked("/events") == {"after": ["7"], "type": ["run.targets"], "limit": ["1000"]}


@pytest.mark.parametrize("after", [(), ("--after", "0")])
def test_following_ends_with_the_engine(
    jobdeck: Jobdeck, api: FakeApi, after: tuple[str, ...]
) -> None:
    api.on("GET", "/events", stream(("run.targets", "1", entry(1)), ("bye", "", {})))

    ended = jobdeck("events", "--follow", *after)

    assert ended.code == 3
    assert ended.out.split()[0] == "1"
    assert "error: the engine has stopped" in ended.err
    assert api.requests[0].headers["Accept"] == "text/event-stream"
