"""Secrets that stay outside: what is read, what is refused, and that no message holds any of it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.config import HashicorpVault
from core.domain.values import SecretSource, SourceKind
from core.errors import EnvironmentFault, Forbidden
from core.vault.sources import Sources, local
from core.vault.sources.hashicorp import HashicorpReader
from tests.support.certificates import Authority
from tests.support.webserver import Reply, WebServer, json_reply

TOKEN = "hvs.of-the-engine"


def source(**where: Any) -> SecretSource:
    return SecretSource.model_validate(where)


@pytest.fixture
async def sources() -> AsyncIterator[Sources]:
    readers = {
        SourceKind.ENV: local.read_env,
        SourceKind.FILE: local.read_file,
        SourceKind.COMMAND: local.read_command,
    }
    made = Sources(readers, readers)
    yield made
    made.close()


async def read(sources: Sources, **where: Any) -> str:
    wanted = source(**where)
    return (await sources.read([wanted]))[wanted]


# --- this machine ---------------------------------------------------------------------------


async def test_each_place_of_this_machine_gives_its_text_without_the_last_line_end(
    sources: Sources, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_PASSWORD", "from env")
    (home / "secret").write_bytes("pässword\r\n".encode())
    (home / "key").write_text("-----BEGIN\nx\n-----END\n\n")
    assert await read(sources, env="OPS_PASSWORD") == "from env"
    assert await read(sources, file=str(home / "secret")) == "pässword"
    assert await read(sources, file=str(home / "key")) == "-----BEGIN\nx\n-----END\n"
    program = "import sys; print(sys.argv[1], sys.stdin.read() == '')"
    assert await read(sources, command=[sys.executable, "-c", program, "$HOME;"]) == "$HOME; True"


async def test_one_place_is_read_once_however_many_want_it(sources: Sources, home: Path) -> None:
    counted = home / "count"
    command = ["sh", "-c", f"echo x >> {counted}; echo secret"]
    wanted = [source(command=command) for _ in range(5)]
    assert list((await sources.read(wanted)).values()) == ["secret"]
    assert counted.read_text() == "x\n"


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"env": "NO_SUCH"}, "no environment variable NO_SUCH"),
        ({"file": "/no/such"}, "/no/such cannot be read: No such file"),
        ({"file": "/dev/zero"}, "no plain file"),
        ({"command": ["no-such-program", "hunter2"]}, "command no-such-program cannot be started"),
        ({"command": ["sh", "-c", "echo hunter2; exit 3"]}, "command sh ended with status 3"),
        ({"command": ["sh", "-c", "echo hunter2 >&2"]}, "from command sh is empty"),
        ({"command": ["sh", "-c", "printf 'hunter2\\377'"]}, "is not UTF-8"),
        ({"command": ["sh", "-c", "yes hunter2 | head -c 70000"]}, "more than 65,536 bytes"),
    ],
)
async def test_where_there_is_no_secret_the_place_is_named_and_nothing_else(
    sources: Sources, where: dict[str, Any], says: str
) -> None:
    with pytest.raises(EnvironmentFault) as fault:
        await read(sources, **where)
    assert says in str(fault.value)
    assert "hunter2" not in str(fault.value)


async def test_a_command_that_does_not_end_is_ended_with_all_that_it_started(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "TIMEOUT_S", 0.2)
    with pytest.raises(EnvironmentFault, match=r"did not end within 0\.2 s"):
        await read(sources, command=["sh", "-c", "sleep 60 & wait"])


async def test_nothing_is_read_that_the_settings_do_not_permit(home: Path) -> None:
    (home / "secret").write_text("x")
    sources = Sources([SourceKind.ENV], {SourceKind.FILE: local.read_file})
    with pytest.raises(Forbidden, match=r'secret_sources = \["file"\]'):
        await read(sources, file=str(home / "secret"))
    sources.close()


# --- HashiCorp Vault: a double gives the answers that its documentation shows ----------------


@pytest.fixture
def vault(home: Path) -> Iterator[WebServer]:
    authority = Authority(home)
    (home / "ca.pem").write_text(authority.pem)
    (home / "token").write_text(TOKEN + "\n")
    with WebServer(authority, "127.0.0.1") as server:
        yield server


def reader(vault: WebServer, home: Path, **more: Any) -> HashicorpReader:
    files = {"token_file": str(home / "token"), "ca_file": str(home / "ca.pem")}
    settings = {"address": vault.url(""), **files, **more}
    return HashicorpReader(HashicorpVault.model_validate(settings))


def kept(**data: Any) -> Reply:
    return json_reply({"data": {"data": data, "metadata": {"version": 3}}})


def test_a_field_of_a_secret_comes_with_the_engines_token(vault: WebServer, home: Path) -> None:
    vault.serve("/v1/secret/data/ops/db", kept(password="hunter2", port=5432))
    read = reader(vault, home, namespace="team-a")
    assert read(source(vault="secret/ops/db", field="password")) == "hunter2"
    (received,) = vault.received
    assert received.headers["X-Vault-Token"] == TOKEN
    assert received.headers["X-Vault-Namespace"] == "team-a"


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(403, b"hunter2"), "answers 403 (the token does not give access"),
        (Reply(404), "answers 404 (nothing is kept there"),
        (Reply(307, headers={"Location": "https://elsewhere.example/"}), "answers 307"),
        (Reply(drop=True), "does not answer: RemoteProtocolError"),
        (Reply(200, b"hunter2"), "the answer is not Vault's"),
        (kept(other="hunter2"), "this field is not there"),
        (kept(password=["hunter2"]), "this field is no text"),
        (json_reply({"data": {"data": None}}), "this field is not there"),
    ],
)
def test_a_vault_without_the_secret_is_named_and_nothing_is_said_of_what_it_holds(
    vault: WebServer, home: Path, reply: Reply, says: str
) -> None:
    vault.serve("/v1/secret/data/ops/db", reply)
    with pytest.raises(EnvironmentFault) as fault:
        reader(vault, home)(source(vault="secret/ops/db", field="password"))
    assert says in str(fault.value)
    for hidden in ("hunter2", TOKEN):
        assert hidden not in str(fault.value)


def test_a_vault_whose_certificate_nobody_vouches_for_gets_no_token(
    vault: WebServer, home: Path
) -> None:
    with pytest.raises(EnvironmentFault, match="does not answer: ConnectError"):
        reader(vault, home, ca_file=None)(source(vault="secret/ops/db", field="password"))
    assert vault.received == []


def test_a_token_that_is_not_there_or_no_server_is_said(
    vault: WebServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = source(vault="secret/ops/db", field="password")
    monkeypatch.delenv("VAULT_TOKEN", raising=False)
    for settings, says in (
        ({"token_file": None}, "no token for Vault in the environment variable VAULT_TOKEN"),
        ({"token_file": str(home / "none")}, "cannot be read from"),
    ):
        with pytest.raises(EnvironmentFault, match=says):
            reader(vault, home, **settings)(wanted)
    with pytest.raises(EnvironmentFault, match="has no server"):
        HashicorpReader(None)(wanted)
