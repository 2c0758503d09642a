"""A Windows host's double, and an executor that goes there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.executors.protocol import Login, Target, Winrm
from core.executors.winrm import WinrmExecutor
from tests.support.certificates import Authority
from tests.support.winrm_line import PASSWORD, USER
from tests.support.winrmd import WinrmServer
from tests.support.work import QUICK, new_token


@pytest.fixture(autouse=True)
def ntlm_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom the server's NTLM knows."""
    file = tmp_path / "ntlm-users"
    file.write_text(f"HOST:{USER}:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(file))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def server(tmp_path: Path, authority: Authority) -> Iterator[WinrmServer]:
    home = tmp_path / "windows home"
    home.mkdir()
    with WinrmServer(home, authority) as server:
        yield server


@pytest.fixture
async def executor() -> AsyncIterator[WinrmExecutor]:
    executor = WinrmExecutor(QUICK, new_token)
    yield executor
    await executor.close()


@pytest.fixture
def target(server: WinrmServer, authority: Authority) -> Target:
    return Target(
        host="win1",
        address="127.0.0.1",
        port=server.port,
        login=Login(user=f"HOST\\{USER}", password=PASSWORD),
        winrm=Winrm(ca=authority.pem),
        connect_timeout_s=5.0,
    )
