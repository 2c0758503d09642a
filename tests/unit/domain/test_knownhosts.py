"""OpenSSH's known_hosts text becomes records; what is left out is said."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from core.domain.hostkeys import KeySource, KeyStatus
from core.domain.knownhosts import Import, read_known_hosts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
AT = datetime(2026, 1, 2, tzinfo=UTC)
HOSTS = [("web1", "10.0.0.1", 22), ("db1", "db.example.org", 2222)]


def read(text: str) -> Import:
    return read_known_hosts(text, HOSTS, approved_by="ada", at=AT)


def hashed(name: str) -> str:
    """The hashed form of a name, by the format's own definition."""
    salt = b"0123456789abcdefghij"
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def test_each_host_of_a_line_gets_a_record_that_its_importer_approved() -> None:
    found = read(f"10.0.0.1,Other.example.org {KEY} a comment\n")

    assert [(key.pattern, key.host) for key in found.keys] == [
        ("10.0.0.1", "web1"),
        ("other.example.org", ""),
    ]
    assert {key.public_key for key in found.keys} == {KEY}
    assert {key.status for key in found.keys} == {KeyStatus.APPROVED}
    assert {key.source for key in found.keys} == {KeySource.IMPORT}
    assert {(key.decided_by, key.decided_at) for key in found.keys} == {("ada", AT)}
    assert found.notices == ()


def test_a_host_on_another_port_is_named_with_it() -> None:
    (key,) = read(f"[db.example.org]:2222 {KEY}\n").keys

    assert (key.pattern, key.host) == ("[db.example.org]:2222", "db1")


def test_a_line_with_wildcards_stays_whole() -> None:
    (key,) = read(f"*.example.org,!db.example.org {KEY}\n").keys

    assert key.pattern == "*.example.org,!db.example.org"


def test_hashed_names_are_found_among_the_known_hosts() -> None:
    found = read(f"{hashed('10.0.0.1')} {KEY}\n{hashed('[db.example.org]:2222')} {KEY}\n")

    assert [key.host for key in found.keys] == ["web1", "db1"]


def test_a_hashed_name_that_fits_no_host_is_left_out_with_a_notice() -> None:
    found = read(f"{hashed('elsewhere')} {KEY}\n")

    assert found.keys == ()
    (notice,) = found.notices
    assert notice.where == "line 1"
    assert "fits no host of the inventory" in notice.what


def test_markers_make_authorities_and_revoked_keys() -> None:
    found = read(f"@cert-authority *.example.org {KEY}\n@revoked * {KEY}\n")

    authority, revoked = found.keys
    assert (authority.authority, authority.status) == (True, KeyStatus.APPROVED)
    assert (revoked.authority, revoked.status, revoked.pattern) == (False, KeyStatus.REVOKED, "*")


def test_comments_and_empty_lines_are_no_entries() -> None:
    assert read(f"# web servers\n\n   \n10.0.0.1 {KEY}\n").notices == ()


def test_every_line_that_is_left_out_has_its_reason() -> None:
    text = "\n".join(
        [
            f"@special 10.0.0.1 {KEY}",
            "10.0.0.1 ssh-dss AAAAB3NzaC1kc3M=",
            "10.0.0.1 1024 35 1234567890",
            "10.0.0.1 ssh-ed25519",
            "10.0.0.1 ssh-ed25519 ###",
            f"|1|damaged {KEY}",
        ]
    )

    found = read(text)

    assert found.keys == ()
    assert [f"{notice.where}: {notice.what}" for notice in found.notices] == [
        "line 1: the marker '@special' is unknown",
        "line 2: keys of type 'ssh-dss' are not accepted",
        "line 3: keys of type '1024' are not accepted",
        "line 4: it is not `hosts type key`",
        "line 5: the key is not base 64: Only base64 data is allowed",
        "line 6: its hashed host name is damaged",
    ]


def test_the_same_key_twice_is_one_record() -> None:
    assert len(read(f"10.0.0.1 {KEY}\n10.0.0.1 {KEY} again\n").keys) == 1


_LINES = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            ["@revoked", "@cert-authority", "*", "10.0.0.1,web1", "|1|a|b", "#", *KEY.split()]
        ),
        max_size=5,
    ).map(" ".join),
)


@given(st.lists(_LINES, max_size=4).map("\n".join))
def test_whatever_the_text_each_line_is_read_or_noticed(text: str) -> None:
    found = read(text)

    noticed = {notice.where for notice in found.notices}
    for number, line in enumerate(text.splitlines(), start=1):
        says_something = bool(line.split()) and not line.split()[0].startswith("#")
        assert says_something or f"line {number}" not in noticed
    assert all(key.public_key == KEY for key in found.keys)
