"""Host keys through the API: who is trusted, and who said so."""

from __future__ import annotations

import base64

import pytest

from core.domain.hostkeys import KeyStatus, KnownKey
from tests.support.api import Api, host


def public_key(seed: int) -> str:
    """An ed25519 public key, as known_hosts has it; nobody has its private half."""
    parts = (b"ssh-ed25519", bytes([seed]) * 32)
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


KNOWN_HOSTS = f"""\
# ours
10.0.0.1 {public_key(1)}
[10.0.0.2]:2222 {public_key(2)}
@cert-authority *.example.org {public_key(3)}
10.0.0.4 ssh-dss AAAA
"""


@pytest.fixture
async def known(api: Api) -> Api:
    """An engine that knows one host and has taken over a known_hosts file."""
    await api.apply(host("web1", address="10.0.0.1", protocol="ssh"))
    answer = await api.post("/host-keys/import", {"known_hosts": KNOWN_HOSTS})
    assert answer.status_code == 200, answer.text
    return api


async def test_an_import_says_what_it_adds_and_what_it_leaves_out(api: Api) -> None:
    await api.apply(host("web1", address="10.0.0.1", protocol="ssh"))
    before = api.journal_end
    body = {"known_hosts": KNOWN_HOSTS}
    dry = (await api.post("/host-keys/import", {**body, "dry_run": True})).json()
    assert api.journal_end == before
    done = (await api.post("/host-keys/import", body)).json()
    patterns = ["10.0.0.1", "[10.0.0.2]:2222", "*.example.org"]
    assert [key["pattern"] for key in dry["added"]] == patterns
    assert [key["pattern"] for key in done["added"]] == patterns
    ((line, why),) = [(skipped["line"], skipped["why"]) for skipped in done["skipped"]]
    assert line == 5
    assert "ssh-dss" in why
    again = (await api.post("/host-keys/import", body)).json()
    assert again["added"] == []


async def test_keys_are_listed_page_by_page_with_their_history(known: Api) -> None:
    first = (await known.get("/host-keys?limit=2")).json()
    rest = (await known.get(f"/host-keys?limit=2&cursor={first['next_cursor']}")).json()
    keys = first["items"] + rest["items"]
    assert [(key["host"], key["authority"]) for key in keys] == [
        ("web1", False),
        ("", False),
        ("", True),
    ]
    assert {key["status"] for key in keys} == {"approved"}
    assert {key["decided_by"] for key in keys} == {"ada"}
    assert keys[0]["fingerprint"].startswith("SHA256:")
    assert rest["next_cursor"] is None
    assert (await known.get("/host-keys?status=pending")).json()["items"] == []


async def test_a_key_is_revoked_by_its_host_and_approved_by_its_id(known: Api) -> None:
    revoked = await known.post("/host-keys/actions", {"action": "revoke", "hosts": ["web1"]})
    ((id_, status),) = [(key["id"], key["status"]) for key in revoked.json()["items"]]
    assert status == "revoked"
    approved = await known.post("/host-keys/actions", {"action": "approve", "ids": [id_]})
    assert [key["status"] for key in approved.json()["items"]] == ["approved"]


async def test_a_new_key_is_still_there_to_approve_when_the_old_one_is_revoked(known: Api) -> None:
    """The way out of a changed key, as its message tells it."""
    waits = KnownKey(pattern="10.0.0.1", public_key=public_key(7), status=KeyStatus.PENDING)
    await known.engine.host_keys.add([waits], "engine")

    async def decide(action: str) -> list[tuple[str, str]]:
        body = {"action": action, "hosts": ["web1"]}
        answer = await known.post("/host-keys/actions", body)
        assert answer.status_code == 200, answer.text
        return [(key["fingerprint"], key["status"]) for key in answer.json()["items"]]

    ((old, status),) = await decide("revoke")
    assert (old != waits.fingerprint, status) == (True, "revoked")
    assert await decide("approve") == [(waits.fingerprint, "approved")]
    assert await decide("revoke") == [(waits.fingerprint, "revoked")]


async def test_a_key_is_decided_by_every_name_of_its_machine(known: Api) -> None:
    await known.apply(host("web1-alias", address="10.0.0.1", protocol="ssh"))

    body = {"action": "revoke", "hosts": ["web1-alias"]}
    answer = await known.post("/host-keys/actions", body)

    assert [key["host"] for key in answer.json()["items"]] == ["web1"]


async def test_a_decision_about_an_unknown_host_changes_nothing(known: Api) -> None:
    before = known.journal_end
    body = {"action": "revoke", "hosts": ["web1", "web2"]}
    answer = await known.post("/host-keys/actions", body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert "did you mean 'web1'?" in answer.json()["hint"]
    assert known.journal_end == before


async def test_an_authority_is_added_once(api: Api) -> None:
    body = {"pattern": "*.example.org", "public_key": f"{public_key(9)} ca@example.org"}
    added = await api.post("/host-keys/authorities", body)
    assert (added.status_code, added.json()["authority"]) == (201, True)
    before = api.journal_end
    again = await api.post("/host-keys/authorities", body)
    assert (again.status_code, again.json()["code"]) == (409, "already-exists")
    assert api.journal_end == before
