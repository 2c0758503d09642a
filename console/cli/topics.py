"""`jobdeck help`, `completion` and `version`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Annotated, NamedTuple

import typer

from console.cells import wrap
from console.cli import exit_codes
from console.cli.helping import MAX_CELLS, command, family
from console.cli.options import one_of
from console.cli.printing import Screen, err, out
from console.cli.root import COMPLETION_VARIABLE
from console.cli.settings import home
from console.i18n import _
from console.pages import page_title, render, topics
from console.presenters.actions import keys_tables
from console.presenters.errors import error_lines
from console.presenters.text import Span, Tone
from core.errors import NotFound

app = family()

EXIT_CODES, KEYS = "exit-codes", "keys"
SHELLS = ("bash", "zsh", "fish")


@command(app, "help", _("Read about a topic; without one, list the topics."))
def help_(topic: Annotated[str | None, typer.Argument(metavar="[TOPIC]")] = None) -> None:
    pages, made = topics(), _made()
    if topic is None:
        for name in sorted([*pages, *made]):
            title = made[name].title if name in made else page_title(pages[name])
            out().print(Span(f"{name:<14}", Tone.STRONG), title)
    elif topic in made:
        out().print(Span(made[topic].title, Tone.STRONG))
        made[topic].write(out())
    elif topic in pages:
        _print_page(out(), pages[topic].read_text(encoding="utf-8"))
    else:
        raise NotFound("topic", topic, [*pages, *made])


class Made(NamedTuple):
    """A page that is made of a table of the program instead of being written."""

    title: str
    write: Callable[[Screen], None]


def _made() -> Mapping[str, Made]:
    return {
        EXIT_CODES: Made(_("Exit codes of commands"), _print_exit_codes),
        KEYS: Made(_("Keys of the terminal UI"), _print_keys),
    }


def _print_page(screen: Screen, text: str) -> None:
    screen.lines(render(text, min(screen.cells or MAX_CELLS, MAX_CELLS)))


def _print_exit_codes(screen: Screen) -> None:
    cells = min(screen.cells or MAX_CELLS, MAX_CELLS)
    screen.print("")
    for code, meaning in exit_codes.meanings().items():
        first, *rest = wrap(meaning, cells - 6)
        screen.print(Span(f"{code:>4}", Tone.STRONG), f"  {first}")
        for line in rest:
            screen.print(" " * 6 + line)


def _print_keys(screen: Screen) -> None:
    from console.preferences import PreferenceFile
    from console.wishes import read_wishes

    wishes = read_wishes(PreferenceFile(home().preferences))
    for title, table in keys_tables(wishes.keys):
        screen.print("")
        screen.print(Span(title, Tone.STRONG))
        screen.table(table)
    if wishes.trouble is not None:
        err().print("")
        err().lines(error_lines(wishes.trouble))


@command(
    app,
    "completion",
    _("Print the completion script of a shell."),
    """
jobdeck completion bash > ~/.local/share/bash-completion/completions/jobdeck
jobdeck completion zsh > ~/.zfunc/_jobdeck
jobdeck completion fish > ~/.config/fish/completions/jobdeck.fish
""",
)
def completion(shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish")]) -> None:
    from typer._completion_shared import get_completion_script

    one_of("SHELL", shell, SHELLS)
    script = get_completion_script(
        prog_name="jobdeck", complete_var=COMPLETION_VARIABLE, shell=shell
    )
    sys.stdout.write(script + "\n")


@command(app, "version", _("Print the version."))
def version() -> None:
    from core.version import product_version

    out().print(f"jobdeck {product_version()}")
