"""What is written as YAML reads back as the same values; no text does harm."""

from __future__ import annotations

import json

import yaml
from hypothesis import given
from hypothesis import strategies as st

from core.domain.yamlsafe import dump, load, load_all
from core.errors import Invalid

pieces = ["a", "no", "1", ":", ": ", "#", " #", "-", "- ", "'", '"', "\\", "|", ">", "{", "[", "&"]
pieces += ["*", "!", "%", "@", "`", "?", "<<", "\n", "\n\n", "  ", "\t", "\r", "\x85", "\u2028"]
pieces += ["---", "...", "数据", "😀", "\ufeff", "\x00", "\x7f", "\xa0", "true", "~", "=", "0644"]
texts = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from(pieces), max_size=8).map("".join),
).filter(lambda text: not any("\ud800" <= character <= "\udfff" for character in text))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(texts.filter(lambda key: len(key) < 200), inner, max_size=4),
    ),
    max_leaves=15,
)


@given(values)
def test_a_value_survives_being_written_and_read(value: object) -> None:
    read = load(dump(value)).value
    assert read == value
    assert json.dumps(read) == json.dumps(value)  # types and the order of keys too


@given(values)
def test_every_yaml_reader_sees_the_same_values(value: object) -> None:
    read = yaml.safe_load(dump({"value": value}))
    assert json.dumps(read) == json.dumps({"value": value})


@given(st.lists(st.sampled_from([*pieces, "a: b\n", "k", "- x\n", "]", "}", ","])).map("".join))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    try:
        load_all(text)
    except Invalid as error:
        (problem,) = error.problems
        line, column = (int(part.split()[1]) for part in problem.where.split(", "))
        assert 1 <= line <= len(text.splitlines()) + 1
        assert column >= 1
