"""The forms in which a secret turns up in output: itself, encoded, escaped, quoted.

A form is a function from the secret's bytes to byte strings. `FORMS` lists those
that masking covers; one that is added there is covered everywhere.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus

Form = Callable[[bytes], Iterable[bytes]]

# Line lengths at which encoders break: MIME and coreutils, PEM.
_BASE64_WIDTHS = (76, 64)
# Characters of a base64 text that bytes before the secret have a part in, by their number mod 3.
_BASE64_SKIP = (0, 2, 3)
_QUOTES = re.compile(rb"'+")
_QUOTED_IN_DOUBLE = re.compile(rb'["$`\\]')
_QUOTED_IN_SINGLE = re.compile(rb"[\\']")
# What `printf %q` of bash escapes (`sh_backslash_quote` in lib/sh/shquote.c).
_QUOTED_BY_PRINTF = re.compile(rb"""[ \t'"\\|&;()<>!{}*\[\]?^$`,]|^[#~]|(?<=[:=])~""")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_NO_ASCII = re.compile(rb"[\x00-\x1f\x7f-\xff]")
_NAMED_CONTROLS = dict(zip(b"\a\b\x1b\f\n\r\t\v", b"abEfnrtv", strict=True))
_TO_URL_ALPHABET = bytes.maketrans(b"+/", b"-_")


def itself(secret: bytes) -> Iterator[bytes]:
    yield secret


def lines(secret: bytes) -> Iterator[bytes]:
    """The lines of a private key and its like, which tools print one by one.

    Armour (`-----BEGIN …`) is no secret, and without it a log is hard to read.
    """
    for line in secret.splitlines():
        if not line.startswith(b"-----"):
            yield line.strip()


def utf16(secret: bytes) -> Iterator[bytes]:
    """Little-endian, as PowerShell writes and `-EncodedCommand` takes it."""
    yield _text(secret).encode("utf-16-le", "surrogatepass")


def hexadecimal(secret: bytes) -> Iterator[bytes]:
    yield secret.hex().encode()
    yield secret.hex().upper().encode()


def base64_anywhere(secret: bytes) -> Iterator[bytes]:
    """The characters that the secret alone decides, at each of the three alignments."""
    for before, skip in enumerate(_BASE64_SKIP):
        complete = 8 * (before + len(secret)) // 6
        yield from _alphabets(_base64(b"\0" * before + secret)[skip:complete])


def base64_at_the_end(secret: bytes) -> Iterator[bytes]:
    """With its last character, where nothing or only `echo`'s newline follows the secret."""
    for before, skip in enumerate(_BASE64_SKIP):
        for after in (b"", b"\n"):
            yield from _alphabets(_base64(b"\0" * before + secret + after)[skip:])


def base64_in_lines(secret: bytes) -> Iterator[bytes]:
    """The secret alone, encoded and broken into lines."""
    for after in (b"", b"\n"):
        encoded = _base64(secret + after)
        for width in _BASE64_WIDTHS:
            yield from (encoded[at : at + width] for at in range(0, len(encoded), width))


def base64_of_utf16(secret: bytes) -> Iterator[bytes]:
    for encoded in utf16(secret):
        yield from base64_anywhere(encoded)


def percent(secret: bytes) -> Iterator[bytes]:
    """In URLs and form bodies, by the habits of several libraries."""
    for encoded in (
        quote(secret, safe=""),
        quote(secret, safe="/"),
        quote(secret, safe="!'()*"),
        quote_plus(secret),
    ):
        yield encoded.encode()
        yield re.sub(r"%..", lambda hit: hit[0].lower(), encoded).encode()


def json_string(secret: bytes) -> Iterator[bytes]:
    for ensure_ascii in (True, False):
        escaped = json.dumps(_text(secret), ensure_ascii=ensure_ascii)[1:-1]
        for variant in (escaped, escaped.replace("/", "\\/")):
            yield variant.encode("utf-8", "surrogateescape")


def markup(secret: bytes) -> Iterator[bytes]:
    """In HTML and XML, which write the apostrophe in three ways."""
    escaped = html.escape(_text(secret))
    for apostrophe in ("&#x27;", "&#39;", "&apos;", "'"):
        variant = escaped.replace("&#x27;", apostrophe)
        yield variant.encode("utf-8", "surrogateescape")
        yield variant.replace("&quot;", '"').encode("utf-8", "surrogateescape")


def quoted(secret: bytes) -> Iterator[bytes]:
    """The inside of quotes, as shells trace commands and people write them."""
    for form in (
        secret.replace(b"'", rb"'\''"),  # sh; bash under `set -x`
        secret.replace(b"'", b"'\"'\"'"),  # Python
        _QUOTES.sub(lambda run: b"'" + rb"\'" * len(run[0]) + b"'", secret),  # zsh
        _QUOTES.sub(rb"""'"\g<0>"'""", secret),  # busybox
    ):
        yield form
        # Where the secret begins or ends with a quote, some shells leave the empty quotes out.
        yield form.removeprefix(b"'").removesuffix(b"'")
    yield secret.replace(b"'", b"''")  # PowerShell, SQL
    yield secret.replace(b'"', b'""')  # cmd.exe, CSV
    yield secret.replace(b"$", b"$$")  # make, Compose
    yield secret.replace(b"%", b"%%")  # batch files, cron
    yield _QUOTED_IN_DOUBLE.sub(rb"\\\g<0>", secret)
    in_single = _QUOTED_IN_SINGLE.sub(rb"\\\g<0>", secret)
    yield in_single  # fish, Python, some SQL dialects
    yield _CONTROL.sub(_octal, in_single)  # $'…' of bash
    yield _NO_ASCII.sub(_octal, in_single)  # the same in the C locale, as most sessions have it
    yield repr(secret)[2:-1].encode()
    yield _QUOTED_BY_PRINTF.sub(rb"\\\g<0>", secret)


FORMS: tuple[Form, ...] = (
    itself,
    lines,
    utf16,
    hexadecimal,
    base64_anywhere,
    base64_at_the_end,
    base64_in_lines,
    base64_of_utf16,
    percent,
    json_string,
    markup,
    quoted,
)


def forms_of(secret: bytes) -> set[bytes]:
    """Every covered form of `secret`; forms may be short or empty."""
    return {form for forms in FORMS for form in forms(secret)}


def _octal(hit: re.Match[bytes]) -> bytes:
    byte = hit[0][0]
    return b"\\%c" % _NAMED_CONTROLS[byte] if byte in _NAMED_CONTROLS else b"\\%03o" % byte


def _text(secret: bytes) -> str:
    return secret.decode("utf-8", "surrogateescape")


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _alphabets(encoded: bytes) -> tuple[bytes, bytes]:
    return encoded, encoded.translate(_TO_URL_ALPHABET)
