"""Real sshds, executors that are closed again, and users of every kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from core.executors.hostkeybook import InMemoryHostKeys
from core.executors.ssh import SshExecutor
from core.executors.workers import WorkerPool
from tests.support.sshd import Sshd, loopback, temporary_sshd
from tests.support.users import Users
from tests.support.work import QUICK, book_of, new_token
from tests.support.workers import Zygotes, pool

Serve = Callable[..., Sshd]
MakeExecutor = Callable[..., SshExecutor]

BOTH_CARRIERS = ("in-process", "worker")
"""For `CARRIERS` of a module whose tests must pass in the engine's process and in a worker."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module's `CARRIERS` says which processes its executors live in; else it is the test's."""
    carriers = getattr(metafunc.module, "CARRIERS", ())
    if carriers and "carrier" in metafunc.fixturenames:
        metafunc.parametrize("carrier", carriers, indirect=True)


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


@pytest.fixture(scope="session")
def zygotes() -> Iterator[Zygotes]:
    with Zygotes() as made:
        yield made


@pytest.fixture
def carrier(request: pytest.FixtureRequest) -> str:
    """Where executors live: `in-process`, or in a `worker`."""
    return getattr(request, "param", "in-process")


@pytest.fixture
async def make_executor(
    request: pytest.FixtureRequest, carrier: str, serve: Serve
) -> AsyncIterator[MakeExecutor]:
    """Makes executors that are closed when the test ends, before the servers of `serve` are."""
    made: list[Any] = []

    def make(book: InMemoryHostKeys, **options: Any) -> Any:
        if carrier == "worker":
            made.append(pool(request.getfixturevalue("zygotes"), book, **options))
            return made[-1]
        options = {"patience": QUICK, "new_token": new_token, "environ": {}, **options}
        made.append(SshExecutor(book, **options))
        return made[-1]

    yield make
    for executor in made:
        await executor.close()


async def connections_of(executor: SshExecutor | WorkerPool) -> int:
    """Open SSH connections, wherever they are."""
    if isinstance(executor, SshExecutor):
        return executor.open_connections
    await executor.caught_up()
    return sum(worker.connections for worker in executor.status())


@pytest.fixture
def executor(make_executor: MakeExecutor, sshd: Sshd) -> SshExecutor:
    """An executor that knows the host keys of `sshd`."""
    return make_executor(book_of(sshd))


@pytest.fixture(scope="session")
def users() -> Iterator[Users]:
    """Makes accounts of this machine, and removes them; for tests marked `needs_root`."""
    with Users() as made:
        yield made
