"""The programs of transfers in every POSIX shell, with the tools of GNU and of BusyBox, killed at any point.

No SSH here: a shell is given the program on standard input, as a login shell is.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.executors.files import programs
from tests.support.work import new_token

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the shells are POSIX programs")

TOOLS = ("cat", "chmod", "chown", "find", "head", "mkdir", "mv", "rm", "sed", "sha256sum")
MORE_TOOLS = ("sh", "stat", "sync", "tail", "wc")
OLD, NEW = b"old\n", b"the new content\n"
SHELLS = [
    pytest.param(
        words, id=words, marks=pytest.mark.skipif(not shutil.which(words.split()[0]), reason=words)
    )
    for words in ("dash", "bash --posix", "ksh", "busybox sh")
]


ASKS = re.compile(rb"^(have|has) .*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Said:
    """What a program said, and how it ended."""

    output: bytes
    status: int

    @property
    def last(self) -> bytes:
        return self.output.splitlines()[-1]


def tools_of(shell: str, folder: Path) -> Mapping[str, str]:
    """The environment in which a shell finds the tools that belong to it."""
    if shell != "busybox sh":
        return {}
    tools = folder / "tools"
    tools.mkdir()
    for name in (*TOOLS, *MORE_TOOLS):
        (tools / name).symlink_to(str(shutil.which("busybox")))
    return {"PATH": str(tools)}


def talk(
    shell: str,
    program: programs.FileProgram,
    said: bytes,
    values: Mapping[str, str],
    env: Mapping[str, str],
) -> Said:
    """Give a shell the program, and `said` when it has asked."""
    start = programs.POSIX_SPEECH.launch(program, new_token(), values, as_other_user=False)
    binary = shutil.which(shell.split(maxsplit=1)[0])
    assert binary is not None
    with subprocess.Popen(
        [binary, *shell.split()[1:], "-c", start.reader],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **env},
        start_new_session=True,
        bufsize=0,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        output = b""
        with suppress(BrokenPipeError):  # it was killed before it had read all
            process.stdin.write(start.text)
            while not ASKS.search(output) and (more := process.stdout.read(4096)):
                output += more
            process.stdin.write(said)
        process.stdin.close()
        while more := process.stdout.read(4096):
            output += more
    return Said(output.partition(b"\n")[2], process.returncode)


def put(shell: str, folder: Path, said: bytes, env: Mapping[str, str], mode: str = "") -> Said:
    values = {
        "folder": str(folder),
        "path": "sub/file",
        "temp": ".jobdeck-x.part",
        "want": hashlib.sha256(NEW).hexdigest(),
        "size": str(len(NEW)),
        "mode": mode,
        "owner": "",
        "made": "640",
        "makes": "yes",
        "check": "",
    }
    return talk(shell, programs.FileProgram.PUT, said, values, env)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_file_is_made_replaced_and_left_alone(shell: str, tmp_path: Path) -> None:
    folder, env = tmp_path / "it's", tools_of(shell, tmp_path)
    file = folder / "sub" / "file"
    made = put(shell, folder, b"put 0\n" + NEW, env)
    assert (made.last, file.read_bytes()) == (b"done created", NEW), made
    file.write_bytes(OLD)
    file.chmod(0o604)
    replaced = put(shell, folder, b"put 0\n" + NEW, env)
    assert (replaced.last, file.read_bytes()) == (b"done replaced", NEW)
    assert file.stat().st_mode & 0o777 == 0o604
    same = put(shell, folder, b"same\n", env, mode="600")
    assert same.last == b"done unchanged"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_folder_is_named_and_a_file_given_from_any_byte(shell: str, tmp_path: Path) -> None:
    env, file = tools_of(shell, tmp_path), tmp_path / "d" / "e f" / "x\ny"
    file.parent.mkdir(parents=True)
    file.write_bytes(NEW)
    listed = talk(shell, programs.FileProgram.LIST, b"", {"pattern": f"{tmp_path}/[d]"}, env)
    size, _, *names = listed.output.split(b"\0")
    assert size == b"16"
    assert names == [b"d/e f/x\ny", str(file).encode(), b".", b""]
    for offset in (0, 4, len(NEW)):
        had = hashlib.sha256(NEW[:offset]).hexdigest()
        get = f"get {offset} {had}\n".encode()
        given = talk(shell, programs.FileProgram.GET, get, {"path": str(file)}, env)
        assert given.output.endswith(f"\nfrom {offset}\n".encode() + NEW[offset:])


def test_what_is_left_of_the_text_of_the_program_is_no_answer(tmp_path: Path) -> None:
    said = put("sh", tmp_path, b"\n\nput 0\n" + NEW, {})
    assert (said.last, (tmp_path / "sub" / "file").read_bytes()) == (b"done created", NEW)


def test_a_line_that_is_cut_at_any_byte_leaves_the_old_file_and_can_be_gone_on_with(
    tmp_path: Path,
) -> None:
    file = tmp_path / "sub" / "file"
    file.parent.mkdir()
    for cut in range(len(NEW)):
        file.write_bytes(OLD)
        assert put("sh", tmp_path, b"put 0\n" + NEW[:cut], {}).last == f"no short {cut}".encode()
        assert file.read_bytes() == OLD
        assert put("sh", tmp_path, b"put %d\n" % cut + NEW[cut:], {}).last == b"done replaced"
        assert file.read_bytes() == NEW


def test_a_program_that_is_killed_anywhere_leaves_the_old_file_or_the_new_one(
    tmp_path: Path,
) -> None:
    """Each tool that the program calls kills it once, before its work and after."""
    tools, count, there = tmp_path / "tools", tmp_path / "count", tmp_path / "there"
    tools.mkdir()
    for name in (*TOOLS, "stat", "sync"):
        (tools / name).write_text(
            f'#!/bin/sh\necho x >>{count}\nset -- $(/usr/bin/wc -l <{count}) "$@"\nn=$1\nshift\n'
            '[ "$n" != "$BEFORE" ] || kill -9 0\n'
            f'{shutil.which(name)} "$@"\nstatus=$?\n[ "$n" != "$AFTER" ] || kill -9 0\n'
            "exit $status\n"
        )
        (tools / name).chmod(0o755)
    file, ends, killed = there / "sub" / "file", set(), True
    file.parent.mkdir(parents=True)
    number = 0
    while killed:
        number += 1
        for when in ("BEFORE", "AFTER"):
            count.write_text("")
            file.write_bytes(OLD)
            env = {"PATH": f"{tools}:{os.environ['PATH']}", when: str(number)}
            killed = put("sh", there, b"put 0\n" + NEW, env, mode="600").status == -9
            assert file.read_bytes() in (OLD, NEW)
            ends.add((file.read_bytes(), killed))
    assert number > 10
    assert ends == {(OLD, True), (NEW, True), (NEW, False)}
