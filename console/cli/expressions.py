"""`jobdeck expr`: what an expression comes to, with values that are given on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from console.cli.helping import command, family
from console.cli.options import Json, assignments, refuse
from console.cli.printing import out
from console.i18n import _
from core.clock import SystemClock
from core.domain.expressions import (
    Kind,
    NotAValue,
    Value,
    as_value,
    kind_of,
    parse,
    parse_template,
    text_of,
)
from core.domain.expressions.tokens import quoted

app = family()


@command(
    app,
    "expr",
    _(
        "Try an expression, as conditions of flows are written.\n\n"
        "No engine is asked. `now` is the present moment; everything else comes from --var. Ends"
        " with 2 where the expression cannot be read or has no value. `jobdeck help expressions`"
        " tells the language."
    ),
    """
jobdeck expr '10 / 4'
jobdeck expr 'params.count > 10' --var params.count=12
jobdeck expr 'count(xs where it > 3)' --var 'xs=[1, 5, 9]'
jobdeck expr --fill 'on ${len(hosts)} hosts' --var 'hosts=["web1"]'
""",
)
def expr(
    text: Annotated[str, typer.Argument(metavar="EXPRESSION")],
    var: Annotated[
        list[str] | None,
        typer.Option(
            "--var",
            metavar="NAME=JSON",
            help=_("a value; what is no JSON is a string; a.b=1 makes a map (again for more)"),
        ),
    ] = None,
    fill: Annotated[
        bool,
        typer.Option("--fill", help=_("the argument is a text with ${expression} in it")),
    ] = False,
    as_json: Json = False,
) -> None:
    scope = {"now": SystemClock().now(), **_scope(var)}
    found = parse_template(text).value(scope) if fill else parse(text).evaluate(scope)
    if as_json:
        out().json({"kind": kind_of(found).value, "value": _plain(found)})
    else:
        out().print(found if fill and isinstance(found, str) else _written(found))


def _scope(var: Iterable[str] | None) -> dict[str, Value]:
    """Values by name, of `--var` flags; `a.b=1` is `{"a": {"b": 1}}`."""
    found: dict[str, Any] = {}
    form = _("write {flag} NAME=JSON").format(flag="--var")
    for path, written in assignments("--var", var, form).items():
        *outer, name = path.split(".")
        place: Any = found
        for key in outer:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                break
        if not isinstance(place, dict) or name in place:
            raise refuse("--var", _("{name} stands twice").format(name=path))
        place[name] = _read(path, written)
    return {name: as_value(value) for name, value in found.items()}


def _read(name: str, written: str) -> Any:
    try:
        return as_value(json.loads(written))
    except NotAValue as problem:
        raise refuse("--var", f"{name}: {problem}") from None
    except (ValueError, RecursionError):
        if not written.lstrip().startswith(("{", "[", '"')):
            return written
        what = _("{name} begins like JSON and cannot be read as JSON").format(name=name)
        raise refuse(
            "--var", what, _("a string in JSON: {json}").format(json='NAME="[text"')
        ) from None


def _written(value: Value) -> str:
    """As an expression has it: strings in quotes, so that "12" is seen to be no number."""
    match kind_of(value):
        case Kind.NULL:
            return "null"
        case Kind.STRING:
            assert isinstance(value, str)
            return quoted(value)
    return text_of(value)


def _plain(value: Value) -> Any:
    """JSON for programs, where times and durations are texts; the kind says which it is."""
    match kind_of(value):
        case Kind.STRING | Kind.NULL:
            return value
        case Kind.TIME | Kind.DURATION:
            return text_of(value)
    return json.loads(text_of(value))
