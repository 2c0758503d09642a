"""The help page on expressions says what really happens, in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from core.domain.expressions import FUNCTIONS, Bounds, as_value, parse, parse_template
from core.domain.expressions.operators import ARITHMETIC
from core.domain.expressions.parser import MAX_DEPTH, MAX_LENGTH
from core.domain.expressions.reference import reference
from core.domain.expressions.template import MAX_TEXT
from core.domain.expressions.values import MAX_WRITTEN
from core.errors import Invalid

HELP = Path(__file__).parents[4] / "assets" / "help"
LANGUAGES = ("en", "zh_CN")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def page(language: str) -> str:
    return (HELP / f"expressions.{language}.md").read_text(encoding="utf-8")


def lines(kind: str) -> list[str]:
    """All lines of the page's fenced blocks of this kind."""
    return [
        line
        for found, text in BLOCK.findall(page("en"))
        if found == kind
        for line in text.splitlines()
    ]


def pairs(kind: str) -> list[tuple[str, str]]:
    """Left and right side of each line."""
    found = [re.match(r"(.*?\S)(?: {2,}| (?=true$))(.*)", line) for line in lines(kind)]
    return [(match[1], match[2]) for match in found if match]


SCOPE = {name: as_value(value) for name, value in json.loads("\n".join(lines("scope"))).items()}


def test_the_reference_of_the_page_is_the_table_of_functions() -> None:
    assert reference() in page("en"), f"put this into the page:\n\n{reference()}"


def test_the_reference_in_chinese_has_the_same_functions_and_examples() -> None:
    english, chinese = (
        re.findall(r"^(?:- |  )`.*", page(each), re.MULTILINE) for each in LANGUAGES
    )
    in_order = [[re.findall(r"`[^`]+`", line) for line in found] for found in (english, chinese)]
    signatures = [codes[0] for codes in in_order[1] if "->" in codes[0]]

    assert [name.partition("(")[0].strip("`") for name in signatures] == list(FUNCTIONS)
    assert in_order[0] == in_order[1]


def test_every_sentence_of_the_reference_is_chinese_in_chinese() -> None:
    items = re.findall(r"^- `[^`]+->[^`]+`：(.*)$", page("zh_CN"), re.MULTILINE)

    assert len(items) == len(FUNCTIONS)
    assert [item for item in items if not re.search(r"[一-鿿]", item)] == []


@pytest.mark.parametrize(("expression", "value"), pairs("expressions"))
def test_an_example_of_the_page_has_the_value_it_says(expression: str, value: str) -> None:
    assert parse(expression).evaluate(SCOPE) == parse(value).evaluate({})


def test_there_are_as_many_examples_as_lines() -> None:
    assert len(pairs("expressions")) == len(lines("expressions"))


def test_texts_of_the_page_are_filled_as_it_says() -> None:
    shown = pairs("texts")
    assert len(shown) == len(lines("texts"))
    assert [(text, parse_template(text).fill(SCOPE)) for text, _filled in shown] == shown


def test_arithmetic_of_the_page_is_the_table() -> None:
    shown = {tuple(left.split()): right for left, right in pairs("arithmetic")}
    assert shown == {
        (left, sign, right): made for (sign, left, right), (made, _) in ARITHMETIC.items()
    }


def test_a_mistake_of_the_page_is_answered_as_it_says() -> None:
    shown = lines("mistakes")
    assert len(shown) > 2
    for expression, answer in zip(shown[::2], shown[1::2], strict=True):
        with pytest.raises(Invalid) as caught:
            parse(expression).evaluate(SCOPE)
        (problem,) = caught.value.problems
        column = answer.index("^") + 1
        said = f"{problem.what} ({problem.hint})" if problem.hint else problem.what
        assert (problem.where, said) == (f"column {column}", answer.strip("^ "))


@pytest.mark.parametrize("language", LANGUAGES)
def test_limits_of_the_page_are_those_of_the_code(language: str) -> None:
    bounds = Bounds()
    of_evaluating = (bounds.steps, bounds.characters, bounds.items)
    for limit in (MAX_LENGTH, MAX_DEPTH, MAX_TEXT, MAX_WRITTEN, *of_evaluating):
        assert f"{limit:,}" in page(language)


def test_examples_are_the_same_in_both_languages() -> None:
    english, chinese = (BLOCK.findall(page(language)) for language in LANGUAGES)
    assert english == chinese
