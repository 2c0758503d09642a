"""One of several, chosen from a list: a few that are seen at once, or many that typing narrows."""

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
        self,
        title: str,
        options: Sequence[Option],
        now: str = "",
        told: Sequence[Line | Table] = (),
    ) -> None:
        """`now`: the value that holds; the cursor begins there. `told`: what to know before."""
        super().__init__()
        self._title, self._options, self._now, self._told = title, options, now, told

    def compose(self) -> ComposeResult:
        with Vertical():
            yield self.head()
            yield Grid()

    def head(self) -> Text:
        """What is to be chosen, and what to know before."""
        return Text([line(Span(self._title, Tone.STRONG)), *self._told])

    def on_mount(self) -> None:
        self.show(self._options)
        values = [each.value for each in self._options]
        self.grid.move_to(values.index(self._now) if self._now in values else 0)
        self.grid.focus()

    @property
    def grid(self) -> Grid:
        return self.query_one(Grid)

    def show(self, options: Sequence[Option]) -> None:
        self.grid.show(Rows(options, lambda each: each.value, self._present))

    def _present(self, items: Sequence[Option]) -> Table:
        columns = (Column("", whole=True), Column("", elastic=True))
        return Table(
            columns,
            tuple(
                (Span(each.title, self.tone_of(each)), Span(each.meaning, Tone.QUIET))
                for each in items
            ),
        )

    def tone_of(self, option: Option) -> Tone:
        """What holds now stands out."""
        return Tone.STRONG if option.value == self._now else Tone.PLAIN

    def action_move(self, how: str) -> None:
        self.grid.perform_list(how)

    def action_take(self) -> None:
        chosen: Option | None = self.grid.current
        self.dismiss(chosen.value if chosen is not None else None)

    def on_grid_opened(self, event: Grid.Opened) -> None:
        event.stop()
        self.action_take()

    def action_leave(self) -> None:
        self.dismiss(None)


class Picker(Choice, inherit_bindings=False):
    """As Choice, for many: letters narrow the list instead of moving in it."""

    DEFAULT_CSS = """
    Picker > Vertical {
        width: 84; background: $raised; border: solid $tone-rule; overflow-y: auto;
    }
    Picker Input { margin: 1 0 0 0; }
    Picker Grid { min-height: 2; max-height: 16; margin: 1 0 0 0; }
    Picker .keys { margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("down", "move('down')", show=False, priority=True),
        Binding("up", "move('up')", show=False, priority=True),
        Binding("pagedown", "move('page_down')", show=False, priority=True),
        Binding("pageup", "move('page_up')", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        with Vertical():
            yield self.head()
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
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        titles = [each.title for each in self._options]
        self.show(list(compress(self._options, fuzzy(event.value)(titles))))
        self.grid.move_to(0)
        self.grid.refresh(layout=True)

    def tone_of(self, option: Option) -> Tone:
        return Tone.STRONG

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_take()

    def action_take(self) -> None:
        if self.grid.current is None:
            self.app.bell()
        else:
            super().action_take()
