"""Flags that several commands share, and how their texts are read.

Values arrive as text and are read here, not by the parser's types, so that a
wrong one is answered with a sentence that names the flag and what would fit.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli import completing
from console.i18n import _
from console.moments import moment
from core.clock import SystemClock
from core.domain.hostrange import expand
from core.errors import EnvironmentFault, Invalid, RequestError, nearest

Json = Annotated[bool, typer.Option("--json", help=_("print one JSON document on stdout"))]
Selector = Annotated[
    str | None,
    typer.Option(
        "--selector", "-l", metavar="SELECTOR", help=_("only with these labels: env=prod,!old")
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=_("do not ask before deleting"))]

_UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3}
_LEAST_SPEED = 1024


def refuse(flag: str, what: str, hint: str = "") -> RequestError:
    """The error for a flag's value: `--timeout: 'soon' is not a duration`."""
    return RequestError(f"{flag}: {what}", hint=hint)


def search_words(words: Sequence[str]) -> str:
    """The words of a search, which must be some."""
    text = " ".join(words).strip()
    if not text:
        raise refuse("WORDS", _("there is nothing to search for"))
    return text


def one_state(known: Sequence[str]) -> Any:
    """The option `--state`, of these; for an annotation."""
    return typer.Option(
        "--state", metavar="STATE", help=", ".join(known), autocompletion=completing.words(known)
    )


def seconds(flag: str, text: str | None) -> float | None:
    """A duration such as `90`, `30s`, `5m`, `2h`, `1d`; None stays None."""
    if text is None:
        return None
    match = _DURATION.fullmatch(text.strip().lower())
    value = float(match[1]) * _UNIT_S[match[2]] if match else 0.0
    if value <= 0:
        raise refuse(
            flag,
            _("{text!r} is not a duration").format(text=text),
            _("a number of seconds, or with a unit: 90, 30s, 5m, 2h, 1d"),
        )
    return value


def since(flag: str, text: str | None) -> str | None:
    """A moment for the API: `2h` ago, or a time as `console.moments` reads it."""
    if text is None or re.fullmatch(r"\d{1,6}[smhd]", text):
        return text
    try:
        return moment(text, SystemClock().now()).isoformat()
    except Invalid as error:
        hint = _("2h or 3d ago, or a date or time: 2026-01-31, 2026-01-31T09:30, 09:30 of today")
        raise refuse(flag, error.message, hint) from None


def whole(flag: str, text: str | None, least: int, most: int | None = None) -> int | None:
    """A whole number within bounds; None stays None."""
    if text is None:
        return None
    if re.fullmatch(r"\d{1,18}", text.strip()):
        number = int(text)
        if number >= least and (most is None or number <= most):
            return number
    bounds = (
        _("a whole number of at least {least}").format(least=least)
        if most is None
        else _("a whole number from {least} to {most}").format(least=least, most=most)
    )
    raise refuse(flag, _("{text!r} does not fit").format(text=text), bounds)


def speed(flag: str, text: str | None) -> int | None:
    """Bytes a second, such as `500K` or `10M`; None stays None."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,12})([KMG]?)", text.strip(), re.IGNORECASE)
    if found and (number := int(found[1]) * _UNITS[found[2].upper()]) >= _LEAST_SPEED:
        return number
    raise refuse(flag, _("{text!r} does not fit").format(text=text), _("such as 500K, 10M or 1G"))


def one_of(flag: str, text: str, known: Sequence[str]) -> str:
    """`text`, which must be one of `known`."""
    if text in known:
        return text
    near = nearest(text, known)
    hint = (
        _("did you mean {name}?").format(name=near)
        if near
        else _("one of {names}").format(names=", ".join(known))
    )
    raise refuse(flag, _("{text!r} is not known").format(text=text), hint)


def assignments(flag: str, items: Iterable[str] | None, form: str) -> dict[str, str]:
    """`NAME=VALUE` flags as a mapping; the same name twice is an error."""
    found: dict[str, str] = {}
    for item in items or ():
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise refuse(flag, _("{text!r} has no value").format(text=item), form)
        if name in found:
            raise refuse(flag, _("{name} stands twice").format(name=name))
        found[name] = value
    return found


def values(flag: str, items: Iterable[str] | None) -> dict[str, str]:
    """`NAME=VALUE` flags whose values may come from files: `@FILE`, and `@@` for one `@`."""
    found = assignments(flag, items, _("write {flag} NAME=VALUE").format(flag=flag))
    for name, value in found.items():
        if value.startswith("@@"):
            found[name] = value[1:]
        elif value.startswith("@"):
            found[name] = read_text(f"{flag} {name}", value[1:]).removesuffix("\n")
    return found


def environment(flag: str, items: Iterable[str] | None) -> dict[str, str]:
    """Environment variables from `NAME=VALUE` flags."""
    found = assignments(flag, items, _("write {flag} NAME=VALUE").format(flag=flag))
    for name in found:
        if not _ENV_NAME.fullmatch(name):
            raise refuse(
                flag,
                _("{name!r} cannot name a variable").format(name=name),
                _("letters, digits and _, the first no digit"),
            )
    return found


def host_list(flag: str, text: str) -> list[str]:
    """Hosts from `web[01-03],db1`, or from a file with `@FILE` (commas, blanks, lines, `#`)."""
    if not text.startswith("@"):
        names = expand(text)
    else:
        rows = read_text(flag, text[1:]).splitlines()
        words = [word for row in rows for word in row.partition("#")[0].replace(",", " ").split()]
        names = tuple(dict.fromkeys(name for word in words for name in expand(word)))
    if not names:
        raise refuse(flag, _("{text!r} names no host").format(text=text))
    return list(names)


def read_text(flag: str, path: str) -> str:
    """The text of a file, or of stdin for `-`."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).expanduser().read_bytes()
    except OSError as error:
        raise EnvironmentFault(
            _("{flag}: {path} cannot be read: {reason}").format(
                flag=flag, path=path, reason=error.strerror
            )
        ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(
            flag,
            _("{path} is not UTF-8 text (byte {place})").format(path=path, place=error.start),
            _("save it as UTF-8"),
        ) from None


def exclusive(given: Mapping[str, bool]) -> None:
    """Refuse two flags that say different things; `given` is flag -> whether it was given."""
    chosen = [flag for flag, is_given in given.items() if is_given]
    if len(chosen) > 1:
        raise RequestError(
            _("{first} and {second} cannot stand together").format(
                first=chosen[0], second=chosen[1]
            ),
            hint=_("give one of them"),
        )
