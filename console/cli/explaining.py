"""`jobdeck explain`: what the fields of a kind of document mean, from its JSON Schema."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.documents import kind_of
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import out
from console.cli.settings import engine
from console.i18n import _
from console.presenters.schema import Field, describe, fields_table, find
from core.errors import NotFound

app = family()


@command(
    app,
    "explain",
    _("Describe the fields of a kind of document, or one field of it."),
    """
jobdeck explain host
jobdeck explain job.spec.steps.retry
""",
)
def explain(
    what: Annotated[str, typer.Argument(metavar="KIND[.FIELD]")], as_json: Json = False
) -> None:
    kind, _dot, path = what.partition(".")
    with engine() as client:
        schema = client.schema(kind_of(client, kind).kind)
    field = find(schema, path)
    if not isinstance(field, Field):
        raise NotFound("field", path, field, place=kind)
    if as_json:
        out().json(field.schema)
        return
    out().lines(describe(what, field))
    inner = [field, *(item for item in field.fields if not path and item.name == "spec")]
    for place in inner:
        if place.fields:
            out().print("")
            out().table(fields_table(place.fields))
