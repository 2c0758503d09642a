"""Forms over the real schema of every kind: what is opened and saved is the same text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from console.forms import entry, outline, placing, values
from console.forms.draft import Draft, leaves
from console.forms.fields import CONTAINERS, Field, Path, Shape, whole
from console.forms.values import ABSENT
from console.presenters.forms import Filled, field_lines, form_table
from core.api.kinds import schema_of
from core.domain.documents import KINDS, parse
from core.domain.files import contents
from core.errors import Problem
from tests.support.documents import documents

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

thorough = settings(max_examples=15, suppress_health_check=list(HealthCheck))
every_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def form(kind: str) -> Field:
    return whole(schema_of(kind))


def written(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A document as the engine gives it: its order of fields, defaults left out."""
    return parse(raw).body()


def opened(kind: str, body: Mapping[str, Any]) -> Draft:
    return Draft(form(kind), body, body, revision=1)


def plain_leaves(draft: Draft) -> list[tuple[Path, Field, Any]]:
    """Fields that are edited as text."""
    return [
        (path, place, value)
        for path, place, value in leaves(draft.root, draft.body)
        if place.shape not in CONTAINERS | {Shape.SECRET}
    ]


@every_kind
@thorough
@given(data=st.data())
def test_typing_what_is_there_changes_no_byte(kind: str, data: st.DataObject) -> None:
    draft = opened(kind, data.draw(documents(kind)))
    before = json.dumps(draft.body)

    for path, _place, _value in plain_leaves(draft):
        draft = draft.typed(path, draft.text(path))

    assert json.dumps(draft.body) == before
    assert not draft.is_changed


@every_kind
@thorough
@given(data=st.data())
def test_the_text_of_a_value_reads_as_that_value(kind: str, data: st.DataObject) -> None:
    for _path, place, value in plain_leaves(opened(kind, written(data.draw(documents(kind))))):
        if value not in (None, ""):
            assert entry.read(place, entry.shown(place, value)) == value


@every_kind
@thorough
@given(data=st.data())
def test_what_is_taken_away_and_put_back_stands_where_it_stood(
    kind: str, data: st.DataObject
) -> None:
    body = values.put(form(kind), written(data.draw(documents(kind))), ("labels",), {"a": "b"})
    draft = opened(kind, body)
    keyed = [
        (path, value)
        for path, place, value in leaves(draft.root, draft.body)
        if isinstance(path[-1], str)
        and value is not ABSENT
        and values.field_at(draft.root, draft.body, path[:-1]).shape is not Shape.MAP
    ]
    path, value = data.draw(st.sampled_from(keyed))

    without = draft.drop(path)

    assert without.value(path) is ABSENT
    assert json.dumps(without.put(path, value).body) == json.dumps(body)
    assert json.dumps(without.reverted(path).body) == json.dumps(body)


@every_kind
@thorough
@given(data=st.data())
def test_a_change_touches_its_place_alone(kind: str, data: st.DataObject) -> None:
    draft = opened(kind, data.draw(documents(kind)))
    found = [(path, value) for path, _place, value in plain_leaves(draft) if value is not ABSENT]
    path, value = data.draw(st.sampled_from(found))

    changed = draft.put(path, "something else")

    assert changed.value(path) == "something else"
    assert json.dumps(changed.put(path, value).body) == json.dumps(draft.body)


@every_kind
@thorough
@given(data=st.data())
def test_fields_of_a_newer_engine_survive(kind: str, data: st.DataObject) -> None:
    body = data.draw(documents(kind))
    news = {"deep": [1, {"x": None}]}
    body = {**body, "spec": {"news": news, **body["spec"]}}
    draft = opened(kind, body).typed(("labels", "a"), "b")

    for path, _place, _value in plain_leaves(draft):
        draft = draft.typed(path, draft.text(path))

    assert draft.body["spec"]["news"] == news
    assert list(draft.body["spec"]) == list(body["spec"])


@every_kind
@thorough
@given(data=st.data())
def test_a_place_that_the_engine_names_is_found(kind: str, data: st.DataObject) -> None:
    draft = opened(kind, data.draw(documents(kind)))
    for path, _place, _value in leaves(draft.root, draft.body):
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        if not any(isinstance(step, str) and set(step) & set("[] ") for step in path):
            problem = Problem(where=f"documents[3]{where}", what="is wrong")
            assert list(placing.placed(draft.root, draft.body, [problem])) == [path]


@every_kind
@thorough
@given(data=st.data())
def test_what_names_another_document_is_offered_its_kind(kind: str, data: st.DataObject) -> None:
    raw = data.draw(documents(kind))
    for reference in KINDS[kind].references(parse(raw).spec):
        if reference.kind == contents.KIND:
            continue
        path, _rest = placing.path_of(form(kind), raw, reference.where)
        place = values.field_at(form(kind), raw, path)
        if place.shape is Shape.GROUP:  # a script with its revision
            path = (*path, "name")
            place = values.field_at(form(kind), raw, path)
        if place.shape is not Shape.TARGETS:
            assert (place.shape, place.refers_to) == (Shape.NAME, reference.kind), path
            assert values.at(raw, path) == reference.name


@every_kind
@thorough
@given(data=st.data())
def test_every_field_has_a_row_and_every_row_its_field(kind: str, data: st.DataObject) -> None:
    draft = opened(kind, data.draw(documents(kind)))
    everywhere = {path for path, _place, _value in leaves(draft.root, draft.body)}

    shown = list(outline.rows(draft.root, draft.body, everywhere, everything=True))

    paths = [row.path for row in shown]
    assert len(paths) == len(set(paths))
    assert everywhere - {("spec",)} <= set(paths)
    for row in shown:
        assert row.value == draft.value(row.path)
        assert row.field.shape is values.field_at(draft.root, draft.body, row.path).shape
        assert row.label


def secrets_in(value: Any) -> Iterator[str]:
    """Texts of secrets, as the models see them."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, tuple):
        for item in value:
            yield from secrets_in(item)


@every_kind
@thorough
@given(data=st.data())
def test_no_text_of_a_secret_outlives_the_moment(kind: str, data: st.DataObject) -> None:
    draft = opened(kind, data.draw(documents(kind)))
    typed = [
        value
        for _path, place, value in leaves(draft.root, draft.body)
        if place.shape is Shape.SECRET and isinstance(value, str)
    ]

    assert sorted(typed) == sorted(secrets_in(parse(draft.body).spec))
    kept = draft.without_secrets()
    assert not [
        value
        for _path, place, value in leaves(kept.root, kept.body)
        if place.shape is Shape.SECRET and isinstance(value, str)
    ]


@every_kind
@thorough
@given(data=st.data())
def test_no_row_of_a_form_shows_the_text_of_a_secret(kind: str, data: st.DataObject) -> None:
    draft = opened(kind, data.draw(documents(kind)))
    canary = "canary-that-nobody-may-see"
    places = [(path, place) for path, place, _value in leaves(draft.root, draft.body)]
    for path, place in places:
        if place.shape is Shape.SECRET:
            draft = draft.put(path, canary)

    opened_rows = [
        [Filled(row, None, (), False) for row in outline.rows(draft.root, draft.body, some)]
        for some in ((), [path for path, _place in places])
    ]
    shown = [cell.text for rows in opened_rows for row in form_table(rows).rows for cell in row]
    shown += [span.text for rows in opened_rows for row in rows for line in field_lines(row)
              for span in line]  # fmt: skip

    assert not [text for text in shown if canary in text]


@every_kind
@thorough
@given(data=st.data())
def test_changes_are_carried_onto_what_others_made(kind: str, data: st.DataObject) -> None:
    base, mine, theirs = (written(data.draw(documents(kind))) for _ in range(3))

    assert values.merged(base, mine, base) == mine
    assert values.merged(base, base, theirs) == theirs
    assert values.merged(base, mine, mine) == mine
    assert values.merged(base, mine, {**base, "labels": {"theirs": "yes"}})["spec"] == mine["spec"]
