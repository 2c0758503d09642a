"""`jobdeck push` and `jobdeck pull`: files between this machine and many hosts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli import attaching, options, starting
from console.cli.flaggroups import gathered
from console.cli.helping import command, family
from console.cli.rolling import BatchFlags
from console.cli.settings import engine
from console.cli.starting import HOW, Detach, DryFlags, RequestFlags, ShowFlags
from console.i18n import _
from core.errors import RequestError

app = family()

_EXISTS = ("overwrite", "skip", "fail")
_WILDCARDS = frozenset("*?[")
_WEB = ("http://", "https://")

Exists = Annotated[
    str,
    typer.Option(
        "--exists",
        metavar="|".join(_EXISTS),
        rich_help_panel=HOW,
        help=_("what happens to a file that is there already, with other content"),
    ),
]
Limit = Annotated[
    str | None,
    typer.Option(
        "--limit",
        metavar="SPEED",
        rich_help_panel=HOW,
        help=_("bytes a second at most, for each host: 500K, 10M"),
    ),
]


LimitTotal = Annotated[
    str | None,
    typer.Option(
        "--limit-total",
        metavar="SPEED",
        rich_help_panel=HOW,
        help=_("bytes a second at most, for all hosts together"),
    ),
]


@command(
    app,
    "push",
    _(
        "Bring files of this machine to many hosts, at once.\n\n"
        "--to with a / at its end is a folder, in which files keep their names; without one it is"
        " a file. Each file arrives whole or not at all, and one that is there already, with the"
        " same content, is not sent again. FILE - is the text of stdin; a web address is fetched once."
    ),
    """
jobdeck push app.conf --on role=web --to /etc/app/
jobdeck push app.conf --on role=web --to /etc/app/ --chmod 0640 --check
jobdeck push site/ --hosts web[01-03] --to /srv/www/ --limit 10M
""",
)
@gathered
def push(
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE...")] = None,
    *,
    to: Annotated[
        str | None, typer.Option("--to", metavar="PATH", help=_("place on the hosts"))
    ] = None,
    given: RequestFlags,
    template: Annotated[
        bool,
        typer.Option(
            "--template",
            rich_help_panel=HOW,
            help=_("${NAME} in the files stands for a variable of the host or of --env"),
        ),
    ] = False,
    chmod: Annotated[
        str | None,
        typer.Option(
            "--chmod",
            metavar="MODE",
            rich_help_panel=HOW,
            help=_("mode of the files, such as 0644"),
        ),
    ] = None,
    chown: Annotated[
        str | None,
        typer.Option(
            "--chown", metavar="USER[:GROUP]", rich_help_panel=HOW, help=_("owner of the files")
        ),
    ] = None,
    attach: Annotated[
        bool,
        typer.Option(
            "--attach",
            rich_help_panel=HOW,
            help=_("the engine keeps the files for the run: a retry sends the same bytes"),
        ),
    ] = False,
    exists: Exists = "overwrite",
    limit: Limit = None,
    limit_total: LimitTotal = None,
    batches: BatchFlags,
    dry: DryFlags,
    no_diff: Annotated[
        bool,
        typer.Option(
            "--no-diff",
            rich_help_panel=starting.DRY,
            help=_("with --check, show no lines of the files: they hold secrets"),
        ),
    ] = False,
    detach: Detach = False,
    show: ShowFlags,
) -> int:
    contents: Mapping[str, Path] = {}
    _check_place(files or (), to)
    source: Mapping[str, Any] = _from(files or (), template=template)
    if attach:
        source, contents = _attached(source)
    step: dict[str, Any] = {"mode": chmod, "owner": chown, **source}
    step |= {"to": to, "diff": not no_diff, **_policy(exists, limit, limit_total)}
    return _go(files, step, given, batches, dry, show, detach=detach, contents=contents)


@command(
    app,
    "pull",
    _(
        "Bring files of many hosts to a folder of this machine, at once.\n\n"
        "Each host gets a folder of its own in it, named after the host. Patterns (*, ?) and ~ are"
        " the hosts' to understand: quote them."
    ),
    """
jobdeck pull /etc/nginx/nginx.conf --on role=web --to ./collected
jobdeck pull '/var/log/*.log' '~/.profile' --hosts web[01-03] --to ./found
""",
)
@gathered
def pull(
    files: Annotated[list[str] | None, typer.Argument(metavar="PATH...")] = None,
    *,
    to: Annotated[
        str | None, typer.Option("--to", metavar="FOLDER", help=_("folder on this machine"))
    ] = None,
    given: RequestFlags,
    missing: Annotated[
        str,
        typer.Option(
            "--missing",
            metavar="fail|skip",
            rich_help_panel=HOW,
            help=_("what happens where a host has no such file"),
        ),
    ] = "fail",
    exists: Exists = "overwrite",
    limit: Limit = None,
    limit_total: LimitTotal = None,
    batches: BatchFlags,
    dry: DryFlags,
    detach: Detach = False,
    show: ShowFlags,
) -> int:
    step = {
        "kind": "pull",
        "files": files,
        "to": None if to is None else _whole(to),
        "missing": options.one_of("--missing", missing, ("fail", "skip")),
        **_policy(exists, limit, limit_total),
    }
    return _go(files, step, given, batches, dry, show, detach=detach)


def _from(files: Sequence[str], *, template: bool) -> dict[str, Any]:
    """What is pushed: the text of stdin, files of this machine, or files of web servers."""
    if list(files) == ["-"]:
        return {"kind": "push", "text": options.read_text("FILE", "-"), "template": template}
    urls = [file for file in files if file.startswith(_WEB)]
    if not urls:
        return {"kind": "push", "files": [_here(file) for file in files], "template": template}
    if len(urls) < len(files):
        raise options.refuse(
            "FILE",
            _("files of this machine and web addresses do not go together"),
            _("push one, then the other"),
        )
    if template:
        raise options.refuse("--template", _("only files of this machine can be templates"))
    return {"kind": "distribute", "urls": [{"url": url} for url in urls]}


def _attached(source: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Path]]:
    """What is pushed, with contents in the place of paths, and where these lie now."""
    if "files" not in source:
        raise options.refuse("--attach", _("only files of this machine can be kept"))
    if any(_WILDCARDS & set(path) for path in source["files"]):
        raise options.refuse("--attach", _("it takes files and folders, and no patterns"))
    named, contents = attaching.of_files(source["files"])
    rest = {name: value for name, value in source.items() if name != "files"}
    return {**rest, "contents": named}, contents


def _policy(exists: str, limit: str | None, limit_total: str | None) -> Mapping[str, Any]:
    return {
        "exists": options.one_of("--exists", exists, _EXISTS),
        "bytes_per_s": options.speed("--limit", limit),
        "bytes_per_s_total": options.speed("--limit-total", limit_total),
    }


def _go(
    files: Sequence[str] | None,
    step: Mapping[str, Any],
    given: RequestFlags,
    batches: BatchFlags,
    dry: DryFlags,
    show: ShowFlags,
    *,
    detach: bool,
    contents: Mapping[str, Path] | None = None,
) -> int:
    level, view, request = dry.level(), show.view(), given.request(batches)
    if dry.from_plan is not None:
        others = {"FILE": bool(files), "--to": step["to"] is not None}
        request = starting.planned(dry.from_plan, request, others)
    else:
        _check(files, step["to"], given)
        kind = str(step["kind"])
        request.setdefault("title", f"{kind} {' '.join(files or ())}"[:200])
        fields = {name: value for name, value in step.items() if value is not None}
        request["step"] = {"name": kind, **fields}
    with engine() as client:
        attaching.bring(client, contents or {})
        return starting.go(
            client, request, level=level, view=view, detach=detach, outputs=show.per_host
        )


def _check(files: Sequence[str] | None, to: str | None, given: RequestFlags) -> None:
    if not files:
        raise RequestError(_("no file is named"), hint="`jobdeck push --help`")
    if to is None:
        raise RequestError(_("{flag} is missing").format(flag="--to"), hint=_("--to /a/folder/"))
    if given.on is None and given.hosts is None:
        raise RequestError(
            _("nothing says where to run"), hint=_("--on EXPR or --hosts LIST; all hosts: --on all")
        )


def _check_place(files: Sequence[str], to: str | None) -> None:
    """A folder does not become a file, and several files do not become one."""
    if to is None or to.endswith("/"):
        return
    folders = [file for file in files if Path(file).expanduser().is_dir()]
    if folders or len(files) > 1:
        what = (
            _("{path} is a folder, and no file to be called so").format(path=folders[0])
            if folders
            else _("several files cannot become one")
        )
        name = f"/{Path(folders[0]).resolve().name}" if folders else ""
        hint = _("write --to {to}/; what arrives is {to}{name}/...").format(to=to, name=name)
        raise options.refuse("--to", what, hint)


def _here(file: str) -> str:
    """The whole path of a file that is to be sent."""
    path = _whole(file)
    if not Path(path).exists() and not _WILDCARDS & set(file):
        raise options.refuse("FILE", _("{path} is not there").format(path=file))
    return path


def _whole(path: str) -> str:
    """`path` as the engine must be given it, which lives in another folder."""
    return os.path.abspath(Path(path).expanduser())  # noqa: PTH100 - takes `..` out, and follows no link
