"""`jobdeck run` and `jobdeck start`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli import options, saved, starting
from console.cli.flaggroups import gathered
from console.cli.helping import command, family
from console.cli.rolling import BatchFlags
from console.cli.saved import StartFlags
from console.cli.settings import engine
from console.cli.starting import HOW, Detach, DryFlags, RequestFlags, ShowFlags
from console.i18n import _
from core.errors import RequestError

app = family()


@command(
    app,
    "run",
    _(
        "Run a command or a script on many hosts, at once.\n\n"
        "The words after the flags are joined with blanks and given to the shell of each host, as"
        " ssh does: quote what that shell shall see quoted. The first word that is no flag ends"
        " the flags. With --script the words are the script's arguments instead."
    ),
    """
jobdeck run --on 'env=prod & role=web' -- systemctl is-active nginx
jobdeck run --hosts web[01-03] --stream -- 'tail -n 3 /var/log/syslog'
jobdeck run --on all --script check.sh --timeout 30s -- --fast
jobdeck run --on role=web --batch '1 10%' -- systemctl restart nginx
""",
    context_settings={"allow_interspersed_args": False},
)
@gathered
def run(
    words: Annotated[list[str] | None, typer.Argument(metavar="[--] COMMAND...")] = None,
    *,
    given: RequestFlags,
    script: Annotated[
        str | None,
        typer.Option(
            "--script",
            metavar="FILE",
            rich_help_panel=HOW,
            help=_("run this file's text (- is stdin); its #! line names the interpreter"),
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            "--language",
            metavar="NAME",
            rich_help_panel=HOW,
            help=_("interpreter of the script: sh, bash, python3, or a path"),
        ),
    ] = None,
    direct: Annotated[
        bool,
        typer.Option(
            "--direct",
            rich_help_panel=HOW,
            help=_("keep nothing on the hosts; a lost connection then leaves the outcome unknown"),
        ),
    ] = False,
    batches: BatchFlags,
    dry: DryFlags,
    detach: Detach = False,
    show: ShowFlags,
) -> int:
    level = dry.level()
    step = None if dry.from_plan else _step(words or [], script, language)
    if step is not None and direct:
        step["execution"] = "direct"
    if dry.from_plan is None and given.on is None and given.hosts is None:
        raise RequestError(
            _("nothing says where to run"), hint=_("--on EXPR or --hosts LIST; all hosts: --on all")
        )
    request = given.request(batches)
    view = show.view()
    if dry.from_plan is not None:
        others = {
            "COMMAND": bool(words),
            "--script": bool(script),
            "--language": bool(language),
            "--direct": direct,
        }
        request = starting.planned(dry.from_plan, request, others)
    else:
        if script is not None:
            request.setdefault("title", script if script != "-" else _("script from stdin"))
        request["step"] = step
    with engine() as client:
        return starting.go(
            client, request, level=level, view=view, detach=detach, outputs=show.per_host
        )


def _step(words: list[str], script: str | None, language: str | None) -> dict[str, Any]:
    """The one step of an ad-hoc run."""
    if script is None:
        if language is not None:
            raise RequestError(_("--language belongs to --script"), hint=_("add --script FILE"))
        if not " ".join(words).strip():
            raise RequestError(
                _("there is nothing to run"),
                hint=_("jobdeck run --on EXPR -- COMMAND, or --script FILE"),
            )
        return {"kind": "command", "name": "command", "command": " ".join(words)}
    text = options.read_text("--script", script)
    if not text.strip():
        raise options.refuse("--script", _("{path} is empty").format(path=script))
    step: dict[str, Any] = {"kind": "script", "name": "script", "text": text, "args": words}
    if chosen := language or _interpreter(text):
        step["language"] = chosen
    return step


def _interpreter(text: str) -> str | None:
    """What the `#!` line names: a path, or the program that `env` is to find."""
    first = text.partition("\n")[0]
    words = first.removeprefix("#!").split() if first.startswith("#!") else []
    if not words:
        return None
    program = words[0]
    if program.endswith("/env") and len(words) > 1:
        program = next((word for word in words[1:] if not word.startswith("-")), program)
    return program


@command(
    app,
    "start",
    _(
        "Start a saved job.\n\n"
        "Parameters are given as -p name=value; -p name=@FILE reads the value from a file, and"
        " @@ stands for one @. Required secrets that are not given are asked for, without being"
        " shown."
    ),
    """
jobdeck start deploy -p version=1.4.2
jobdeck start deploy -p version=1.4.2 --on web[01-03] --detach
""",
)
@gathered
def start(
    job: Annotated[str | None, typer.Argument(metavar="JOB")] = None,
    *,
    flags: StartFlags,
) -> int:
    return saved.start(saved.JOB, job, flags)
