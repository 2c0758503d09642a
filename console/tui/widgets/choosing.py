"""One of a few things, chosen from a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.tui.widgets.dialogs import Text
from console.tui.widgets.grid import Grid, Rows


@dataclass(frozen=True, slots=True)
class Option:
    """What can be chosen."""

    value: str
    title: str
    meaning: str = ""


class Choice(ModalScreen[str | None]):
    """Answers the value that was chosen, or None."""

    DEFAULT_CSS = """
    Choice { align: center middle; background: transparent; }
    Choice > Vertical {
        width: 72; max-width: 96%; height: auto; max-height: 90%; padding: 1 2;
        background: $surface; border: solid $panel;
    }
    Choice Grid { height: auto; max-height: 20; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", show=False),
        Binding("enter,l", "take", show=False),
        Binding("down,j", "move('down')", show=False),
        Binding("up,k", "move('up')", show=False),
        Binding("home,g", "move('first')", show=False),
        Binding("end,G", "move('last')", show=False),
    ]

    def __init__(
        self, title: str, options: Sequence[Option], now: str, told: Sequence[Line] = ()
    ) -> None:
        """`now`: the value that holds; the cursor begins there. `told`: what to know before."""
        super().__init__()
        self._title, self._options, self._now, self._told = title, options, now, told

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text([line(Span(self._title, Tone.STRONG)), *self._told])
            yield Grid()

    def on_mount(self) -> None:
        grid = self.query_one(Grid)
        grid.show(Rows(self._options, lambda each: each.value, self._present))
        values = [each.value for each in self._options]
        grid.move_to(values.index(self._now) if self._now in values else 0)
        grid.focus()

    def _present(self, items: Sequence[Option]) -> Table:
        return Table(
            (Column("", whole=True), Column("", elastic=True)),
            tuple(
                (
                    Span(each.title, Tone.STRONG if each.value == self._now else Tone.PLAIN),
                    Span(each.meaning, Tone.QUIET),
                )
                for each in items
            ),
        )

    def action_move(self, how: str) -> None:
        self.query_one(Grid).perform_list(how)

    def action_take(self) -> None:
        chosen: Any = self.query_one(Grid).current
        self.dismiss(chosen.value if chosen is not None else None)

    def on_grid_opened(self, event: Grid.Opened) -> None:
        event.stop()
        self.action_take()

    def action_leave(self) -> None:
        self.dismiss(None)
