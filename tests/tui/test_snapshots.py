"""Every view as a picture, at every size, in both languages and every look, against the kept ones.

`SNAPSHOTS=write pytest tests/tui/test_snapshots.py` keeps what is seen now; read the difference
before you commit it. `python -m tests.tui.recording` makes what the engine answers anew.
"""

from __future__ import annotations

import os

import pytest

from console.cells import width
from tests.support.recorded import Replayed
from tests.support.snapshots import text_of
from tests.tui.pictures import CASES, ENGINE, FOLDER, LANGUAGES, LOOKS, SIZES, take

KEPT = {f"{name}.{language}.txt" for name in CASES for language in LANGUAGES}


def test_every_picture_is_kept_and_none_without_its_case() -> None:
    assert {file.name for file in FOLDER.glob("*.txt")} == KEPT
    assert len(KEPT) * len(SIZES) * len(LOOKS) >= 400


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CASES)
def test_a_view_looks_as_it_did(name: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("JOBDECK_LANG", "TZ"):
        monkeypatch.setenv(variable, "")
    write = os.environ.get("SNAPSHOTS") == "write"
    replayed = Replayed.read(ENGINE)

    pictures = take(CASES[name], replayed, replayed, language)

    for (columns, rows), of_looks in pictures.items():
        every = list(of_looks.values())
        assert "not recorded" not in "".join(every[0].words)
        assert {picture.words for picture in every} == {every[0].words}  # no look changes a word
        assert [width(row) for row in every[0].words] == [columns] * rows
    seen, file = text_of(pictures), FOLDER / f"{name}.{language}.txt"
    if write:
        file.write_text(seen, encoding="utf-8")
    assert seen.splitlines() == file.read_text(encoding="utf-8").splitlines()
