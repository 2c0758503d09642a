"""The JSON object in $JOBDECK_OUTPUT: a host may write anything into it."""

from __future__ import annotations

import json

import pytest

from core.domain.outputs_file import MAX_NESTING, MAX_OUTPUTS, read_outputs_file
from core.errors import Invalid
from core.vault.masking import Masker


def read(content: bytes) -> dict[str, object]:
    return dict(read_outputs_file(content, Masker(["TopSecret42", "31415926"]).mask_text))


@pytest.mark.parametrize("content", [None, b"", b" \n"])
def test_a_file_that_is_missing_or_blank_sets_nothing(content: bytes | None) -> None:
    assert read_outputs_file(content, str) == {}


def test_every_sort_of_json_value_is_taken() -> None:
    values = {"a": "名", "b": [1, 2.5, True, None], "c": {"d": {"e": []}}, "f": 10**18}

    assert read(json.dumps(values).encode()) == values


def test_secrets_are_masked_wherever_they_stand() -> None:
    content = b'{"a": "db://u:TopSecret42@h", "b": [{"TopSecret42": "x"}], "c": 31415926, "d": 7}'

    assert read(content) == {"a": "db://u:***@h", "b": [{"***": "x"}], "c": "***", "d": 7}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"{", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[1]", "is not a JSON object"),
        (b'{"a": NaN}', "NaN is no JSON value"),
        (b'{"a": -Infinity}', "-Infinity is no JSON value"),
        (b'{"a": 1e999}', "a number is out of range"),
        (b'{"a": %s}' % (b"9" * 1000), "a number has 1000 digits"),
        (b'{"a": "x\\u0000y"}', "holds a NUL character"),
        (b'{"a": ["\\ud800"]}', "holds half of a surrogate pair"),
        (b'{"a": {"\\udfff": 1}}', "holds half of a surrogate pair"),
        (b'{"\\ud800": 1}', "cannot name a variable"),
        (b'{"a b": 1}', "cannot name a variable"),
        (b'{"JOBDECK_RUN": 1}', "are reserved"),
        (b'{"LD_PRELOAD": "/tmp/x.so"}', "programs obey it"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", f"more than {MAX_NESTING} levels"),
        (b'{"a": ' * 100_000, "levels deep"),
        (json.dumps({f"a{n}": n for n in range(MAX_OUTPUTS + 1)}).encode(), "256 are allowed"),
    ],
)
def test_what_cannot_be_used_is_refused(content: bytes, complaint: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read(content)

    assert complaint in str(refusal.value)
    # It is stored and shown.
    str(refusal.value).encode()
