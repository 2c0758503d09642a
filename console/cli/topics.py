"""`jobdeck help`, `completion` and `version`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

import assets
from console.cli import exit_codes
from console.cli.cells import wrap
from console.cli.helping import MAX_CELLS, command, family
from console.cli.options import one_of
from console.cli.printing import Screen, out
from console.i18n import CHINESE, _, language
from console.presenters.text import Span, Tone
from core.errors import NotFound

app = family(_("Help."))

EXIT_CODES = "exit-codes"
SHELLS = ("bash", "zsh", "fish")

_CODE = re.compile(r"(`[^`]+`)")
_ITEM = re.compile(r"(\s*(?:[-*]|\d+\.)\s+)(.*)")


@command(app, "help", _("Read about a topic; without one, list the topics."))
def help_(topic: Annotated[str | None, typer.Argument(metavar="[TOPIC]")] = None) -> None:
    pages = topics()
    if topic is None:
        for name in sorted([*pages, EXIT_CODES]):
            out().print(Span(f"{name:<14}", Tone.STRONG), _title(pages, name))
    elif topic == EXIT_CODES:
        _print_exit_codes(out())
    elif topic in pages:
        print_page(pages[topic].read_text(encoding="utf-8"), out())
    else:
        raise NotFound("topic", topic, [*pages, EXIT_CODES])


def topics() -> dict[str, Path]:
    """Topic -> its page in the language of the environment, in English where there is no other."""
    folder = Path(assets.__file__).parent / "help"
    found = {}
    for page in sorted(folder.glob("*.md")):
        name, _dot, other = page.stem.partition(".")
        if not other:
            translated = folder / f"{name}.{CHINESE}.md"
            wanted = language() == CHINESE and translated.is_file()
            found[name] = translated if wanted else page
    return found


def _title(pages: dict[str, Path], name: str) -> str:
    if name == EXIT_CODES:
        return _("what the exit code of a command says")
    with pages[name].open(encoding="utf-8") as page:
        return page.readline().lstrip("# ").strip()


def _print_exit_codes(screen: Screen) -> None:
    cells = min(screen.cells or MAX_CELLS, MAX_CELLS)
    screen.print(Span(_("Exit codes"), Tone.STRONG))
    for code, meaning in exit_codes.meanings().items():
        first, *rest = wrap(meaning, cells - 6)
        screen.print(Span(f"{code:>4}", Tone.STRONG), f"  {first}")
        for line in rest:
            screen.print(" " * 6 + line)


def print_page(text: str, screen: Screen) -> None:
    """A page of Markdown: headings stand out, code stays as it is, the rest is wrapped."""
    cells = min(screen.cells or MAX_CELLS, MAX_CELLS)
    in_code = False
    pending: list[str] = []

    def flush() -> None:
        if pending:
            lead = _ITEM.fullmatch(pending[0])
            indent = " " * len(lead[1]) if lead else ""
            pending[0] = lead[2] if lead else pending[0]
            for at, row in enumerate(wrap(" ".join(pending), cells - len(indent))):
                start = lead[1] if lead and at == 0 else indent
                screen.print(start, *_spans(row))
            pending.clear()

    for line in text.splitlines():
        if line.startswith("```"):
            flush()
            in_code = not in_code
        elif in_code:
            screen.print("  ", Span(line, Tone.BUSY))
        elif line.startswith("#"):
            flush()
            screen.print(Span(line.lstrip("# "), Tone.STRONG))
        elif not line.strip() or line.startswith("|"):
            flush()
            screen.print(*_spans(line))
        elif _ITEM.fullmatch(line):
            flush()
            pending.append(line)
        else:
            pending.append(line.strip())
    flush()


def _spans(line: str) -> list[Span]:
    """Text with its `code` in a tone of its own."""
    return [
        Span(part, Tone.BUSY) if part.startswith("`") and len(part) > 1 else Span(part)
        for part in _CODE.split(line)
        if part
    ]


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
        prog_name="jobdeck", complete_var="_JOBDECK_COMPLETE", shell=shell
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
