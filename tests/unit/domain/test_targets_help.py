"""The help page on target expressions says what really happens, in both languages."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from core.domain.hostrange import MAX_NAMES
from core.domain.names import RESERVED_WORDS
from core.domain.target_parser import MAX_DEPTH, MAX_LENGTH, MAX_PATTERNS
from core.domain.targets import GroupView, HostView, Inventory, expand, fold, parse, resolve
from core.errors import Invalid

HELP = Path(__file__).parents[3] / "assets" / "help"
LANGUAGES = ("en", "zh_CN")
WORDS = ("all", "and", "or", "not", "in", "notin", "has")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def page(language: str) -> str:
    return (HELP / f"targets.{language}.md").read_text(encoding="utf-8")


def lines(language: str, kind: str) -> list[str]:
    """All lines of the page's fenced blocks of this kind."""
    blocks = [text for found, text in BLOCK.findall(page(language)) if found == kind]
    return [line for text in blocks for line in text.splitlines()]


def inventory() -> Inventory:
    hosts: dict[str, HostView] = {}
    groups: dict[str, GroupView] = {}
    for line in lines("en", "inventory"):
        name, rest = line.split(maxsplit=1)
        if name.startswith("@"):
            groups[name[1:]] = GroupView(expression=rest)
            continue
        labels = dict(label.split("=", 1) for label in shlex.split(rest))
        hosts.update((host, HostView(host, labels)) for host in expand(name))
    return Inventory(hosts, groups)


def examples() -> list[tuple[str, str]]:
    return [tuple(re.split(r"\s{2,}", line, maxsplit=1)) for line in lines("en", "targets")]  # type: ignore[misc]


@pytest.mark.parametrize(("expression", "hosts"), examples())
def test_an_example_of_the_page_chooses_the_hosts_it_says(expression: str, hosts: str) -> None:
    chosen = fold(resolve(parse(expression), inventory()))
    assert (chosen or "none") == hosts


def test_a_mistake_of_the_page_is_answered_as_it_says() -> None:
    shown = lines("en", "mistakes")
    assert len(shown) > 2
    for expression, answer in zip(shown[::2], shown[1::2], strict=True):
        with pytest.raises(Invalid) as caught:
            parse(expression)
        (problem,) = caught.value.problems
        column = answer.index("^") + 1
        assert problem.where == f"column {column}"
        assert answer[column:].strip() == f"{problem.what} ({problem.hint})"


def test_every_expression_in_the_prose_of_the_page_parses() -> None:
    signs = {"( )", '""', "!", "!=", "-", ".", ",", "(", "，", "（", "--on"}
    signs |= {"<", "<=", ">", ">="}
    words = {"and", "or", "not", "in", "notin", " ".join(WORDS)}
    prose = BLOCK.sub("", page("en"))
    found = {text.replace("\\|", "|") for text in re.findall(r"`([^`]+)`", prose)}
    quoted = {text for text in found if not text.startswith("jobdeck ")}
    assert signs <= quoted
    for text in quoted - signs - words:
        parse(text)


def test_both_languages_show_the_same_examples_and_headings() -> None:
    english, chinese = (BLOCK.findall(page(language)) for language in LANGUAGES)
    assert english == chinese
    headings = [re.findall(r"^#+", page(language), re.MULTILINE) for language in LANGUAGES]
    assert headings[0] == headings[1]


def test_the_limits_of_the_page_are_the_limits_of_the_parser() -> None:
    for language in LANGUAGES:
        text = page(language)
        for limit in (MAX_LENGTH, MAX_DEPTH, MAX_PATTERNS, MAX_NAMES):
            assert re.search(rf"(?<![\d,]){limit:,}(?![\d,])", text)
        assert f"`{' '.join(WORDS)}`" in text
    assert set(WORDS) == RESERVED_WORDS
