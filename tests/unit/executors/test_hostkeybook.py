"""The host-key record in memory: what handshakes read from it and write to it."""

from __future__ import annotations

import msgspec

from core.clock import ManualClock
from core.domain.hostkeys import KeySource, KeyStatus, KeyVerdict, KnownKey
from core.executors.hostkeybook import MAX_PENDING_A_HOST, InMemoryHostKeys
from core.executors.protocol import HostKeyRule, Login, Target
from tests.support.keys import public_key

OLD, NEW, CA = public_key(1), public_key(2), public_key(3)
ACCEPT_NEW = HostKeyRule(accept_new=True)


class Journal:
    """A book, and what it handed to storage."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.new: list[KnownKey] = []
        self.book = InMemoryHostKeys(self.clock.now, self.new.append)


def host(rule: HostKeyRule | None = None, address: str = "10.0.0.1", port: int = 22) -> Target:
    return Target(
        host="web1",
        address=address,
        port=port,
        login=Login(user="ops"),
        host_key=rule or HostKeyRule(),
    )


def record(public: str, status: KeyStatus = KeyStatus.APPROVED, **more: object) -> KnownKey:
    return KnownKey(**{"pattern": "10.0.0.1", "public_key": public, "status": status, **more})


def test_a_first_key_is_recorded_as_pending_once() -> None:
    journal = Journal()

    assert journal.book.judge(host(), OLD).verdict is KeyVerdict.PENDING
    assert journal.book.judge(host(), OLD).verdict is KeyVerdict.PENDING

    (new,) = journal.new
    assert (new.pattern, new.public_key, new.status) == ("10.0.0.1", OLD, KeyStatus.PENDING)
    assert (new.host, new.source) == ("web1", KeySource.FIRST_USE)
    assert journal.book.records() == (new,)


def test_a_host_on_another_port_is_another_host() -> None:
    journal = Journal()
    journal.book.put(record(OLD))

    assert journal.book.judge(host(port=2222), OLD).verdict is KeyVerdict.PENDING
    assert journal.new[0].pattern == "[10.0.0.1]:2222"


def test_the_rule_accept_new_approves_and_says_so() -> None:
    journal = Journal()

    assert journal.book.judge(host(ACCEPT_NEW), OLD).verdict is KeyVerdict.TRUSTED
    assert journal.book.judge(host(ACCEPT_NEW), OLD).verdict is KeyVerdict.TRUSTED

    (new,) = journal.new
    assert (new.status, new.source) == (KeyStatus.APPROVED, KeySource.ACCEPT_NEW)
    assert (new.decided_by, new.decided_at) == ("rule: accept-new", journal.clock.now())
    assert journal.book.approved("10.0.0.1", 22) == (OLD,)


def test_the_rule_approves_a_key_that_was_pending() -> None:
    journal = Journal()
    journal.book.judge(host(), OLD)

    assert journal.book.judge(host(ACCEPT_NEW), OLD).verdict is KeyVerdict.TRUSTED
    assert [key.status for key in journal.book.records()] == [KeyStatus.APPROVED]


def test_a_changed_key_is_recorded_as_pending_beside_the_approved_one() -> None:
    journal = Journal()
    journal.book.put(record(OLD))

    assert journal.book.judge(host(), NEW).verdict is KeyVerdict.CHANGED

    assert [(key.public_key, key.status) for key in journal.new] == [(NEW, KeyStatus.PENDING)]
    assert journal.book.approved("10.0.0.1", 22) == (OLD,)


def test_a_pinned_host_leaves_no_record() -> None:
    journal = Journal()
    rule = HostKeyRule(pinned=record(OLD).fingerprint)

    assert journal.book.judge(host(rule), OLD).verdict is KeyVerdict.TRUSTED
    assert journal.book.judge(host(rule), NEW).verdict is KeyVerdict.CHANGED
    assert journal.new == []


def test_a_decision_replaces_the_record() -> None:
    journal = Journal()
    journal.book.judge(host(), OLD)
    pending = journal.new[0]

    journal.book.put(msgspec.structs.replace(pending, status=KeyStatus.APPROVED))
    assert journal.book.judge(host(), OLD).verdict is KeyVerdict.TRUSTED
    journal.book.put(msgspec.structs.replace(pending, status=KeyStatus.REVOKED))
    assert journal.book.judge(host(), OLD).verdict is KeyVerdict.REVOKED
    journal.book.remove(pending)
    assert journal.book.records() == ()
    assert journal.book.judge(host(), OLD).verdict is KeyVerdict.PENDING


def test_authorities_and_revoked_keys_are_found_by_pattern_and_for_every_port() -> None:
    book = Journal().book
    book.load(
        [
            record(CA, pattern="10.0.*", authority=True),
            record(NEW, KeyStatus.REVOKED, pattern="*"),
            record(OLD, KeyStatus.REVOKED, pattern="elsewhere"),
        ]
    )

    assert book.authorities("10.0.0.1", 2222) == (CA,)
    assert book.authorities("10.1.0.1", 22) == ()
    assert book.revoked("10.0.0.1", 2222) == (NEW,)
    assert book.judge(host(), NEW).verdict is KeyVerdict.REVOKED


def test_a_revoked_authority_is_none() -> None:
    book = Journal().book
    book.put(record(CA, KeyStatus.REVOKED, pattern="*", authority=True))

    assert book.authorities("10.0.0.1", 22) == ()
    assert book.revoked("10.0.0.1", 22) == (CA,)


def test_an_approved_pattern_holds_for_all_its_hosts() -> None:
    book = Journal().book
    book.put(record(OLD, pattern="10.0.0.?"))

    assert book.judge(host(), OLD).verdict is KeyVerdict.TRUSTED
    assert book.judge(host(), NEW).verdict is KeyVerdict.CHANGED


def test_a_host_with_ever_new_keys_fills_nothing() -> None:
    journal = Journal()

    for number in range(MAX_PENDING_A_HOST + 10):
        verdict = journal.book.judge(host(), public_key(100 + number)).verdict
        assert verdict is KeyVerdict.PENDING

    assert len(journal.new) == MAX_PENDING_A_HOST


# ---------------------------------------------------------------------- copies in other processes


class Copy:
    """A follower that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[KnownKey] = []
        self.gone: list[KnownKey] = []

    def put(self, key: KnownKey) -> None:
        self.told.append(key)

    def removed(self, key: KnownKey) -> None:
        self.gone.append(key)

    async def caught_up(self) -> None:
        """At once."""


def by_rule(public: str) -> KnownKey:
    return record(public, source=KeySource.ACCEPT_NEW, host="web1")


def test_copies_follow_the_record() -> None:
    journal, copy = Journal(), Copy()
    journal.book.followers.append(copy)
    journal.book.put(record(OLD))
    journal.book.judge(host(address="10.0.0.9"), NEW)
    journal.book.remove(record(OLD))

    assert [key.public_key for key in copy.told] == [OLD, NEW]
    assert copy.gone == [record(OLD)]


def test_what_a_copy_saw_first_is_recorded_once() -> None:
    journal = Journal()
    journal.book.adopt(by_rule(OLD))
    journal.book.adopt(by_rule(OLD))

    assert journal.new == [by_rule(OLD)]
    assert journal.book.approved("10.0.0.1", 22) == (OLD,)


def test_of_two_first_keys_that_copies_approved_only_one_is() -> None:
    journal, copy = Journal(), Copy()
    journal.book.followers.append(copy)
    journal.book.adopt(by_rule(OLD))
    journal.book.adopt(by_rule(NEW))

    assert journal.book.approved("10.0.0.1", 22) == (OLD,)
    assert copy.told[-1].public_key == NEW
    assert copy.told[-1].status is KeyStatus.PENDING
    assert [key.status for key in journal.new] == [KeyStatus.APPROVED, KeyStatus.PENDING]


def test_a_copy_that_has_not_heard_of_a_decision_does_not_undo_it() -> None:
    journal, copy = Journal(), Copy()
    journal.book.followers.append(copy)
    journal.book.put(record(OLD, KeyStatus.REVOKED))
    journal.book.adopt(by_rule(OLD))

    assert journal.book.judge(host(), OLD).verdict is KeyVerdict.REVOKED
    assert journal.new == []
    assert copy.told[-1].status is KeyStatus.REVOKED


def test_copies_with_ever_new_keys_fill_nothing() -> None:
    journal = Journal()
    for number in range(MAX_PENDING_A_HOST + 10):
        journal.book.adopt(record(public_key(100 + number), KeyStatus.PENDING))

    assert len(journal.new) == MAX_PENDING_A_HOST
