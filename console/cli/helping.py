"""Commands and groups whose help pages are ours: calm, translated, straight with Chinese.

Typer parses; this module says what a page looks like and adds the global flags
of the root to every command, so that they may stand before or after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from console.cells import pad, paragraphs, width, wrap
from console.i18n import _
from core.errors import RequestError, nearest

MAX_CELLS = 100
"""Longer lines are hard to read, however wide the terminal is."""
_TERM_CELLS = 30
"""Terms up to this width share a line with their description."""
_ANY_LENGTH = 1_000
"""Characters of a command's first sentence, which Click would cut; lines are wrapped here."""


class Entry(NamedTuple):
    """A term of a help page and what it means."""

    term: str
    meaning: str


def page_width(columns: int) -> int:
    """Cells of a help page on a terminal this wide."""
    return max(min(columns, MAX_CELLS), 40)


Section = tuple[str, Sequence[Entry]]
"""A heading and its terms."""


def section_lines(sections: Iterable[Section], cells: int) -> Iterator[str]:
    """Titled lists of terms; the meanings of a whole page stand in one column."""
    shown = [(title, items) for title, items in sections if items]
    terms = [width(item.term) for _title, items in shown for item in items]
    column = min(max(terms, default=0), _TERM_CELLS) + 2
    for title, items in shown:
        yield ""
        yield _("{title}:").format(title=title)
        for item in items:
            yield from _entry_lines(item, column, cells)


def _entry_lines(item: Entry, column: int, cells: int) -> Iterator[str]:
    first, *rest = wrap(item.meaning, cells - column - 2)
    if width(item.term) <= column - 2:
        yield f"  {pad(item.term, column)}{first}".rstrip()
    else:
        yield f"  {item.term}"
        rest = [first, *rest]
    yield from (" " * (column + 2) + line for line in rest)


class _AsGiven:
    """Hands values on as they were typed.

    WORKAROUND(typer 0.29): values of every type are read by pydantic, and importing that takes
    longer than all the rest of a short command. Our flags are texts (see `options`) and switches.
    """

    def coerce(self, value: Any, *, param: Any, ctx: Any) -> Any:
        return () if value is None and (param.multiple or param.nargs == -1) else value


def _read_as_given(param: Any) -> None:
    assert param.type_descriptor.annotation in (str, list[str], bool), "flags are texts or switches"
    param._runtime_param = _AsGiven()


class _Page:
    """What commands and groups share: the parts of a help page."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        for param in self.params:  # type: ignore[attr-defined]
            _read_as_given(param)

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        _read_as_given(option)
        return option

    def get_params(self, ctx: Any) -> list[Any]:
        """Own parameters, then the root's global flags."""
        own = super().get_params(ctx)  # type: ignore[misc]
        root = ctx.find_root().command
        return own if root is self else [*own, *root.params]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        cells = page_width(formatter.width + 2)
        formatter.write("\n".join(self.page(ctx, cells)) + "\n")

    def page(self, ctx: Any, cells: int) -> Iterable[str]:
        """The lines of the help page."""
        words = [ctx.command_path, _("[OPTIONS]"), *self.usage_words()]
        yield _("Usage: {words}").format(words=" ".join(words))
        if help_ := self.help:  # type: ignore[attr-defined]
            yield ""
            yield from list(paragraphs(help_, cells))[:-1]
        yield from section_lines(self.sections(ctx), cells)
        if epilog := self.epilog:  # type: ignore[attr-defined]
            yield ""
            yield _("{title}:").format(title=_("Examples"))
            yield from (f"  {line}" for line in epilog.strip().splitlines())

    def usage_words(self) -> list[str]:
        """What follows the flags: arguments as their metavars show them."""
        params = self.params  # type: ignore[attr-defined]
        return [param.metavar for param in params if param.param_type_name == "argument"]

    def sections(self, ctx: Any) -> list[Section]:
        """Arguments, then options under their panels, then the global flags."""
        shared = ctx.find_root().command.params
        panels: dict[str, list[Entry]] = {}
        for param in self.get_params(ctx):
            if entry := _entry(param):
                is_global = param in shared or param.name == "help"
                title = _("Global options") if is_global else _panel(param)
                panels.setdefault(title, []).append(entry)
        last = panels.pop(_("Global options"), [])
        return [*panels.items(), (_("Global options"), last)]


def _panel(param: Any) -> str:
    if param.param_type_name == "argument":
        return _("Arguments")
    return str(param.rich_help_panel or _("Options"))


def _entry(param: Any) -> Entry | None:
    if param.hidden:
        return None
    if param.param_type_name == "argument":
        return Entry(param.metavar, param.help) if param.help else None
    names = ", ".join(sorted(param.opts, key=len) + param.secondary_opts)
    if param.name == "help":
        return Entry(names, _("show this page"))
    metavar = f" {param.metavar}" if param.metavar else ""
    return Entry(names + metavar, param.help or "")


class Command(_Page, TyperCommand):
    """One command."""


class Group(_Page, TyperGroup):
    """A family of commands; an unknown one is answered with the nearest."""

    def usage_words(self) -> list[str]:
        return [_("COMMAND ...")]

    def sections(self, ctx: Any) -> list[Section]:
        items = [
            Entry(name, command.get_short_help_str(limit=_ANY_LENGTH))
            for name, command in self.commands.items()
            if not command.hidden
        ]
        return [(_("Commands"), items), *super().sections(ctx)]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            if name.startswith("-"):
                self.parse_args(ctx, args)  # says which option it does not know
            self.refuse(ctx, name)
        return super().resolve_command(ctx, args)

    def refuse(self, ctx: Any, name: str) -> NoReturn:
        """RequestError for a command that does not exist, with the nearest or all that do."""
        known = self.list_commands(ctx)
        near = nearest(name, known)
        hint = (
            _("did you mean {command}?").format(command=f"`{ctx.command_path} {near}`")
            if near
            else _("it has {commands}").format(commands=", ".join(known))
        )
        message = _("{command} is not a command").format(command=f"`{ctx.command_path} {name}`")
        raise RequestError(message, hint=hint)


def family(help_: str = "") -> typer.Typer:
    """A Typer application for commands that stand together; `help_` where they have a page."""
    return typer.Typer(
        cls=Group,
        help=help_,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def command(
    app: typer.Typer, name: str, help_: str, examples: str = "", **settings: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a command of a family; its first line of help stands in lists."""
    return app.command(
        name,
        cls=Command,
        help=help_,
        short_help=help_.partition("\n")[0].rstrip("."),
        epilog=examples,
        **settings,
    )
