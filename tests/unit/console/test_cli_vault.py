"""`jobdeck vault`: what is shown, and how a passphrase comes in."""

from __future__ import annotations

import io
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.unit.console.fake_api import FakeApi, Jobdeck, answer

PASSPHRASE = "correct horse battery"


def vault(**changes: Any) -> dict[str, Any]:
    places = [
        {"name": "passphrase", "place": "/home/j/master.sealed", "in_use": False},
        {"name": "key file", "place": "/home/j/master.key", "in_use": True},
    ]
    return {
        "state": "open", "needs_passphrase": False, "unlocker": "key file", "key_id": "feed",
        "secrets": 1200, "first_scheme": 0, "unlockers": places, **changes,
    }  # fmt: skip


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A passphrase on stdin, with something behind it."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSPHRASE}\nmore\n"))


def test_the_status_names_what_keeps_the_key_and_what_could(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("GET", "/vault", answer(vault(first_scheme=3)))
    shown = jobdeck("vault", "status").out.splitlines()
    assert shown == [
        "vault             ✓ open",
        "key kept by       key file",
        "key               feed",
        "secrets           1,200",
        "without data key  3; `jobdeck vault rotate` gives them one",
        "passphrase        ◦ /home/j/master.sealed",
        "key file          ✓ /home/j/master.key",
    ]


def test_a_list_names_owners_and_users(api: FakeApi, jobdeck: Jobdeck) -> None:
    kept = {
        "owner": "account/ops/spec.password",
        "created_at": "2020-01-01T00:00:00.000000Z",
        "used_at": None,
        "used_by": ["host/web1", "job/deploy"],
    }
    api.on("GET", "/vault/secrets", answer({"items": [kept], "next_cursor": None}))
    (_, row) = jobdeck("vault", "list").out.splitlines()
    assert row.split()[0] == "account/ops/spec.password"
    assert row.endswith("host/web1, job/deploy")


@pytest.mark.usefixtures("typed")
def test_a_passphrase_comes_from_the_first_line_of_stdin(api: FakeApi, jobdeck: Jobdeck) -> None:
    locked = vault(state="locked", needs_passphrase=True)
    api.on("GET", "/vault", answer(locked)).on("POST", "/vault/unlock", answer(vault()))
    assert jobdeck("vault", "unlock", "--passphrase-stdin").code == 0
    assert api.sent("POST", "/vault/unlock") == [{"passphrase": PASSPHRASE}]


def test_without_a_person_or_stdin_the_flag_is_named(api: FakeApi, jobdeck: Jobdeck) -> None:
    api.on("GET", "/vault", answer(vault(state="locked", needs_passphrase=True)))
    ended = jobdeck("vault", "unlock", "--no-input")
    assert (ended.code, "--passphrase-stdin" in ended.err) == (2, True)
    assert api.sent("POST", "/vault/unlock") == []


def test_a_new_passphrase_is_typed_twice(
    api: FakeApi, jobdeck: Jobdeck, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([PASSPHRASE, "another one", PASSPHRASE, PASSPHRASE])
    monkeypatch.setattr("console.cli.vault.may_ask", lambda: True)
    monkeypatch.setattr("console.cli.asking.getpass.getpass", lambda *_, **__: next(answers))
    api.on("POST", "/vault/init", answer(vault()))
    refused = jobdeck("vault", "init", "passphrase")
    assert (refused.code, "not the same" in refused.err) == (2, True)
    assert api.sent("POST", "/vault/init") == []
    assert jobdeck("vault", "init", "passphrase").code == 0
    body = {"unlocker": "passphrase", "passphrase": PASSPHRASE}
    assert api.sent("POST", "/vault/init") == [body]


def test_a_place_that_keeps_no_key_is_refused_with_those_that_do(jobdeck: Jobdeck) -> None:
    ended = jobdeck("vault", "init", "pocket")
    assert ended.code == 2
    assert "'pocket' keeps no key" in ended.err
    assert "keyring, key-file, passphrase, systemd" in ended.err


@pytest.mark.usefixtures("typed")
def test_an_exported_key_is_a_new_file_that_only_its_owner_reads(
    api: FakeApi, jobdeck: Jobdeck, home: Path
) -> None:
    file = home / "key"
    api.on("POST", "/vault/export", answer({"text": "sealed"}))
    assert jobdeck("vault", "export", str(file), "--passphrase-stdin").out == f"{file}\n"
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("sealed\n", 0o600)
    again = jobdeck("vault", "export", str(file), "--passphrase-stdin")
    assert (again.code, "is there already" in again.err) == (2, True)


@pytest.mark.usefixtures("typed")
def test_an_import_sends_the_file_and_says_when_there_is_none(
    api: FakeApi, jobdeck: Jobdeck, home: Path
) -> None:
    (home / "key").write_text("sealed\n")
    api.on("POST", "/vault/import", answer(vault()))
    assert jobdeck("vault", "import", str(home / "key"), "--passphrase-stdin").code == 0
    assert api.sent("POST", "/vault/import") == [{"text": "sealed", "passphrase": PASSPHRASE}]
    missing = jobdeck("vault", "import", str(home / "none"), "--passphrase-stdin")
    assert (missing.code, "No such file" in missing.err) == (2, True)


def test_secrets_that_do_not_open_are_named_and_end_the_command_with_a_failure(
    api: FakeApi, jobdeck: Jobdeck
) -> None:
    owners = ["account/a/spec.key", "account/b/spec.password"]
    found = {"good": 7, "damaged": 1, "foreign": 1, "owners": owners}
    api.on("GET", "/vault/verify", answer(found))
    ended = jobdeck("vault", "verify")
    assert ended.code == 3
    assert ended.out.splitlines() == [
        "7 secrets open",
        "damaged: 1",
        "sealed with another master key: 1",
        "  account/a/spec.key",
        "  account/b/spec.password",
    ]
