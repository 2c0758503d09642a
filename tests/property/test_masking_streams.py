"""No covered form of a secret leaves a stream, wherever it is cut; all else leaves unchanged.

JOBDECK_MASKING_EXAMPLES sets how many streams each property is tried on. `python -m tests.masking`
goes on until a million secrets, forms and cuttings have been tried.
"""

from __future__ import annotations

import os
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from core.vault.masking import Masker
from core.vault.plain_view import PlainView
from core.vault.secret_forms import FORMS, Form
from tests.support.masking_law import (
    SECRETS,
    Secret,
    leaks,
    pieces_of,
    printed,
    stream,
    to_bytes,
)

thorough = settings(max_examples=int(os.environ.get("JOBDECK_MASKING_EXAMPLES", "300")))


@thorough
@given(SECRETS, st.sampled_from(FORMS), st.binary(max_size=20), st.binary(max_size=20), st.data())
def test_no_covered_form_leaves_a_stream(
    secrets: list[Secret], form: Form, before: bytes, after: bytes, data: st.DataObject
) -> None:
    assert leaks(Masker(secrets), printed(secrets, form), before, after, data) == []


@thorough
@given(
    SECRETS,
    st.lists(st.sampled_from([b"a", b"b", b"'", b"/", "é".encode(), b"\n", b"61", b"YW"])),
    st.data(),
)
def test_the_masked_output_is_the_same_wherever_it_is_cut(
    secrets: list[Secret], parts: list[bytes], data: st.DataObject
) -> None:
    masker = Masker(secrets)
    output = b"".join(parts + [to_bytes(secrets[0])] + parts)

    expected = mask_plainly(masker, output)

    assert stream(masker, pieces_of(data, output)) == expected
    assert stream(masker, [bytes([byte]) for byte in output]) == expected


def mask_plainly(masker: Masker, output: bytes) -> bytes:
    """The definition: every byte of every pattern is covered, every covered run becomes one mask."""
    covered = bytearray(len(output))
    for pattern in masker.patterns:
        for hit in re.finditer(b"(?=" + re.escape(pattern) + b")", output):
            covered[hit.start() : hit.start() + len(pattern)] = b"\1" * len(pattern)
    shown = bytearray()
    for place, byte in enumerate(output):
        if not covered[place]:
            shown.append(byte)
        elif place == 0 or not covered[place - 1]:
            shown += b"***"
    return bytes(shown)


ESCAPES = st.sampled_from(
    [b"\x1b[0m", b"\x1b[01;31m\x1b[K", b"\x1b]0;a title\x07", b"\x1b]8;;http://x\x1b\\", b"\x1b(B"]
)


@thorough
@given(SECRETS, st.sampled_from(FORMS), st.lists(ESCAPES, min_size=1), st.data())
def test_no_covered_form_leaves_a_stream_whatever_is_coloured_in_it(
    secrets: list[Secret], form: Form, escapes: list[bytes], data: st.DataObject
) -> None:
    known: list[Secret] = [secret for secret in secrets if b"\x1b" not in to_bytes(secret)]
    texts = printed(known, form)
    output = b""
    for text in texts:
        for escape in escapes:
            place = data.draw(st.integers(0, len(text)))
            output += text[:place] + escape + text[place:] + b"\n"

    shown = stream(Masker(known), pieces_of(data, output))

    read = PlainView(shown).data
    assert [text for text in texts if text in read] == []


@given(st.lists(st.binary(max_size=50) | ESCAPES))
def test_output_without_secrets_leaves_unchanged(pieces: list[bytes]) -> None:
    assert stream(Masker(["a secret of no output"]), pieces) == b"".join(pieces)
