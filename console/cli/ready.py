"""`jobdeck probe`: the connection test of `jobdeck hosts test`, by the word of dry runs."""

from __future__ import annotations

from console.cli import connecting
from console.cli.helping import command, family
from console.cli.options import Json
from console.i18n import _

app = family()


@command(
    app,
    "probe",
    _(
        "Ask hosts whether work could begin there; nothing of it is begun.\n\n"
        "The same as `jobdeck hosts test`. `--probe` at a start asks for that very work."
    ),
    """
jobdeck probe all
jobdeck probe 'env=prod & !db*' --as deploy
""",
)
def probe(
    expression: connecting.Expression, run_as: connecting.As = None, as_json: Json = False
) -> int:
    return connecting.ask(expression, run_as, as_json=as_json)
