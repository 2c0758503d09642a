"""One of several, chosen from a list: what each is stands beside it, typing narrows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from console.i18n import _
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.tui.filters import fuzzy
from console.tui.widgets.dialogs import Text
from console.tui.widgets.grid import Grid, Rows


@dataclass(frozen=True, slots=True)
class Option:
    """Something that can be chosen."""

    id: str
    title: str
    help: str = ""


class Picker(ModalScreen[str | None]):
    """Answers the id of the option that was chosen, or None."""

    DEFAULT_CSS = """
    Picker { align: center middle; background: transparent; }
    Picker > Vertical {
        width: 84; max-width: 96%; height: auto; max-height: 90%; padding: 1 2;
        background: $raised; border: solid $tone-rule; overflow-y: auto;
    }
    Picker Input { margin: 1 0 0 0; }
    Picker Grid { height: auto; min-height: 2; max-height: 16; margin: 1 0 0 0; }
    Picker .keys { margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("down", "move('down')", show=False, priority=True),
        Binding("up", "move('up')", show=False, priority=True),
        Binding("pagedown", "move('page_down')", show=False, priority=True),
        Binding("pageup", "move('page_up')", show=False, priority=True),
    ]

    def __init__(
        self,
        question: str,
        options: Sequence[Option],
        *,
        told: Sequence[Line | Table] = (),
        current: str = "",
    ) -> None:
        """`told`: what one should know first; `current`: where the cursor stands."""
        super().__init__()
        self._question, self._options, self._told = question, options, told
        self._current = current

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text([line(Span(self._question, Tone.STRONG)), *self._told])
            field = Input(placeholder=_("type to narrow"))
            field.cursor_blink = False
            yield field
            grid = Grid(has_typist=True)
            grid.can_focus = False
            yield grid
            keys = line(Span("enter ", Tone.STRONG), Span(_("choose"), Tone.QUIET),
                        Span("   esc ", Tone.STRONG), Span(_("leave it"), Tone.QUIET))  # fmt: skip
            yield Text([keys], classes="keys")

    def on_mount(self) -> None:
        self._narrow("")
        at = next((n for n, each in enumerate(self._options) if each.id == self._current), 0)
        self.query_one(Grid).move_to(at)
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._narrow(event.value)

    def _narrow(self, typed: str) -> None:
        titles = [each.title for each in self._options]
        found = list(compress(self._options, fuzzy(typed)(titles)))
        grid = self.query_one(Grid)
        grid.show(Rows(found, lambda each: each.id, _table))
        grid.move_to(0)
        grid.refresh(layout=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._choose()

    def on_grid_opened(self, event: Grid.Opened) -> None:
        event.stop()
        self._choose()

    def _choose(self) -> None:
        chosen: Option | None = self.query_one(Grid).current
        if chosen is None:
            self.app.bell()
        else:
            self.dismiss(chosen.id)

    def action_move(self, how: str) -> None:
        self.query_one(Grid).perform_list(how)

    def action_leave(self) -> None:
        self.dismiss(None)


def _table(options: Sequence[Option]) -> Table:
    return Table(
        columns=(Column("", whole=True), Column("", elastic=True)),
        rows=tuple(
            (Span(each.title, Tone.STRONG), Span(each.help, Tone.QUIET)) for each in options
        ),
    )
