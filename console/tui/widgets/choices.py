"""A question with several answers, one of which is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from console.i18n import _
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.tui.widgets.dialogs import Text
from console.tui.widgets.grid import Grid, Rows


@dataclass(frozen=True, slots=True)
class Option:
    """One of the answers."""

    value: str
    title: str
    help: str = ""


class Choice(ModalScreen[str | None]):
    """Answers the value of the chosen option, or None."""

    DEFAULT_CSS = """
    Choice { align: center middle; background: $page 60%; }
    Choice > Vertical {
        width: 76; max-width: 96%; height: auto; max-height: 90%; padding: 1 2;
        background: $raised; border: solid $tone-rule;
    }
    Choice Grid { height: auto; max-height: 16; margin: 1 0 0 0; }
    Choice .keys { margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", show=False),
        Binding("enter", "choose", show=False),
        Binding("down,j", "move('down')", show=False),
        Binding("up,k", "move('up')", show=False),
    ]

    def __init__(self, deed: str, options: Sequence[Option]) -> None:
        """`deed`: what the answer is for, by verb and object."""
        super().__init__()
        self._deed, self._options = deed, options

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text([line(Span(self._deed, Tone.STRONG))])
            yield Grid()
            yield Text([self._keys()], classes="keys")

    def on_mount(self) -> None:
        grid = self.query_one(Grid)
        grid.show(Rows(self._options, lambda option: option.value, _table))
        grid.focus()

    def _keys(self) -> Line:
        return line(
            Span("enter ", Tone.STRONG),
            Span(_("choose"), Tone.QUIET),
            Span("   esc ", Tone.STRONG),
            Span(_("do nothing"), Tone.QUIET),
        )

    def action_move(self, how: str) -> None:
        self.query_one(Grid).perform_list(how)

    def action_choose(self) -> None:
        option = self.query_one(Grid).current
        self.dismiss(None if option is None else option.value)

    def action_leave(self) -> None:
        self.dismiss(None)

    def on_grid_opened(self, event: Grid.Opened) -> None:
        event.stop()
        self.action_choose()


def _table(options: Sequence[Option]) -> Table:
    return Table(
        columns=(Column("", whole=True), Column("", elastic=True)),
        rows=tuple(
            (Span(each.title, Tone.STRONG), Span(each.help, Tone.QUIET)) for each in options
        ),
    )
