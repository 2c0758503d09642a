"""Patterns of texts: whoever misses one reads words, never the pattern."""

from __future__ import annotations

import pytest

from core.domain import documents, patterns
from core.errors import Invalid


@pytest.mark.parametrize(
    ("document", "place", "words"),
    [
        (
            {"kind": "host", "name": "a", "spec": {"host_key": "MD5:00"}},
            "host_key",
            patterns.IN_WORDS[patterns.FINGERPRINT],
        ),
        (
            {
                "kind": "schedule",
                "name": "a",
                "spec": {"job": "b", "trigger": {"journal": {"types": ["run.*"]}}},
            },
            "types",
            patterns.IN_WORDS[patterns.EVENT_TYPE],
        ),
        (
            {"kind": "account", "name": "a", "spec": {"user": "-x"}},
            "user",
            patterns.IN_WORDS[patterns.USER_NAME],
        ),
        (
            {"kind": "script", "name": "a", "spec": {"text": "true", "language": "a b"}},
            "language",
            patterns.IN_WORDS[patterns.INTERPRETER],
        ),
        (
            {"kind": "host", "name": "a", "spec": {"variables": {"JOBDECK_HOST": "x"}}},
            "variables",
            "names beginning with JOBDECK_ are reserved",
        ),
        (
            {"kind": "account", "name": "a", "spec": {"user": "x", "password": 1234}},
            "password",
            "must be text; put it in quotes",
        ),
    ],
)
def test_a_text_that_misses_its_pattern_is_told_so_in_words(
    document: dict[str, object], place: str, words: str
) -> None:
    with pytest.raises(Invalid) as refused:
        documents.parse(document)
    [problem] = refused.value.problems
    assert place in problem.where
    assert problem.what == words
