"""Names of files that lead out of a folder elsewhere: here they land below it, or nowhere.

`paths/names.json` has three lists: what is refused by its text, what would go through a link that
stands in the folder, and what is strange and only a name.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from core.domain.files.contents import NamedContent
from core.domain.files.paths import check_below
from core.domain.run import TargetState
from core.domain.steps.files import WebFile
from core.domain.tasks import FileSource, Push
from core.executors.files.failures import TransferFailed
from core.executors.files.landing import Landing
from core.executors.local import LocalExecutor
from core.executors.protocol import Login, Target, Work
from tests.support.work import QUICK, new_token, run

NAMES: Mapping[str, list[str]] = json.loads(
    (Path(__file__).parent / "paths" / "names.json").read_text(encoding="utf-8")
)
REFUSED, LINKS, PLAIN = NAMES["refused"], NAMES["links"], NAMES["plain"]
DATA = b"new"
DIGEST = hashlib.sha256(DATA).hexdigest()


def test_the_lists_are_long_and_say_nothing_twice() -> None:
    every = [*REFUSED, *LINKS, *PLAIN]
    assert len(every) == len(set(every)) >= 60


@pytest.fixture
def place(home: Path) -> Path:
    """A folder with every kind of link in it; all that must stay as it is lies beside it."""
    folder, beside = home / "in", home / "beside"
    (beside / "sub").mkdir(parents=True)
    (beside / "file").write_bytes(b"old")
    (folder / "deep").mkdir(parents=True)
    for name, to in {
        "link": beside,
        "deep/link": beside,
        "file": beside / "file",
        "loop": folder / "loop",
        "up": home,
        "dangling": beside / "none",
        "abs": Path("/tmp"),
        "absfile": Path("/etc/passwd"),
    }.items():
        (folder / name).symlink_to(to)
    return folder


def beside(place: Path) -> dict[str, bytes | None]:
    """All that lies in the home outside of the folder."""
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for path in place.parent.rglob("*")
        if path != place and place not in path.parents and "spool" not in path.parts
    }


def land(place: Path, name: str) -> bool:
    """Whether a file of that name, come from a host, was taken in."""
    try:
        landing = Landing(str(place), name, "key", DIGEST)
    except TransferFailed:
        return False
    try:
        assert landing.enter(makes_folders=True)
        landing.found(len(DATA))
        landing.begin(0)
        landing.write(DATA)
        landing.finish(mode=0o600, replaces=True)
    except TransferFailed:
        return False
    finally:
        landing.close()
    return True


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_what_leads_out_by_its_text_is_refused_everywhere(place: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"folder|empty|control|bytes|character"):
        check_below(name)
    with pytest.raises(ValueError, match=r"folder|empty|control|bytes|character"):
        NamedContent(name=name, sha256=DIGEST)
    assert not land(place, name)
    address = "http://x/" + quote(name, safe="", errors="surrogatepass")
    with suppress(ValueError):
        assert "/" not in check_below(WebFile(url=address).file_name), "its last part at most"


@pytest.mark.parametrize("name", LINKS, ids=ascii)
def test_no_link_is_gone_through_here(place: Path, name: str) -> None:
    before = beside(place)

    assert not land(place, name)
    assert beside(place) == before


@pytest.mark.parametrize("name", PLAIN, ids=ascii)
def test_what_is_strange_and_only_a_name_lands_under_it(place: Path, name: str) -> None:
    before = beside(place)

    assert land(place, name)
    assert beside(place) == before
    there = os.lstat(os.path.join(place, name))  # noqa: PTH118 - names as they are
    assert there.st_size == len(DATA)


async def test_a_shell_there_puts_every_name_below_the_folder_or_nowhere(place: Path) -> None:
    home, names = place.parent, [*LINKS, *PLAIN]
    (home / "content").write_bytes(DATA)
    before = beside(place)
    sources = tuple(
        FileSource(path=str(home / "content"), name=name, sha256=DIGEST) for name in names
    )
    task = Push(
        sources=sources, folder=str(place), name="", key="r/s/h", mode=None, owner=None,
        exists="overwrite", makes_folders=True, fills=False, check=False, diff=False,
        bytes_per_s=None,
    )  # fmt: skip
    executor = LocalExecutor(QUICK, new_token, {"PATH": os.environ["PATH"], "HOME": str(home)})
    here = Target(host="web1", address="localhost", login=Login(user=""))

    result = await run(executor, here, Work(attempt_id=new_token(), task=task, env={}))
    await executor.close()

    assert result.outcome.state is TargetState.FILE_FAILED
    assert result.sink.err.count(b"failed  ") == len(LINKS), result.sink.err
    assert beside(place) == before
    for name in PLAIN:
        there = os.lstat(os.path.join(place, name))  # noqa: PTH118 - names as they are
        assert there.st_size == len(DATA), name
