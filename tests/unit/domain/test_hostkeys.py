"""The record of host keys: patterns, fingerprints, and the rule that judges a shown key."""

from __future__ import annotations

import pytest

from core.domain.hostkeys import (
    KeyStatus,
    KeyVerdict,
    KnownKey,
    covers,
    fingerprint,
    judge,
    name_on_record,
    normalised,
)
from core.errors import Invalid

OLD = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
NEW = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJQz4nD5nq2VnG9mCwVYxKX3VVcTzRyVu0Rr4x9eRIiV"
OLD_FINGERPRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"  # ssh-keygen -lf, github.com


def record(public_key: str, status: KeyStatus = KeyStatus.APPROVED, **more: object) -> KnownKey:
    fields = {"pattern": "web1", "decided_by": "ada", **more}
    return KnownKey(public_key=public_key, status=status, **fields)


APPROVED, PENDING, REVOKED = (
    record(OLD, status) for status in (KeyStatus.APPROVED, KeyStatus.PENDING, KeyStatus.REVOKED)
)


@pytest.mark.parametrize(
    ("known", "shown", "pinned", "accept_new", "verdict"),
    [
        pytest.param([], OLD, None, False, KeyVerdict.PENDING, id="a first key waits"),
        pytest.param([], OLD, None, True, KeyVerdict.TRUSTED, id="unless the rule takes it"),
        pytest.param([APPROVED], OLD, None, False, KeyVerdict.TRUSTED, id="an approved key"),
        pytest.param([APPROVED], NEW, None, False, KeyVerdict.CHANGED, id="another key"),
        pytest.param([APPROVED], NEW, None, True, KeyVerdict.CHANGED, id="no rule takes another"),
        pytest.param([PENDING], OLD, None, False, KeyVerdict.PENDING, id="it still waits"),
        pytest.param([PENDING], OLD, None, True, KeyVerdict.TRUSTED, id="the rule takes it now"),
        pytest.param([PENDING], NEW, None, True, KeyVerdict.PENDING, id="a second key is no first"),
        pytest.param([REVOKED], OLD, None, True, KeyVerdict.REVOKED, id="a revoked key"),
        pytest.param([REVOKED], NEW, None, True, KeyVerdict.PENDING, id="after a revoked one"),
        pytest.param([], OLD, OLD_FINGERPRINT, False, KeyVerdict.TRUSTED, id="the pinned key"),
        pytest.param([], NEW, OLD_FINGERPRINT, True, KeyVerdict.CHANGED, id="another than pinned"),
        pytest.param(
            [record(NEW)],
            NEW,
            OLD_FINGERPRINT,
            False,
            KeyVerdict.CHANGED,
            id="a pin beats approval",
        ),
        pytest.param(
            [REVOKED], OLD, OLD_FINGERPRINT, False, KeyVerdict.REVOKED, id="revoked beats a pin"
        ),
    ],
)
def test_a_shown_key_is_judged_by_the_strongest_reason(
    known: list[KnownKey], shown: str, pinned: str | None, accept_new: bool, verdict: KeyVerdict
) -> None:
    assert judge(known, shown, pinned=pinned, accept_new=accept_new).verdict is verdict


def test_a_changed_key_comes_with_both_fingerprints_and_who_approved_the_old_one() -> None:
    judgement = judge([APPROVED], NEW, pinned=None, accept_new=False)

    assert judgement.shown == fingerprint(NEW)
    assert judgement.known == (OLD_FINGERPRINT,)
    assert judgement.approved_by == "ada"


@pytest.mark.parametrize(
    ("pattern", "address", "port", "expected"),
    [
        ("web1", "web1", 22, True),
        ("web1", "WEB1", 22, True),
        ("web1", "web1", 2222, False),
        ("[web1]:2222", "web1", 2222, True),
        ("[web1]:2222", "web1", 22, False),
        ("::1", "::1", 22, True),
        ("[::1]:2222", "::1", 2222, True),
        ("*.example.org", "a.example.org", 22, True),
        ("*.example.org", "example.org", 22, False),
        ("web?", "web1", 22, True),
        ("web?", "web10", 22, False),
        ("*.example.org,!db.example.org", "db.example.org", 22, False),
        ("!db.example.org,*.example.org", "web.example.org", 22, True),
        ("web.1", "webx1", 22, False),
    ],
)
def test_patterns_match_as_in_known_hosts(
    pattern: str, address: str, port: int, expected: bool
) -> None:
    assert covers(record(OLD, pattern=pattern), address, port) is expected


@pytest.mark.parametrize(
    "key",
    [record(OLD, authority=True), record(OLD, KeyStatus.REVOKED)],
    ids=["authority", "revoked"],
)
def test_authorities_and_revoked_keys_without_a_port_hold_for_every_port(key: KnownKey) -> None:
    assert covers(key, "web1", 2222)


def test_the_name_on_record_has_a_port_only_where_it_is_not_22() -> None:
    assert name_on_record("Web1", 22) == "web1"
    assert name_on_record("web1", 2222) == "[web1]:2222"


def test_a_public_key_loses_its_comment() -> None:
    assert normalised(f"{OLD} root@web1\n") == OLD


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("ssh-ed25519", "a public key is written as `type base64`"),
        ("ssh-ed25519 ???", "not base 64"),
        (OLD.replace("ssh-ed25519", "ssh-rsa"), "its bytes say 'ssh-ed25519'"),
    ],
)
def test_a_line_that_is_no_public_key_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        normalised(text)
