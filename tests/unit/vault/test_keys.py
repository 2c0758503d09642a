"""The places of the master key: a private file, and the system's keyring."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from core.errors import EnvironmentFault
from core.vault.keys import KeyFile, SystemKeyring
from core.vault.unlockers import unlockers

KEY, OTHER = b"k" * 32, b"o" * 32


class MemoryKeyring(KeyringBackend):
    """A keyring of this process alone."""

    priority: ClassVar[float] = 5
    locked = False
    forgetful = False

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("locked")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if not self.forgetful:
            self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def backend() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    memory = MemoryKeyring()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


# --- key file -------------------------------------------------------------------------------


def test_a_key_file_gives_back_the_keys_that_it_keeps(home: Path) -> None:
    file = KeyFile(home / "master.key")
    assert file.load() == ()
    for keys in ((KEY,), (KEY, OTHER), (OTHER,)):
        assert file.keep(keys)
        assert KeyFile(home / "master.key").load() == keys
    file.forget()
    assert file.load() == ()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_key_file_is_private_whatever_the_umask(home: Path) -> None:
    before = os.umask(0)
    try:
        KeyFile(home / "master.key").keep([KEY])
    finally:
        os.umask(before)
    assert stat.S_IMODE((home / "master.key").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["master.key"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
def test_a_key_file_that_others_could_read_is_refused(home: Path, mode: int) -> None:
    file = KeyFile(home / "master.key")
    file.keep([KEY])
    (home / "master.key").chmod(mode)
    with pytest.raises(EnvironmentFault, match=rf"others can read .*0{mode:o}.*chmod 600"):
        file.load()


def test_a_draft_that_a_crash_left_is_no_key_and_no_hindrance(home: Path) -> None:
    (home / "master.key.new").write_text("half a k")
    file = KeyFile(home / "master.key")
    assert file.load() == ()
    assert file.keep([KEY])
    assert file.load() == (KEY,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "jobdeck-key-1:",
        "jobdeck-key-1:AAAA",
        "A" * 44,
        "jobdeck-key-2:" + "A" * 43 + "=",
        "\x80",
    ],
)
def test_a_damaged_key_file_is_a_fault(home: Path, text: str) -> None:
    (home / "master.key").touch(mode=0o600)
    (home / "master.key").write_text(text, encoding="latin-1")
    with pytest.raises(EnvironmentFault, match="is not a key of Jobdeck"):
        KeyFile(home / "master.key").load()


def test_a_folder_in_the_key_files_place_is_a_fault(home: Path) -> None:
    (home / "master.key").mkdir()
    with pytest.raises(EnvironmentFault, match="cannot be read"):
        KeyFile(home / "master.key").load()


def test_a_key_that_cannot_be_written_is_a_fault(home: Path) -> None:
    with pytest.raises(EnvironmentFault, match="cannot be written: No such file"):
        KeyFile(home / "missing" / "master.key").keep([KEY])


# --- keyring --------------------------------------------------------------------------------


def test_a_keyring_gives_back_the_key_that_it_keeps(backend: MemoryKeyring) -> None:
    ring = SystemKeyring("HOME1")
    assert ring.load() == ()
    for keys in ((KEY,), (KEY, OTHER), (OTHER,)):
        assert ring.keep(keys)
        assert ring.load() == keys
    assert list(backend.kept) == [("jobdeck", "HOME1")]
    assert SystemKeyring("HOME2").load() == ()
    ring.forget()
    assert ring.load() == ()


def test_a_system_without_a_keyring_keeps_nothing() -> None:
    ring = SystemKeyring("HOME1")
    assert ring.load() == ()
    assert not ring.keep([KEY])
    ring.forget()


def test_a_back_end_that_nobody_recommends_is_no_keyring(
    backend: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryKeyring, "priority", 0.5)
    assert not SystemKeyring("HOME1").keep([KEY])
    assert backend.kept == {}


def test_a_locked_keyring_is_a_fault_that_names_the_way_out(backend: MemoryKeyring) -> None:
    backend.locked = True
    with pytest.raises(EnvironmentFault, match=r"refused: KeyringLocked .*JOBDECK_KEYRING=off"):
        SystemKeyring("HOME1").load()


def test_a_keyring_that_forgets_is_a_fault(backend: MemoryKeyring) -> None:
    backend.forgetful = True
    with pytest.raises(EnvironmentFault, match="forgot the key"):
        SystemKeyring("HOME1").keep([KEY])


def test_a_keyring_that_never_answers_is_left_behind_and_asked_again_once_it_does(
    backend: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, asked = threading.Event(), []

    def hang(*_: str) -> None:
        asked.append(threading.current_thread())
        gate.wait(30)

    ring = SystemKeyring("HOME1", timeout_s=0.05)
    with monkeypatch.context() as patch:
        patch.setattr(backend, "get_password", hang)
        for _ in range(3):
            with pytest.raises(EnvironmentFault, match="does not answer"):
                ring.load()
    assert len(asked) == 1
    gate.set()
    asked[0].join(10)
    assert ring.keep([KEY])
    assert ring.load() == (KEY,)


def test_somebody_elses_entry_in_the_keyring_is_a_fault(backend: MemoryKeyring) -> None:
    backend.kept["jobdeck", "HOME1"] = "hunter2"
    with pytest.raises(EnvironmentFault, match="is not a key of Jobdeck") as caught:
        SystemKeyring("HOME1").load()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, ["systemd credential", "passphrase", "keyring", "key file"]),
        ({"JOBDECK_KEYRING": "on"}, ["systemd credential", "passphrase", "keyring", "key file"]),
        ({"JOBDECK_KEYRING": "off"}, ["systemd credential", "passphrase", "key file"]),
        ({"JOBDECK_KEYRING": "OFF"}, ["systemd credential", "passphrase", "key file"]),
    ],
)
def test_the_keyring_can_be_left_out(home: Path, environ: dict[str, str], names: list[str]) -> None:
    assert [place.name for place in unlockers(home / "k", "HOME1", environ)] == names
