"""Real sshds, executors that are closed again, and users of every kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from core.executors.protocol import HostKeyBook
from core.executors.ssh import SshExecutor
from tests.support.sshd import Sshd, loopback, temporary_sshd
from tests.support.users import Users
from tests.support.work import QUICK, book_of, new_token

Serve = Callable[..., Sshd]
MakeExecutor = Callable[..., SshExecutor]


@pytest.fixture(scope="session")
def sshd() -> Iterator[Sshd]:
    """A plain sshd with four addresses, for tests that do nothing to it."""
    with temporary_sshd(addresses=loopback(4, network=21)) as started:
        yield started


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts an sshd of the test's own; takes what `Sshd` takes."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(temporary_sshd(**options))


@pytest.fixture
async def make_executor(serve: Serve) -> AsyncIterator[MakeExecutor]:
    """Makes executors that are closed when the test ends, before the servers of `serve` are."""
    made = []

    def make(book: HostKeyBook, **options: Any) -> SshExecutor:
        options = {"patience": QUICK, "new_token": new_token, "environ": {}, **options}
        made.append(SshExecutor(book, **options))
        return made[-1]

    yield make
    for executor in made:
        await executor.close()


@pytest.fixture
def executor(make_executor: MakeExecutor, sshd: Sshd) -> SshExecutor:
    """An executor that knows the host keys of `sshd`."""
    return make_executor(book_of(sshd))


@pytest.fixture(scope="session")
def users() -> Iterator[Users]:
    """Makes accounts of this machine, and removes them; for tests marked `needs_root`."""
    with Users() as made:
        yield made
