"""`jobdeck help`, `completion` and `version`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from console.cells import wrap
from console.cli import exit_codes
from console.cli.helping import MAX_CELLS, command, family
from console.cli.options import one_of
from console.cli.printing import Screen, out
from console.cli.root import COMPLETION_VARIABLE
from console.i18n import _
from console.pages import render, title, topics
from console.presenters.text import Span, Tone
from core.errors import NotFound

app = family()

EXIT_CODES = "exit-codes"
SHELLS = ("bash", "zsh", "fish")


@command(app, "help", _("Read about a topic; without one, list the topics."))
def help_(topic: Annotated[str | None, typer.Argument(metavar="[TOPIC]")] = None) -> None:
    pages = topics()
    if topic is None:
        for name in sorted([*pages, EXIT_CODES]):
            out().print(Span(f"{name:<14}", Tone.STRONG), _title(pages, name))
    elif topic == EXIT_CODES:
        _print_exit_codes(out())
    elif topic in pages:
        _print_page(out(), pages[topic].read_text(encoding="utf-8"))
    else:
        raise NotFound("topic", topic, [*pages, EXIT_CODES])


def _title(pages: dict[str, Path], name: str) -> str:
    if name == EXIT_CODES:
        return _("Exit codes of commands")
    return title(pages[name])


def _print_page(screen: Screen, text: str) -> None:
    screen.lines(render(text, min(screen.cells or MAX_CELLS, MAX_CELLS)))


def _print_exit_codes(screen: Screen) -> None:
    cells = min(screen.cells or MAX_CELLS, MAX_CELLS)
    screen.print(Span(_("Exit codes of commands"), Tone.STRONG))
    screen.print("")
    for code, meaning in exit_codes.meanings().items():
        first, *rest = wrap(meaning, cells - 6)
        screen.print(Span(f"{code:>4}", Tone.STRONG), f"  {first}")
        for line in rest:
            screen.print(" " * 6 + line)


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
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        number = installed("jobdeck")
    except PackageNotFoundError:
        number = _("unknown")
    out().print(f"jobdeck {number}")
