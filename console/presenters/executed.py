"""What was really executed, as lines: the command, where and as whom, with which variables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from console.answers import Executed, Way
from console.i18n import _
from console.presenters.durations import full_time, number
from console.presenters.text import Column, Line, Span, Table, Tone, line, pairs

_TEXTS = ("command", "text", "program", "statements", "url")
"""Settings that are shown as what ran, and not among the others."""


def executed_parts(found: Executed) -> Iterator[Line | Table]:
    """All of it; secrets by name only."""
    attempt = _("attempt {number}").format(number=found.attempt)
    yield line(
        Span(found.step, Tone.STRONG),
        Span(f"  {found.kind}  {attempt}  {full_time(found.started_at)}", Tone.QUIET),
    )
    yield line("")
    yield from _text(found)
    rest = {name: value for name, value in found.settings.items() if name not in _TEXTS}
    rest.pop("env", None)
    if rest:
        yield line("")
        yield _title(_("SETTINGS"))
        yield pairs(*((f"  {name}", _value(value)) for name, value in rest.items()))
    yield line("")
    yield _title(_("WHERE AND AS WHOM"))
    yield _ways(found.ways)
    if found.env or found.differing or found.secrets:
        yield line("")
        yield _title(_("VARIABLES"))
        yield _variables(found)


def _title(text: str) -> Line:
    return line(Span(text, Tone.QUIET))


def _text(found: Executed) -> Iterator[Line]:
    if found.script is not None:
        name = f"{found.script.name}@{found.script.revision}"
        said = _("script {name}, read by {language}")
        head = said.format(name=name, language=found.script.language)
        yield line(Span(head, Tone.QUIET))
        yield from _indented(found.script.text)
        return
    for field in _TEXTS:
        value = found.settings.get(field)
        if value:
            yield line(Span(field, Tone.QUIET))
            yield from _indented(value if isinstance(value, str) else _value(value))


def _indented(text: str) -> Iterator[Line]:
    return (line("  ", Span(row)) for row in text.rstrip("\n").split("\n"))


def _ways(ways: list[Way]) -> Table:
    return Table(
        columns=(
            Column(_("  AS")),
            Column(_("HOW")),
            Column(_("HOSTS"), right=True),
            Column(_("WHICH"), elastic=True, wraps=True),
        ),
        rows=tuple(
            (
                Span(f"  {_who(way)}", Tone.STRONG),
                Span("  ".join(text for text in (way.protocol, way.account) if text)),
                Span(number(way.count)),
                Span(way.hosts),
            )
            for way in ways
        ),
        empty=_("  it began on no host"),
    )


def _who(way: Way) -> str:
    """`deploy, then root (sudo)`."""
    user = way.user or _("the engine's own user")
    return _("{user}, then {other}").format(user=user, other=way.become) if way.become else user


def _variables(found: Executed) -> Table:
    said: list[tuple[str, str | Span]] = [(f"  {n}", v or '""') for n, v in found.env.items()]
    differs = Span(_("differs from host to host"), Tone.QUIET)
    said += [(f"  {name}", differs) for name in found.differing]
    secret = Span(_("secret; kept nowhere"), Tone.QUIET)
    said += [(f"  {name}", secret) for name in found.secrets]
    return pairs(*said)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n".join(value) if any("\n" in each for each in value) else "  ".join(value)
    if isinstance(value, Mapping) and all(isinstance(each, str) for each in value.values()):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    return json.dumps(value, ensure_ascii=False)
