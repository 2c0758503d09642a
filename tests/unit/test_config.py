"""`settings.toml`: what is wrong in it is named by its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import Settings, load_settings
from core.errors import Invalid


def refusal(folder: Path, text: bytes) -> str:
    file = folder / "settings.toml"
    file.write_bytes(text)
    with pytest.raises(Invalid) as refused:
        load_settings(file)
    assert str(file) in refused.value.message
    return str(refused.value)


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "settings.toml") == Settings()


def test_a_file_sets_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('max_targets = 20\noutput_per_target = "5000"\n')
    settings = load_settings(file)
    assert (settings.max_targets, settings.caps().target.lines) == (20, 5000)
    assert settings.log_level == "info"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"max_targets = 0", ("max_targets", "greater than or equal to 1")),
        (b"max_target = 5", ("max_target", "max_targets")),
        (b"listen_hooks = '0.0.0.0:80'", ("listen_hooks", "plain text", "tls_certificate")),
        (b"log_level = 'loud'", ("log_level", "'debug', 'info', 'warning' or 'error'")),
        (b"output_per_target = 'many'", ("output_per_target", "many", "20MB")),
        (b"output_per_run = '5/node'", ("output_per_run", "limit of each target")),
        (b"max_targets = \n", ("not TOML", "line 1")),
        (b"log_level = '\xff'", ("not UTF-8",)),
    ],
)
def test_what_is_wrong_is_named_by_its_key(
    tmp_path: Path, text: bytes, words: tuple[str, ...]
) -> None:
    said = refusal(tmp_path, text)
    for word in words:
        assert word in said
