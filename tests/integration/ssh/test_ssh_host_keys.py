"""Host keys of a real sshd: every type of key in every situation; nothing opens on a mismatch."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncssh
import msgspec
import pytest

from core.clock import SystemClock
from core.domain.hostkeys import KeyStatus, KnownKey, fingerprint
from core.domain.knownhosts import read_known_hosts
from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.hostkeybook import InMemoryHostKeys
from core.executors.protocol import HostKeyRule, Target
from core.executors.ssh import SshExecutor
from tests.integration.ssh.conftest import BOTH_CARRIERS, MakeExecutor, Serve
from tests.support.sshd import Sshd, loopback
from tests.support.work import ACCEPT_NEW, approved, book_of, empty_book, run, target

pytestmark = pytest.mark.needs("sshd")
CARRIERS = BOTH_CARRIERS

TYPES = ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa"]

OTHER_KEY = " ".join(
    asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode().split()[:2]
)


@pytest.fixture(scope="module")
def authority() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


SshdOf = Callable[..., Sshd]


@pytest.fixture(scope="module")
def sshd_of(
    authority: asyncssh.SSHKey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SshdOf]:
    """An sshd with a host key of one type; with `certified`, signed by the authority as said."""
    with ExitStack() as stack:
        made: dict[str, Sshd] = {}

        def start(type_: str, certified: dict[str, object] | None = None) -> Sshd:
            name = f"{type_} {certified}"
            if name not in made:
                folder = tmp_path_factory.mktemp("sshd")
                file = folder / "host-cert.pub"
                config = f"HostCertificate {file}" if certified is not None else ""
                sshd = Sshd(folder, loopback(1, network=22), host_key_types=[type_], config=config)
                if certified is not None:
                    said = {"principals": [sshd.addresses[0]], **certified}
                    key = sshd.host_keys[type_]
                    signed = authority.generate_host_certificate(key, "test", **said)
                    file.write_bytes(signed.export_certificate("openssh"))
                made[name] = stack.enter_context(sshd)
            return made[name]

        yield start


def public(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key("openssh").decode().split()[:2])


def trusting(authority: asyncssh.SSHKey, pattern: str = "127.*") -> InMemoryHostKeys:
    """A record that trusts the authority for all hosts that `pattern` names."""
    book = empty_book()
    book.put(
        KnownKey(
            pattern=pattern,
            public_key=public(authority),
            status=KeyStatus.APPROVED,
            authority=True,
        )
    )
    return book


async def opens(executor: SshExecutor, to: Target) -> bool:
    return (await run(executor, to, "echo in")).out == b"in\n"


async def refusal(executor: SshExecutor, to: Target, code: TargetCode) -> TargetError:
    with pytest.raises(TargetError) as caught:
        await run(executor, to, "true")
    assert caught.value.target_code == code
    return caught.value


# ---------------------------------------------------------------------- plain keys


@pytest.mark.parametrize("type_", TYPES)
async def test_an_approved_key_opens(
    make_executor: MakeExecutor, sshd_of: SshdOf, type_: str
) -> None:
    sshd = sshd_of(type_)

    assert await opens(make_executor(book_of(sshd)), target(sshd))


@pytest.mark.parametrize("type_", TYPES)
async def test_a_new_key_waits_for_approval(
    make_executor: MakeExecutor, sshd_of: SshdOf, type_: str
) -> None:
    sshd, book = sshd_of(type_), empty_book()
    executor, shown = make_executor(book), fingerprint(sshd.public_host_key(type_))

    error = await refusal(executor, target(sshd), TargetCode.HOST_KEY_PENDING)

    assert str(error) == (
        f"host001 ({sshd.addresses[0]} port {sshd.port}) shows a host key that nobody has approved "
        f"yet: {shown} (compare it with the host's own (`ssh-keygen -lf` there), then `jobdeck "
        "hosts keys approve host001`)"
    )
    (waiting,) = book.records()
    assert (waiting.status, waiting.fingerprint) == (KeyStatus.PENDING, shown)
    book.put(msgspec.structs.replace(waiting, status=KeyStatus.APPROVED))
    assert await opens(executor, target(sshd))


@pytest.mark.parametrize("type_", TYPES)
async def test_the_rule_accept_new_opens_at_once(
    make_executor: MakeExecutor, sshd_of: SshdOf, type_: str
) -> None:
    sshd, book = sshd_of(type_), empty_book()

    assert await opens(make_executor(book), target(sshd, host_key=ACCEPT_NEW))
    assert [key.status for key in book.records()] == [KeyStatus.APPROVED]


@pytest.mark.parametrize("rule", [HostKeyRule(), ACCEPT_NEW], ids=["ask", "accept-new"])
@pytest.mark.parametrize("type_", TYPES)
async def test_a_changed_key_is_a_hard_stop(
    make_executor: MakeExecutor, sshd_of: SshdOf, type_: str, rule: HostKeyRule
) -> None:
    sshd, book = sshd_of(type_), empty_book()
    book.put(approved(OTHER_KEY, sshd.addresses[0], sshd.port))

    error = await refusal(
        make_executor(book), target(sshd, host_key=rule), TargetCode.HOST_KEY_CHANGED
    )

    assert (
        f"it shows {fingerprint(sshd.public_host_key(type_))}, on record is "
        f"{fingerprint(OTHER_KEY)}, approved by ada"
    ) in error.message
    assert "`jobdeck hosts keys revoke host001`" in error.hint


@pytest.mark.parametrize("type_", TYPES)
async def test_a_revoked_key_is_refused(
    make_executor: MakeExecutor, sshd_of: SshdOf, type_: str
) -> None:
    sshd, book = sshd_of(type_), book_of(sshd_of(type_))
    (known,) = book.records()
    book.put(msgspec.structs.replace(known, status=KeyStatus.REVOKED))

    error = await refusal(make_executor(book), target(sshd), TargetCode.HOST_KEY_REVOKED)

    assert fingerprint(sshd.public_host_key(type_)) in error.message


@pytest.mark.parametrize("type_", TYPES)
async def test_a_pinned_key_opens_and_no_other(
    make_executor: MakeExecutor, sshd_of: SshdOf, type_: str
) -> None:
    sshd = sshd_of(type_)
    right = HostKeyRule(pinned=fingerprint(sshd.public_host_key(type_)))
    wrong = HostKeyRule(pinned=fingerprint(OTHER_KEY))

    assert await opens(make_executor(empty_book()), target(sshd, host_key=right))
    error = await refusal(
        make_executor(book_of(sshd)), target(sshd, host_key=wrong), TargetCode.HOST_KEY_CHANGED
    )
    assert f"on record is {fingerprint(OTHER_KEY)}, approved by the inventory" in error.message
    assert "correct host_key in the inventory" in error.hint


@pytest.mark.parametrize("type_", TYPES)
async def test_a_key_imported_under_a_hashed_name_opens(
    make_executor: MakeExecutor, sshd_of: SshdOf, type_: str
) -> None:
    sshd, salt = sshd_of(type_), b"0123456789abcdefghij"
    address, port = sshd.addresses[0], sshd.port
    digest = hmac.new(salt, f"[{address}]:{port}".encode(), hashlib.sha1).digest()
    name = "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))
    imported = read_known_hosts(
        f"{name} {sshd.public_host_key(type_)}",
        [("host001", address, port)],
        approved_by="ada",
        at=SystemClock().now(),
    )
    book = empty_book()
    book.load(imported.keys)

    assert await opens(make_executor(book), target(sshd))


@pytest.mark.parametrize("type_", TYPES)
async def test_an_approval_holds_for_one_port(
    make_executor: MakeExecutor, sshd_of: SshdOf, type_: str
) -> None:
    sshd, book = sshd_of(type_), empty_book()
    book.put(approved(sshd.public_host_key(type_), sshd.addresses[0], 22))

    await refusal(make_executor(book), target(sshd), TargetCode.HOST_KEY_PENDING)


@pytest.mark.parametrize("type_", TYPES)
async def test_a_jump_host_is_judged_by_its_own_key(
    make_executor: MakeExecutor, sshd_of: SshdOf, sshd: Sshd, type_: str
) -> None:
    jump = sshd_of(type_)
    to = target(sshd, jumps=(target(jump, host="gate"),))

    assert await opens(make_executor(book_of(sshd, jump)), to)
    error = await refusal(make_executor(book_of(sshd)), to, TargetCode.HOST_KEY_PENDING)
    assert error.message.startswith(
        f"at the jump host gate: gate ({jump.addresses[0]} port {jump.port}) shows a host key"
    )
    assert "approve gate" in error.hint


# ---------------------------------------------------------------------- hosts with several keys


@pytest.mark.parametrize("type_", TYPES)
async def test_a_host_with_several_keys_shows_the_approved_one(
    make_executor: MakeExecutor, serve: Serve, type_: str
) -> None:
    sshd = serve(host_key_types=TYPES)

    assert await opens(make_executor(book_of(sshd, types=(type_,))), target(sshd))


async def test_a_host_with_several_keys_shows_the_pinned_one(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve(host_key_types=TYPES)

    for type_ in TYPES:
        pinned = HostKeyRule(pinned=fingerprint(sshd.public_host_key(type_)))
        assert await opens(make_executor(empty_book()), target(sshd, host_key=pinned))


async def test_none_of_several_keys_is_the_pinned_one(
    make_executor: MakeExecutor, serve: Serve
) -> None:
    sshd = serve(host_key_types=TYPES)
    wrong = HostKeyRule(pinned=fingerprint(OTHER_KEY))

    error = await refusal(
        make_executor(empty_book()), target(sshd, host_key=wrong), TargetCode.HOST_KEY_CHANGED
    )

    assert fingerprint(sshd.public_host_key("ed25519")) in error.message


async def test_a_host_that_lost_its_approved_key_has_changed(
    make_executor: MakeExecutor, sshd_of: SshdOf
) -> None:
    sshd, book = sshd_of("rsa"), empty_book()
    book.put(approved(OTHER_KEY, sshd.addresses[0], sshd.port))  # of a type it has not

    await refusal(make_executor(book), target(sshd), TargetCode.HOST_KEY_CHANGED)


# ---------------------------------------------------------------------- certificates of hosts


@pytest.mark.parametrize("type_", TYPES)
async def test_a_key_that_a_trusted_authority_signed_opens(
    make_executor: MakeExecutor, sshd_of: SshdOf, authority: asyncssh.SSHKey, type_: str
) -> None:
    sshd, book = sshd_of(type_, {}), trusting(authority)

    assert await opens(make_executor(book), target(sshd))
    assert len(book.records()) == 1  # the authority: the host's own key needs no record


@pytest.mark.parametrize(
    ("said", "words"),
    [
        pytest.param({"valid_after": "-2d", "valid_before": "-1d"}, "expired", id="expired"),
        pytest.param({"principals": ["elsewhere"]}, "principal", id="another host's"),
    ],
)
@pytest.mark.parametrize("type_", TYPES)
async def test_a_certificate_that_is_not_valid_leaves_the_plain_key_to_be_judged(
    make_executor: MakeExecutor,
    sshd_of: SshdOf,
    authority: asyncssh.SSHKey,
    type_: str,
    said: dict[str, object],
    words: str,
) -> None:
    sshd, book = sshd_of(type_, said), trusting(authority)
    executor = make_executor(book)

    error = await refusal(executor, target(sshd), TargetCode.HOST_KEY_PENDING)

    assert "its certificate is no help" in error.message
    assert words in error.message
    book.put(approved(sshd.public_host_key(type_), sshd.addresses[0], sshd.port))
    assert await opens(executor, target(sshd))


@pytest.mark.parametrize("type_", TYPES)
async def test_a_stranger_may_sign_what_it_likes(
    make_executor: MakeExecutor, sshd_of: SshdOf, type_: str
) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519")

    await refusal(
        make_executor(trusting(stranger)),
        target(sshd_of(type_, {})),
        TargetCode.HOST_KEY_PENDING,
    )


async def test_an_authority_is_trusted_for_its_hosts_alone(
    make_executor: MakeExecutor, sshd_of: SshdOf, authority: asyncssh.SSHKey
) -> None:
    book = trusting(authority, "*.example.org")

    await refusal(make_executor(book), target(sshd_of("ed25519", {})), TargetCode.HOST_KEY_PENDING)


@pytest.mark.parametrize("whose", ["host", "authority"])
@pytest.mark.parametrize("type_", TYPES)
async def test_no_certificate_helps_a_revoked_key(
    make_executor: MakeExecutor,
    sshd_of: SshdOf,
    authority: asyncssh.SSHKey,
    type_: str,
    whose: str,
) -> None:
    sshd, book = sshd_of(type_, {}), trusting(authority)
    revoked = sshd.public_host_key(type_) if whose == "host" else public(authority)
    book.put(KnownKey(pattern="*", public_key=revoked, status=KeyStatus.REVOKED))

    await refusal(make_executor(book), target(sshd), TargetCode.HOST_KEY_REVOKED)


async def test_a_pin_beats_an_authority(
    make_executor: MakeExecutor, sshd_of: SshdOf, authority: asyncssh.SSHKey
) -> None:
    wrong = HostKeyRule(pinned=fingerprint(OTHER_KEY))

    await refusal(
        make_executor(trusting(authority)),
        target(sshd_of("ed25519", {}), host_key=wrong),
        TargetCode.HOST_KEY_CHANGED,
    )


# ---------------------------------------------------------------------- connections kept open


async def test_a_kept_connection_is_not_used_once_its_key_is_revoked(
    make_executor: MakeExecutor, sshd: Sshd
) -> None:
    book = book_of(sshd)
    executor = make_executor(book)
    assert await opens(executor, target(sshd))

    for known in book.records():
        book.put(msgspec.structs.replace(known, status=KeyStatus.REVOKED))

    await refusal(executor, target(sshd), TargetCode.HOST_KEY_REVOKED)


async def test_a_kept_connection_is_not_used_once_its_authority_is_gone(
    make_executor: MakeExecutor, sshd_of: SshdOf, authority: asyncssh.SSHKey
) -> None:
    sshd, book = sshd_of("ed25519", {}), trusting(authority)
    executor = make_executor(book)
    assert await opens(executor, target(sshd))

    for known in book.records():
        book.remove(known)

    await refusal(executor, target(sshd), TargetCode.HOST_KEY_PENDING)


async def test_the_users_own_known_hosts_open_nothing(
    make_executor: MakeExecutor, sshd: Sshd, home: Path
) -> None:
    (home / ".ssh").mkdir()
    (home / ".ssh" / "known_hosts").write_text(f"* {sshd.public_host_key()}\n")
    (home / ".ssh" / "config").write_text(
        "Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile none\n"
    )

    await refusal(make_executor(empty_book()), target(sshd), TargetCode.HOST_KEY_PENDING)
