"""Differences between two bodies: every place once, no secret shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.changes import NEW_SECRET, diff

A, B = "0" * 25 + "A", "0" * 25 + "B"


def shown(before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    changes = diff({"spec": before}, {"spec": after})
    return [(change.path, change.before, change.after) for change in changes]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"port": 22}, {"port": 22}, []),
        ({"port": 22}, {"port": 2222}, [("spec.port", 22, 2222)]),
        ({}, {"port": 22}, [("spec.port", None, 22)]),
        ({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, [("spec.a.b", 1, 2), ("spec.a.c", None, 3)]),
        ({"l": [1, 2]}, {"l": [1, 3, 4]}, [("spec.l[1]", 2, 3), ("spec.l[2]", None, 4)]),
        ({"l": [1, 2]}, {"l": [1]}, [("spec.l[1]", 2, None)]),
        ({"s": [{"x": 1}]}, {"s": [{"x": 2}]}, [("spec.s[0].x", 1, 2)]),
        ({"v": "text"}, {"v": {"a": 1}}, [("spec.v", "text", {"a": 1})]),
        ({"a.b/c": 1}, {"a.b/c": 2}, [('spec["a.b/c"]', 1, 2)]),
        ({"p": {"secret": A}}, {"p": {"secret": A}}, []),
        ({"p": {"secret": A}}, {"p": {"secret": B}}, [("spec.p", "(secret)", "(new secret)")]),
        ({}, {"p": {"secret": NEW_SECRET}}, [("spec.p", None, "(new secret)")]),
        ({"p": {"secret": A}}, {}, [("spec.p", "(secret)", None)]),
        (
            {},
            {"become": {"user": "x", "password": {"secret": NEW_SECRET}}},
            [("spec.become", None, {"user": "x", "password": "(new secret)"})],
        ),
    ],
)
def test_each_place_that_differs_is_named_once(before: Any, after: Any, expected: Any) -> None:
    assert shown(before, after) == expected


def test_labels_come_before_the_spec() -> None:
    changes = diff({"labels": {"env": "prod"}, "spec": {"a": 1}}, {"labels": {}, "spec": {"a": 2}})
    assert [change.path for change in changes] == ["labels.env", "spec.a"]


def test_a_document_that_comes_or_goes_differs_everywhere() -> None:
    body = {"labels": {"env": "prod"}, "spec": {"a": 1}}
    assert [(c.path, c.before, c.after) for c in diff({}, body)] == [
        ("labels.env", None, "prod"),
        ("spec.a", None, 1),
    ]
    assert [(c.path, c.before, c.after) for c in diff(body, {})] == [
        ("labels.env", "prod", None),
        ("spec.a", 1, None),
    ]


leaves = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "a", "b"])


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists and maps, small enough that two of them are often equal in part."""
    keys = st.sampled_from(["a", "b", "a.b", ""])
    return inner | st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)


specs = st.dictionaries(st.sampled_from(["a", "b", "c"]), nested(nested(leaves)))


@given(specs, specs)
def test_nothing_differs_exactly_when_both_are_equal(before: Any, after: Any) -> None:
    assert (diff({"spec": before}, {"spec": after}) == ()) == (before == after)
