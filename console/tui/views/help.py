"""Help pages: one that was asked for, or all that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from console import pages
from console.actions import Scope
from console.i18n import _
from console.presenters.actions import keys_tables
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.tui.views.reading import ReadingView

_KEYS = "keys"
"""The page that is made of the registry."""


class HelpView(ReadingView):
    """The argument is a topic; without one, or with one that is not there, all are listed."""

    SCOPE = Scope.HELP

    async def load(self) -> None:
        found = pages.topics()
        page = found.get(self.place.argument)
        if self.place.argument == _KEYS:
            self.show_text([*_keys(self.deck.wishes.keys)])
        elif page is None:
            self.show_text(_list(self.place.argument, found))
        else:
            text = page.read_text(encoding="utf-8")
            self.reader.show_flowing(lambda cells: list(pages.render(text, cells)))

    def title(self) -> str:
        return f"{_('help')} {self.place.argument}".strip()

    def cli(self) -> str:
        return f"jobdeck help {self.place.argument}".strip()


def _keys(own: Mapping[str, str]) -> Iterator[Line | Table]:
    """Every key there is, as it is in force."""
    for where, table in keys_tables(own):
        yield line(Span(where, Tone.STRONG))
        yield table
        yield line("")


def _list(wanted: str, found: dict[str, Path]) -> list[Line | Table]:
    titles = {name: pages.page_title(page) for name, page in found.items()}
    titles[_KEYS] = _("Keys of the terminal UI")
    rows = tuple(
        (Span(f":help {name}", Tone.STRONG), Span(title)) for name, title in sorted(titles.items())
    )
    parts: list[Line | Table] = []
    if wanted:
        unknown = _("there is no help page {name}").format(name=wanted)
        parts += [line(Span(unknown, Tone.WARNING)), line("")]
    return [
        *parts,
        line(Span(_("Help pages"), Tone.STRONG)),
        line(""),
        Table((Column(""), Column("", elastic=True)), rows),
        line(""),
        line(Span(_("`?` lists the keys of a view, `:tour` shows the first steps"), Tone.QUIET)),
    ]
