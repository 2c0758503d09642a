"""The root of the command line: a table of all commands, each loaded when it is used.

The table is all that `jobdeck --help` needs, which is why it starts so fast:
nothing here imports a command, the client or the core.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_group

from console.cli import settings
from console.cli.helping import Entry, Group, Section
from console.i18n import _, is_language_given, language_named, prefer, speak

COMPLETION_VARIABLE = "_JOBDECK_COMPLETE"
"""Set by a shell's completion script; the answer is then candidates, and no command runs."""


class Place(NamedTuple):
    """Where a command is: a module with an `app`, and what its line in the help says."""

    module: str
    summary: str
    is_family: bool = False
    """Whether the name stands for the whole `app` or for one command in it."""
    more: tuple[str, ...] = ()
    """Further modules whose commands belong to the family, listed after its own."""


def table() -> Mapping[str, Mapping[str, Place]]:
    """Heading -> name -> place, in the order of the help page."""
    return {
        _("Run work"): {
            "run": Place("running", _("run a command or a script on many hosts, at once")),
            "start": Place("running", _("start a saved job")),
            "probe": Place("ready", _("ask hosts whether work could begin there")),
            "flow": Place(
                "flows",
                _("validate flows, look at them, plan and start them"),
                True,
                ("flowviews",),
            ),
            "push": Place("carrying", _("bring files of this machine to many hosts")),
            "pull": Place("carrying", _("bring files of many hosts to this machine")),
            "runs": Place(
                "runs",
                _("look at runs, follow them, act on them"),
                True,
                ("outputs", "acting", "steering", "repeating", "comparing", "exporting"),
            ),
            "search": Place("searching", _("find lines in what hosts printed, in any run")),
            "approvals": Place("approvals", _("see what waits for you, approve or deny it"), True),
            "queue": Place(
                "queue", _("look at runs that wait for their turn, ask why, move them"), True
            ),
            "channels": Place("channels", _("see who is told of what, send a test"), True),
            "schedules": Place(
                "schedules", _("look at schedules, pause them, ask why a slot did not run"), True
            ),
            "tui": Place("terminal", _("open the terminal UI")),
            "plain": Place(
                "plain", _("work line by line, as screen readers and serial lines need it")
            ),
            "plans": Place("plans", _("look at dry runs, compare them with what followed"), True),
        },
        _("Define"): {
            "apply": Place("applying", _("make the engine's documents what YAML files say")),
            "get": Place("documents", _("show documents")),
            "edit": Place("editing", _("change a document in your editor")),
            "delete": Place("documents", _("delete documents")),
            "history": Place("documents", _("list a document's revisions")),
            "diff": Place("documents", _("show what changed between two revisions")),
            "export": Place("documents", _("write documents as YAML that can be applied")),
            "check": Place("checking", _("look for dangerous commands, without running anything")),
            "contents": Place("contents", _("look at the files that belong to jobs"), True),
            "explain": Place("explaining", _("describe the fields of a kind of document")),
            "advise": Place("advising", _("say what runs of a flow or a job have shown about it")),
            "draw": Place("drawing", _("write a flow, a job or a run as Mermaid or DOT")),
            "expr": Place("expressions", _("try an expression, as conditions of flows have it")),
        },
        _("Hosts"): {
            "hosts": Place(
                "hosts",
                _("list hosts, test them, import them, approve their keys"),
                True,
                ("connecting", "onehost"),
            ),
            "inventory": Place("inventory", _("refresh hosts from where they come from"), True),
            "facts": Place("facts", _("gather what hosts are: system, memory, disks"), True),
        },
        _("Engine"): {
            "engine": Place(
                "engine", _("start, stop, freeze and look at the engine"), True, ("admitting",)
            ),
            "doctor": Place("doctor", _("look for what is wrong, and say what mends it")),
            "vault": Place("vault", _("lock and unlock the secrets, change their key"), True),
            "events": Place("events", _("list or follow everything that happened")),
            "backup": Place("keeping", _("copy the engine's data while it runs")),
            "retention": Place("retention", _("see and remove what is kept no longer"), True),
            "restore": Place("keeping", _("put a backup in the place of the engine's data")),
        },
        _("Help"): {
            "help": Place("topics", _("read about a topic, such as targets")),
            "completion": Place("topics", _("print the completion script of a shell")),
            "version": Place("topics", _("print the version")),
        },
    }


class Root(Group):
    """All of `jobdeck`: commands by name, loaded on first use."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for places in table().values() for name in places]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        for places in table().values():
            if cmd_name in places:
                return _load(cmd_name, places[cmd_name])
        return None

    def invoke(self, ctx: Any) -> Any:
        """Without a command: the terminal UI; `build` lets it come here where there is a screen."""
        done = super().invoke(ctx)
        if ctx.invoked_subcommand is not None:
            return done
        from console.cli import terminal

        return terminal.show()

    def sections(self, ctx: Any) -> list[Section]:
        commands = [
            (title, [Entry(name, place.summary) for name, place in places.items()])
            for title, places in table().items()
        ]
        return [*commands, *super(Group, self).sections(ctx)]

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Names from the table: completing the first word loads no command."""
        from typer._click.shell_completion import CompletionItem

        items = [
            CompletionItem(name, help=place.summary)
            for places in table().values()
            for name, place in places.items()
            if name.startswith(incomplete)
        ]
        return [*items, *super(TyperGroup, self).shell_complete(ctx, incomplete)]

    def _main_shell_completion(self, *args: Any, **settings: Any) -> None:
        # Typer knows its shells only in applications that carry its own completion flags.
        if COMPLETION_VARIABLE in os.environ:
            from typer._completion_classes import completion_init

            completion_init()
        super()._main_shell_completion(*args, **settings)


def _load(name: str, place: Place) -> Any:
    group, *more = (
        get_group(import_module(f"console.cli.{module}").app)
        for module in (place.module, *place.more)
    )
    for other in more:
        group.commands.update(other.commands)
    return group if place.is_family else group.commands[name]


def _remember_home(value: str | None) -> None:
    settings.settings.home = value or settings.settings.home


def _remember_input(value: bool) -> None:
    settings.settings.no_input |= value


def _remember_color(value: str | None) -> None:
    if value is None:
        return
    if value not in ("auto", "always", "never"):
        raise typer.BadParameter(_("must be auto, always or never"))
    settings.settings.color = value


def speak_as_asked(args: Sequence[str]) -> None:
    """Take up `--lang`, else what the person of the home prefers, before there is a command line.

    Its help pages are written while it is made. A language that is not there is refused when the
    flags are read; preferences that cannot be read are told by those who need all of them.
    """
    given = _given(args, "--lang", "--home")
    if found := language_named(given.get("--lang", "")):
        speak(found)
    prefer("" if is_language_given() else _preferred(given.get("--home")))


def _given(args: Sequence[str], *flags: str) -> dict[str, str]:
    """What stands behind these flags, wherever they stand; the last one counts."""
    found = {}
    for word, following in pairwise([*args, ""]):
        if word == "--":
            break
        name, sign, value = word.partition("=")
        if name in flags:
            found[name] = value if sign else following
    return found


def _preferred(home: str | None) -> str:
    from core.home import Home

    file = Home.locate(home, os.environ).preferences
    if not file.is_file():
        return ""
    from console.preferences import PreferenceFile
    from core.errors import OpsError

    try:
        return PreferenceFile(file).read().language
    except OpsError:
        return ""


def build() -> TyperGroup:
    """The whole command line, with nothing loaded yet.

    Without a command it opens the terminal UI, or shows its help page where there is no terminal.
    """
    has_screen = settings.is_screen()
    app = typer.Typer(
        cls=Root,
        name="jobdeck",
        help=_(
            "Jobdeck runs work on many machines and keeps the record. Every command talks to"
            " the engine of your home folder and starts it when none runs."
        ),
        no_args_is_help=not has_screen,
        invoke_without_command=has_screen,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def root(
        home: Annotated[
            str | None,
            typer.Option(
                "--home",
                metavar="DIR",
                help=_("home folder of the engine (JOBDECK_HOME)"),
                callback=_remember_home,
                expose_value=False,
            ),
        ] = None,
        no_input: Annotated[
            bool,
            typer.Option(
                "--no-input",
                help=_("never ask; fail where an answer is needed"),
                callback=_remember_input,
                expose_value=False,
            ),
        ] = False,
        color: Annotated[
            str | None,
            typer.Option(
                "--color",
                metavar="WHEN",
                help=_("auto, always or never (auto obeys NO_COLOR)"),
                callback=_remember_color,
                expose_value=False,
            ),
        ] = None,
        lang: Annotated[
            str | None,
            typer.Option(
                "--lang",
                metavar="LANG",
                help=_("en or zh_CN (JOBDECK_LANG, else as preferred, else the locale)"),
                callback=settings.speak_it,
                expose_value=False,
            ),
        ] = None,
    ) -> None: ...

    return get_group(app)
