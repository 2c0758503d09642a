"""Files to and from a target that is the engine's own machine: every rule, no network."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from core.domain.files.resuming import temp_name
from core.domain.run import TargetCode, TargetState
from core.executors.local import LocalExecutor
from core.executors.protocol import BecomeLogin, Login, Target
from tests.support.transfers import pull, push
from tests.support.users import Users
from tests.support.work import QUICK, new_token, run

CONF_DIGEST = hashlib.sha256(b"port = 80\n").hexdigest()
HERE = Target(host="web1", address="localhost", login=Login(user=""))


@pytest.fixture
async def executor(home: Path) -> AsyncIterator[LocalExecutor]:
    made = LocalExecutor(QUICK, new_token, {"PATH": os.environ["PATH"], "HOME": str(home)})
    yield made
    await made.close()


@pytest.fixture
def source(home: Path) -> Path:
    """A folder of files, one of them hidden, one a link."""
    folder = home / "src"
    (folder / "conf.d").mkdir(parents=True)
    (folder / "app.conf").write_bytes(b"port = 80\n")
    (folder / "run me.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "run me.sh").chmod(0o755)
    (folder / "conf.d" / "zwei äöü'\"$x").write_bytes(b"")
    (folder / "conf.d" / "link").symlink_to("/etc/passwd")
    return folder


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    disk = home / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


async def test_a_file_arrives_once_and_is_then_left_alone(
    executor: LocalExecutor, source: Path, home: Path
) -> None:
    there = home / "etc" / "app" / "app.conf"
    work = push(files=[str(source / "app.conf")], to=str(there), mode="0640")
    first = await run(executor, HERE, work)
    seen = there.stat()
    second = await run(executor, HERE, work)

    assert first.outcome.state is TargetState.SUCCESS, first
    assert first.out.decode() == f"created  {CONF_DIGEST}  {there}\n"
    assert second.out.decode() == f"unchanged  {CONF_DIGEST}  {there}\n"
    assert there.read_bytes() == b"port = 80\n"
    assert there.stat().st_mode & 0o777 == 0o640
    assert there.stat().st_ino == seen.st_ino
    assert list(tree(home / "etc")) == ["app/app.conf"]


async def test_a_folder_goes_with_everything_but_its_links(
    executor: LocalExecutor, source: Path, home: Path
) -> None:
    result = await run(executor, HERE, push(files=[str(source)], to="~/there/"))

    assert result.outcome.state is TargetState.SUCCESS, result
    assert tree(home / "there") == {
        "src/app.conf": b"port = 80\n",
        "src/conf.d/zwei äöü'\"$x": b"",
        "src/run me.sh": b"#!/bin/sh\n",
    }
    assert (home / "there/src/run me.sh").stat().st_mode & 0o100


async def test_a_replaced_file_keeps_its_mode_and_a_pattern_names_several(
    executor: LocalExecutor, source: Path, home: Path
) -> None:
    (home / "there").mkdir()
    old = home / "there" / "app.conf"
    old.write_bytes(b"old")
    old.chmod(0o604)
    result = await run(executor, HERE, push(files=[f"{source}/*.conf"], to=f"{home}/there/"))

    assert result.out.startswith(b"replaced  ")
    assert (old.read_bytes(), old.stat().st_mode & 0o777) == (b"port = 80\n", 0o604)


@pytest.mark.parametrize(
    ("exists", "state", "said"),
    [("skip", TargetState.SUCCESS, b"skipped"), ("fail", TargetState.FILE_FAILED, b"")],
)
async def test_what_is_there_already_is_left_where_the_step_says_so(
    executor: LocalExecutor, home: Path, exists: str, state: TargetState, said: bytes
) -> None:
    there = home / "motd"
    there.write_bytes(b"old")
    result = await run(executor, HERE, push(text="new", to=str(there), exists=exists))

    assert result.outcome.state is state
    assert result.out.startswith(said)
    assert there.read_bytes() == b"old"


async def test_a_template_is_filled_with_values_of_the_step_and_nothing_else(
    executor: LocalExecutor, home: Path
) -> None:
    there = home / "motd"
    text = "on ${JOBDECK_HOST}: ${WORD}, $${HOME} $HOME `id`\n"
    good = push({"WORD": "it's"}, text=text, to=str(there), template=True)
    bad = push(text="${HOME}", to=str(there), template=True)
    first, second = await run(executor, HERE, good), await run(executor, HERE, bad)

    assert first.outcome.state is TargetState.SUCCESS
    assert there.read_text() == "on web1: it's, ${HOME} $HOME `id`\n"
    assert second.outcome.code is TargetCode.INVALID_OPTIONS
    assert "${HOME} has no value here" in second.outcome.message


@pytest.mark.needs_root
@pytest.mark.needs("mount", "umount")
async def test_a_disk_that_took_no_more_keeps_the_old_file_and_gets_its_room_back(
    executor: LocalExecutor, home: Path, small_disk: Path
) -> None:
    (home / "big").write_bytes(b"x" * 300_000)
    (small_disk / "big").write_bytes(b"old")

    full = await run(executor, HERE, push(files=[str(home / "big")], to=f"{small_disk}/"))

    assert full.outcome.state is TargetState.FILE_FAILED
    assert "No space left" in full.outcome.message
    assert tree(small_disk) == {"big": b"old"}


async def test_an_unfinished_copy_is_gone_on_with_only_where_it_is_a_beginning(
    executor: LocalExecutor, home: Path
) -> None:
    data = os.urandom(3_000_000)
    (home / "big").write_bytes(data)
    for part, noted in ((data[:2_000_001], b"going on at byte 2,000,001"), (b"x" * 2_000_001, b"")):
        there = home / "there"
        there.mkdir()
        (there / temp_of("big", data)).write_bytes(part)
        work = push(files=[str(home / "big")], to=f"{there}/")
        result = await run(executor, HERE, work)

        assert result.outcome.state is TargetState.SUCCESS, result
        assert noted in result.sink.note
        assert tree(there) == {"big": data}
        (there / "big").unlink()
        there.rmdir()


def temp_of(name: str, data: bytes) -> str:
    return temp_name("01RUN/main/web1", name, digest(data))


async def test_a_check_says_what_would_happen_and_how_and_writes_nothing(
    executor: LocalExecutor, source: Path, home: Path
) -> None:
    there = home / "there" / "src"
    there.mkdir(parents=True)
    (there / "app.conf").write_bytes(b"port = 81\n")
    (there / "run me.sh").write_bytes(b"#!/bin/sh\n")
    before = tree(home)
    spec = {"files": [str(source)], "to": f"{home}/there/"}
    shown = await run(executor, HERE, push(check=True, **spec))
    secret = await run(executor, HERE, push(check=True, **spec, diff=False))
    absent = await run(executor, HERE, push(files=spec["files"], to=f"{home}/x/y/", check=True))
    back = await run(executor, HERE, pull(files=[f"{there}/*"], to=f"{home}/got", check=True))

    words = [line.split("  ")[0] for line in secret.out.decode().splitlines()]
    assert words == ["replace", "unchanged", "create"]
    assert b"@@ -1 +1 @@\n-port = 81\n+port = 80\n" in shown.out
    assert absent.out.count(b"create  ") == 3
    assert back.out.count(b"create  ") == 2
    assert tree(home) == before
    assert not (home / "x").exists()
    assert not (home / "got").exists()


async def test_a_link_in_the_place_of_the_file_is_replaced_and_not_written_through(
    executor: LocalExecutor, home: Path
) -> None:
    (home / "other").write_bytes(b"new")
    (home / "other").chmod(0o604)
    (home / "place").symlink_to(home / "other")
    result = await run(executor, HERE, push(text="new", to=f"{home}/place", mode="0600"))

    assert result.out.startswith(b"replaced  ")
    assert not (home / "place").is_symlink()
    assert (home / "other").stat().st_mode & 0o777 == 0o604


@pytest.mark.needs("sudo", "su")
@pytest.mark.needs_root
@pytest.mark.parametrize("method", ["sudo", "su"])
async def test_files_belong_to_the_user_that_the_account_becomes(
    executor: LocalExecutor, home: Path, method: str
) -> None:
    (home / "a").write_bytes(b"a" * 300_000)
    with Users() as users:
        other = users.user("files")
        become = BecomeLogin(method=method, user=other.name)
        to = Target(host="web1", address="localhost", login=Login(user="", become=become))
        first = await run(executor, to, push(files=[str(home / "a")], to="~/in/"))
        back = await run(executor, to, pull(files=["~/in/*"], to=f"{home}/got"))
        assert first.outcome.state is TargetState.SUCCESS, (first, first.sink.streams)
        owner = (other.home / "in" / "a").owner()

    assert owner == other.name
    assert back.outcome.state is TargetState.SUCCESS, back
    assert (home / "got/web1/a").read_bytes() == b"a" * 300_000


@pytest.mark.needs_root
async def test_an_owner_is_given_before_the_file_is_in_place_and_kept_when_it_is_replaced(
    executor: LocalExecutor, home: Path
) -> None:
    there = home / "place"
    owned = push(text="a", to=str(there), owner="daemon:daemon", mode="4750")
    first = await run(executor, HERE, owned)
    kept = await run(executor, HERE, push(text="b", to=str(there)))
    unknown = await run(executor, HERE, push(text="c", to=str(there), owner="nobody-of-here"))

    assert first.outcome.state is TargetState.SUCCESS, first
    assert kept.outcome.state is TargetState.SUCCESS, kept
    assert there.owner() == "daemon"
    assert there.stat().st_mode & 0o7777 == 0o4750
    assert unknown.outcome.state is TargetState.FILE_FAILED
    assert "cannot be given its owner" in unknown.outcome.message
    assert there.read_bytes() == b"b"


@pytest.mark.parametrize("link", ["there/src", "there/src/conf.d"])
async def test_a_link_inside_the_folder_leads_nothing_out_of_it(
    executor: LocalExecutor, source: Path, home: Path, link: str
) -> None:
    (home / "outside").mkdir()
    (home / link).parent.mkdir(parents=True)
    (home / link).symlink_to(home / "outside")
    result = await run(executor, HERE, push(files=[str(source)], to=f"{home}/there/"))

    assert result.outcome.state is TargetState.FILE_FAILED
    assert "nothing is written outside the folder" in result.outcome.message
    assert tree(home / "outside") == {}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Path.mkdir, "is a folder (write a / at its end)"),
        (os.mkfifo, "is no plain file"),
    ],
)
async def test_what_is_no_file_is_not_replaced(
    executor: LocalExecutor, home: Path, make: Callable[[Path], None], said: str
) -> None:
    there = home / "place"
    make(there)
    result = await run(executor, HERE, push(text="x", to=str(there)))

    assert result.outcome.state is TargetState.FILE_FAILED
    assert said in result.outcome.message
    assert not there.is_file()


async def test_a_pipe_that_nobody_writes_to_is_no_file_to_send(
    executor: LocalExecutor, home: Path
) -> None:
    os.mkfifo(home / "pipe")
    result = await run(executor, HERE, push(files=[f"{home}/pipe"], to=f"{home}/there"))

    assert result.outcome.state is TargetState.FILE_SOURCE_MISSING
    assert result.outcome.message == (
        f"{home}/pipe on the engine's machine cannot be read: no plain file"
    )


async def test_one_sentence_says_what_is_missing(executor: LocalExecutor, home: Path) -> None:
    absent = await run(executor, HERE, push(files=[f"{home}/none"], to=f"{home}/x/"))
    strict = push(text="x", to=f"{home}/none/x", missing_folder="fail")
    no_folder = await run(executor, HERE, strict)
    (home / "folder").mkdir()
    as_file = await run(executor, HERE, push(files=[f"{home}/folder"], to=f"{home}/x"))

    assert absent.outcome.state is TargetState.FILE_SOURCE_MISSING
    assert absent.outcome.message == f"{home}/none is not there on the engine's machine"
    assert no_folder.outcome.state is TargetState.FILE_FAILED
    assert "cannot be entered, or is not there" in no_folder.outcome.message
    assert not (home / "none").exists()
    assert as_file.outcome.state is TargetState.INVALID_TARGET
    assert "folder is a folder, and `to` names a file; write `to` with a / at its end" in (
        as_file.outcome.message
    )


async def test_a_name_that_no_screen_can_show_stops_the_transfer_before_anything_is_sent(
    executor: LocalExecutor, home: Path
) -> None:
    (home / "folder").mkdir()
    (home / "folder" / "a").write_text("a")
    (home / "folder" / "na\nme").write_text("b")

    refused = await run(executor, HERE, push(files=[f"{home}/folder"], to=f"{home}/x/"))

    assert refused.outcome.state is TargetState.FILE_FAILED
    assert refused.outcome.message == (
        "folder/na?me has a control character (code 10); nothing was sent (rename the file)"
    )
    assert not (home / "x").exists()


async def test_files_of_a_target_come_into_a_folder_of_its_own(
    executor: LocalExecutor, source: Path, home: Path
) -> None:
    work = pull(
        files=[f"{source}/*.conf", str(source / "conf.d"), "~/src/run me.sh"], to=f"{home}/got"
    )
    first, second = await run(executor, HERE, work), await run(executor, HERE, work)

    assert first.outcome.state is TargetState.SUCCESS, first
    assert first.out.count(b"created  ") == 3
    assert second.out.count(b"unchanged  ") == 3
    assert tree(home / "got") == {
        "web1/app.conf": b"port = 80\n",
        "web1/conf.d/zwei äöü'\"$x": b"",
        "web1/run me.sh": b"#!/bin/sh\n",
    }
    assert (home / "got/web1/app.conf").stat().st_mode & 0o777 == 0o600


async def test_what_is_missing_on_a_target_is_a_failure_unless_the_step_bears_it(
    executor: LocalExecutor, home: Path
) -> None:
    strict = await run(executor, HERE, pull(files=["/none/*"], to=f"{home}/got"))
    lenient = await run(executor, HERE, pull(files=["/none/*"], to=f"{home}/got", missing="skip"))

    assert strict.outcome.state is TargetState.FILE_SOURCE_MISSING
    assert strict.outcome.message == "/none/* is not there on the target"
    assert lenient.outcome.state is TargetState.SUCCESS
    assert not (home / "got").exists()


async def test_a_link_in_the_folder_here_leads_nothing_out_of_it(
    executor: LocalExecutor, source: Path, home: Path
) -> None:
    (home / "got" / "web1").mkdir(parents=True)
    (home / "outside").mkdir()
    (home / "got" / "web1" / "src").symlink_to(home / "outside")
    result = await run(executor, HERE, pull(files=[str(source)], to=f"{home}/got"))

    assert result.outcome.state is TargetState.FILE_FAILED
    assert tree(home / "outside") == {}
