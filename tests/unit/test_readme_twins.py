"""README.md and README.zh-CN.md say the same: the same parts, commands, links and rows."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")


def commands(text: str) -> list[str]:
    """What stands in blocks of code, without the comments."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line.split(" #")[0].rstrip() for block in blocks for line in block.splitlines()]


def test_they_have_the_same_commands() -> None:
    assert commands(CHINESE) == commands(ENGLISH)


def test_they_have_the_same_parts() -> None:
    def headings(text: str) -> list[str]:
        return re.findall(r"^#+(?= )", text, re.MULTILINE)

    assert headings(CHINESE) == headings(ENGLISH)


def test_they_link_to_the_same_places() -> None:
    """But for each other, and for pictures in their own language."""

    def links(text: str) -> list[str]:
        found = re.findall(r"\]\(([^)]*)\)", text)
        return [
            link.replace(".zh_CN.svg", ".en.svg")
            for link in found
            if link not in ("README.md", "README.zh-CN.md")
        ]

    assert links(CHINESE) == links(ENGLISH)


def test_their_tables_have_the_same_rows_and_name_the_same_tests() -> None:
    def rows(text: str) -> list[tuple[int, list[str]]]:
        lines = [line for line in text.splitlines() if line.startswith("|")]
        return [(line.count("|"), re.findall(r"`([\w/]+\.py[:\w]*)`", line)) for line in lines]

    assert rows(CHINESE) == rows(ENGLISH)


def test_their_tables_have_the_same_figures() -> None:
    def figures(text: str) -> list[list[str]]:
        part = text[text.index("| ---: |") :]
        lines = [line for line in part.splitlines() if line.startswith("| ")]
        return [re.findall(r"\d+(?:[.,]\d+)*", line) for line in lines]

    assert [sorted(row) for row in figures(CHINESE)] == [sorted(row) for row in figures(ENGLISH)]
