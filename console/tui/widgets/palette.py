"""Every action there is, found by typing; and the keys that work at this moment."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from console.i18n import _
from console.presenters.actions import Offer, offer_lines, offers_table
from console.tui.filters import fuzzy
from console.tui.widgets.dialogs import Text
from console.tui.widgets.grid import Grid, Rows


class Palette(ModalScreen[str | None]):
    """Answers the id of the action that is to be done, or None."""

    DEFAULT_CSS = """
    Palette { align: center top; background: transparent; }
    Palette > Vertical {
        width: 60; max-width: 96%; height: 80%; max-height: 16; margin: 2 0 0 0; padding: 0 1;
        background: $raised; border: solid $tone-rule;
    }
    Palette Input { margin: 0 0 1 0; }
    Palette Text { height: 2; margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("down", "move('down')", show=False, priority=True),
        Binding("up", "move('up')", show=False, priority=True),
        Binding("pagedown", "move('page_down')", show=False, priority=True),
        Binding("pageup", "move('page_up')", show=False, priority=True),
    ]

    def __init__(self, offers: Sequence[Offer], prompt: str = "") -> None:
        super().__init__()
        self._offers = offers
        self._prompt = prompt or _("find an action")

    def compose(self) -> ComposeResult:
        with Vertical():
            field = Input(placeholder=self._prompt)
            field.cursor_blink = False
            yield field
            grid = Grid(has_typist=True)
            grid.can_focus = False
            yield grid
            yield Text([])

    def on_mount(self) -> None:
        self._narrow("")
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._narrow(event.value)

    def _narrow(self, typed: str) -> None:
        texts = [f"{offer.action.title} {offer.action.id}" for offer in self._offers]
        found = list(compress(self._offers, fuzzy(typed)(texts)))
        grid = self.query_one(Grid)
        grid.show(Rows(found, lambda offer: offer.action.id, offers_table))
        grid.move_to(0)

    def on_grid_moved(self, event: Grid.Moved) -> None:
        event.stop()
        self.query_one(Text).show([*offer_lines(self.query_one(Grid).current)])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        offer = self.query_one(Grid).current
        if offer is not None and offer.is_now:
            self.dismiss(offer.action.id)
        else:
            self.app.bell()

    def action_move(self, how: str) -> None:
        self.query_one(Grid).perform_list(how)

    def action_leave(self) -> None:
        self.dismiss(None)
