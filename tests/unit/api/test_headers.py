"""Headers that decide: read by their standards, refused with an example."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from core.api.headers import (
    Tags,
    etag,
    idempotency_key,
    if_match,
    if_none_match,
    last_event_id,
    last_output_id,
)
from core.errors import Invalid


def request(*headers: tuple[str, str]) -> Request:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return Request({"type": "http", "headers": raw})


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        ('"7"', Tags(revisions=frozenset({7}))),
        ("*", Tags(any=True)),
        ('"6", "7"', Tags(revisions=frozenset({6, 7}))),
        ('"6","7" ', Tags(revisions=frozenset({6, 7}))),
        ('W/"7"', Tags()),
        ('"of-something-else"', Tags()),
        ('""', Tags()),
    ],
)
def test_if_match_is_a_star_or_a_list_compared_strongly(value: str, tags: Tags) -> None:
    assert if_match(request(("If-Match", value))) == tags


def test_a_list_may_be_spread_over_several_lines() -> None:
    both = request(("If-Match", '"6"'), ("If-Match", '"7"'))
    assert if_match(both) == Tags(revisions=frozenset({6, 7}))


def test_if_none_match_compares_weakly() -> None:
    assert if_none_match(request(("If-None-Match", 'W/"7"'))) == Tags(revisions=frozenset({7}))


def test_absent_headers_say_nothing() -> None:
    bare = request()
    assert (if_match(bare), if_none_match(bare)) == (None, None)
    assert (idempotency_key(bare), last_event_id(bare)) == (None, None)


@pytest.mark.parametrize("value", ["7", '"7', "'7'", '"7" "8"', '"7", *', '* , "7"', ",", '"a b"'])
def test_a_malformed_tag_is_refused(value: str) -> None:
    with pytest.raises(Invalid) as refused:
        if_match(request(("If-Match", value)))
    assert refused.value.problems[0].where == "If-Match"


def test_a_star_allows_every_revision_and_a_list_its_own() -> None:
    assert Tags(any=True).allow(3)
    assert Tags(revisions=frozenset({7})).allow(7)
    assert not Tags(revisions=frozenset({7})).allow(8)
    assert not Tags().allow(1)


def test_a_revision_as_a_tag_reads_back() -> None:
    assert if_match(request(("If-Match", etag(12)))) == Tags(revisions=frozenset({12}))


@pytest.mark.parametrize("key", ["a", "x" * 255, "01J9-~!\"'"])
def test_a_key_is_visible_ascii(key: str) -> None:
    assert idempotency_key(request(("Idempotency-Key", key))) == key


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "tab\t", "über", "\x7f"])
def test_any_other_key_is_refused(key: str) -> None:
    with pytest.raises(Invalid) as refused:
        idempotency_key(request(("Idempotency-Key", key)))
    assert refused.value.problems[0].where == "Idempotency-Key"


def test_the_last_event_is_a_number() -> None:
    assert last_event_id(request(("Last-Event-ID", "42"))) == 42


@pytest.mark.parametrize("text", ["", "-1", "4.2", "next", "9" * 19, "²"])
def test_any_other_last_event_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        last_event_id(request(("Last-Event-ID", text)))


@pytest.mark.parametrize(("text", "place"), [("0", (0, 0)), ("42", (42, 0)), ("42.3", (42, 3))])
def test_output_is_resumed_also_in_the_middle_of_a_chunk(text: str, place: tuple[int, int]) -> None:
    assert last_output_id(request(("Last-Event-ID", text))) == place


@pytest.mark.parametrize("text", ["", ".3", "42.", "4.2.1", "-1", "x"])
def test_any_other_place_in_output_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        last_output_id(request(("Last-Event-ID", text)))
