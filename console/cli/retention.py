"""`jobdeck retention`: what is kept no longer."""

from __future__ import annotations

import msgspec

from console.cli.asking import confirms
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json, Yes
from console.cli.printing import err, out
from console.cli.settings import engine
from console.i18n import _
from console.presenters.retention import is_nothing, preview_table, removed_text
from core.errors import RequestError

app = family(
    _(
        "See and remove what is kept no longer.\n\n"
        'The rules stand in the home\'s settings.toml: keep_runs = "90d", keep_runs_count = 10000,'
        ' keep_output = "30d", keep_output_size = "50GB", keep_noted = true,'
        ' keep_contents = "7d" (files of jobs that nobody refers to). The engine applies'
        " them once a day. Runs that go on are never touched."
    )
)


@command(app, "preview", _("Show what would be removed now; nothing is."))
def preview(as_json: Json = False) -> int:
    with engine() as client:
        found = client.preview_retention()
    if as_json:
        out().json(msgspec.to_builtins(found))
    else:
        out().table(preview_table(found))
    return ExitCode.OK


@command(
    app,
    "apply",
    _("Remove what a preview shows.\n\nThe preview is shown first, and asked about."),
)
def apply(yes: Yes = False, as_json: Json = False) -> int:
    with engine() as client:
        found = client.preview_retention()
        if is_nothing(found):
            err().print(_("nothing is to be removed"))
            return ExitCode.OK
        err().table(preview_table(found))
        if not yes and not confirms(_("Remove this? It cannot be brought back.")):
            raise RequestError(
                _("not confirmed; nothing was changed"), hint=_("--yes removes without asking")
            )
        done = client.apply_retention(found)
    if as_json:
        out().json(msgspec.to_builtins(done))
    else:
        err().print(removed_text(done))
    return ExitCode.OK
