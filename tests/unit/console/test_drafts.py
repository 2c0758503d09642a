from __future__ import annotations

from pathlib import Path

import pytest

from console.drafts import Drafts
from console.forms.draft import Draft
from console.forms.fields import whole
from core.api.kinds import schema_of
from core.clock import SystemClock

ACCOUNT = {"kind": "account", "name": "ops", "labels": {}, "spec": {"user": "u"}}
ROOT = whole(schema_of("account"))


@pytest.fixture
def drafts(tmp_path: Path) -> Drafts:
    return Drafts(tmp_path / "drafts", SystemClock())


def draft() -> Draft:
    return Draft(ROOT, ACCOUNT, ACCOUNT, 3).typed(("spec", "user"), "deploy")


def test_a_draft_comes_back_as_it_was(drafts: Drafts) -> None:
    kept = draft().typed(("spec", "max_runs"), "many")
    drafts.keep("edit account/ops", kept)

    found = drafts.find("edit account/ops", ROOT)

    assert found is not None
    assert found.draft == kept
    assert found.draft.text(("spec", "max_runs")) == "many"
    assert drafts.find("edit account/other", ROOT) is None


def test_no_text_of_a_secret_is_on_disk(drafts: Drafts, tmp_path: Path) -> None:
    drafts.keep("edit account/ops", draft().typed(("spec", "password"), "hush-hush"))

    [file] = (tmp_path / "drafts").iterdir()
    assert "hush-hush" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "drafts").stat().st_mode & 0o077 == 0


def test_a_forgotten_draft_is_gone(drafts: Drafts) -> None:
    drafts.keep("x", draft())
    drafts.forget("x")
    drafts.forget("x")
    assert drafts.find("x", ROOT) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"unread": 3}', '{"unread": [[1]]}'])
def test_what_cannot_be_read_is_no_draft(drafts: Drafts, tmp_path: Path, text: str) -> None:
    drafts.keep("x", draft())
    [file] = (tmp_path / "drafts").iterdir()
    file.write_text(text)
    assert drafts.find("x", ROOT) is None


def test_where_nothing_can_be_written_a_draft_stays_while_the_console_is_open(
    drafts: Drafts, tmp_path: Path
) -> None:
    (tmp_path / "drafts").write_text("a file in the place of the folder")
    kept = draft().typed(("spec", "password"), "hush-hush")

    with pytest.raises(OSError, match="exists"):
        drafts.keep("x", kept)

    found = drafts.find("x", ROOT)
    assert found is not None
    assert found.draft == kept.without_secrets()
    (tmp_path / "drafts").unlink()
    drafts.keep("x", kept)
    assert [file.suffix for file in (tmp_path / "drafts").iterdir()] == [".json"]
    drafts.forget("x")
    assert drafts.find("x", ROOT) is None
