"""The forms of a secret are those that real encoders, escapers and shells make of it."""

from __future__ import annotations

import base64
import html
import json
import shlex
import urllib.parse
from collections.abc import Callable

import pytest

from core.vault.secret_forms import forms_of

AWKWARD = "pa$$ 'w\"o\\r`d/<é&名>%+?!,#"


@pytest.mark.parametrize(
    "printed",
    [
        AWKWARD,
        AWKWARD.encode().hex(),
        AWKWARD.encode().hex().upper(),
        json.dumps(AWKWARD)[1:-1],
        json.dumps(AWKWARD, ensure_ascii=False)[1:-1],
        json.dumps(AWKWARD).replace("/", "\\/")[1:-1],
        urllib.parse.quote(AWKWARD),
        urllib.parse.quote(AWKWARD, safe=""),
        urllib.parse.quote_plus(AWKWARD),
        html.escape(AWKWARD),
        html.escape(AWKWARD, quote=False),
        html.escape(AWKWARD).replace("&#x27;", "&apos;"),
        html.escape(AWKWARD).replace("&#x27;", "&#39;"),
        shlex.quote(AWKWARD)[1:-1],
        AWKWARD.replace("'", "''"),
        AWKWARD.replace('"', '""'),
        AWKWARD.replace("$", "$$"),
    ],
)
def test_what_common_encoders_write_is_a_form(printed: str) -> None:
    assert printed.encode() in forms_of(AWKWARD.encode())


def test_percent_encoding_may_use_small_letters() -> None:
    assert b"a%2fb%c3%a9" in forms_of("a/bé".encode())


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("after", ["", "\n", "@host", "@", "::"])
@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
def test_base64_of_a_longer_text_holds_a_form_but_for_the_shared_characters(
    before: str, after: str, encode: Callable[[bytes], bytes]
) -> None:
    secret = "p?ss~w0rd>>"
    encoded = encode((before + secret + after).encode()).rstrip(b"=")

    longest = max((form for form in forms_of(secret.encode()) if form in encoded), key=len)

    first_own = -(-8 * len(before) // 6)
    first_shared = 8 * len(before + secret) // 6
    assert encoded.index(longest) == first_own
    assert first_own + len(longest) >= (first_shared if after.strip() else len(encoded))


def test_powershells_encoded_command_holds_a_form() -> None:
    command = base64.b64encode("login -p s3cret-value".encode("utf-16-le"))

    longest = max((form for form in forms_of(b"s3cret-value") if form in command), key=len)

    assert len(longest) >= 2 * len("s3cret-value") * 4 // 3 - 2


def test_the_lines_of_a_private_key_are_forms_but_its_armour_is_none() -> None:
    forms = forms_of(b"-----BEGIN KEY-----\r\nMIIabcdefghij\r\n  klmnop==\r\n-----END KEY-----\r\n")

    assert {b"MIIabcdefghij", b"klmnop=="} <= forms
    assert b"-----BEGIN KEY-----" not in forms


def test_a_secret_need_not_be_text() -> None:
    forms = forms_of(b"\xff\xfe\x00secret")

    assert {b"\xff\xfe\x00secret", b"fffe00736563726574"} <= forms
