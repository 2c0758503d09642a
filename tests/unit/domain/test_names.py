"""Which names documents may have, and the order in which names are shown."""

from __future__ import annotations

import pytest

from core.domain.names import check_name, label_key_problem, name_problem, natural_key


@pytest.mark.parametrize(
    "name", ["web1", "1", "db-1.example.com", "a_b", "数据库1", "é", "x" * 128]
)
def test_letters_of_any_script_digits_dots_dashes_and_underscores_make_a_name(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "-a", ".a", "_a", "a b", "a/b", "a:22", "a,b", "a*", "a[1]", "@a", "a\n", "x" * 129]
    + ["e\u0301", "\uf90a", "a\u200b", "a\x00"],
)
def test_a_name_that_the_grammar_or_the_eye_could_misread_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a name"):
        check_name(name)


@pytest.mark.parametrize("word", ["all", "and", "or", "not", "in", "notin", "has", "All", "NOT"])
def test_a_word_of_the_grammar_is_no_name_in_any_letter_case(word: str) -> None:
    problem = name_problem(word)
    assert problem is not None
    assert "target grammar" in problem


def test_a_very_long_name_is_not_repeated_in_full() -> None:
    problem = name_problem("x" * 100_000)
    assert problem is not None
    assert len(problem) < 250


@pytest.mark.parametrize("key", ["env", "app.example.com/tier", "_x", "区域", "in"])
def test_a_label_key_may_hold_a_slash(key: str) -> None:
    assert label_key_problem(key) is None


@pytest.mark.parametrize("key", ["", "a b", "a=b", "/a", "x" * 64])
def test_a_label_key_that_a_selector_could_not_name_is_refused(key: str) -> None:
    assert label_key_problem(key) is not None


def test_digits_sort_as_numbers_whatever_their_length() -> None:
    names = ["web10", "web2", "web02", "web", "web-1", "web2a", "Web1", f"web{'9' * 5000}", "web0"]
    ordered = ["Web1", "web", "web-1", "web0", "web02", "web2", "web2a", "web10", names[7]]
    assert sorted(names, key=natural_key) == ordered
