"""What the README tells a newcomer to type."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.support.product import ROOT, Product

pytestmark = pytest.mark.slow


def first_commands() -> list[list[str]]:
    """The words of every command under "First run"."""
    (block,) = re.findall(
        r"^## First run\n\n```sh\n(.*?)```",
        (ROOT / "README.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    return [shlex.split(line, comments=True)[1:] for line in block.splitlines()]


def test_every_first_command_is_understood_and_finds_something() -> None:
    with Product() as product:
        (product.folder / "assets").symlink_to(ROOT / "assets")
        for words in first_commands():
            ended = product.cli(*words)
            # The sample hosts exist nowhere, so a run on them fails; nothing is refused.
            assert ended.code in (0, 1), f"{words}: {ended.said}"
            assert "no host fits" not in ended.said, words
