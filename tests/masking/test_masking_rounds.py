"""The long search for leaks finds one."""

from __future__ import annotations

import pytest
from hypothesis import Phase

from core.vault.masking import Masker
from tests.masking.__main__ import try_round


def test_a_round_tries_every_form_of_every_secret() -> None:
    assert try_round(1, examples=20) >= 12


def test_a_masker_that_forgets_what_was_cut_off_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Masker, "open_end", lambda self, data: 0)

    with pytest.raises(AssertionError):
        try_round(1, phases=[Phase.generate])
