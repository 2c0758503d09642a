"""A list with a pane below it that says more about the row under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.app import ComposeResult

from console.presenters.text import Line, Table
from console.tui.views.listing import ListView
from console.tui.widgets.dialogs import Text
from console.tui.widgets.grid import Grid


class DetailedListView(ListView):
    """Subclasses say in `detail` what stands below; nothing there closes the pane."""

    DEFAULT_CSS = """
    DetailedListView > #detail {
        max-height: 40%; padding: 0 2; border-top: solid $panel; display: none;
    }
    DetailedListView > #detail.-shown { display: block; }
    """

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield Text([], id="detail")

    def detail(self, item: Any) -> Sequence[Line | Table]:
        """What there is to say of an item that its row does not say."""
        return ()

    def show_detail(self) -> None:
        """Say again what stands below."""
        item = self.grid.current
        parts = self.detail(item) if item is not None else ()
        pane = self.query_one("#detail", Text)
        pane.show(parts)
        pane.set_class(bool(parts), "-shown")

    def on_grid_moved(self, event: Grid.Moved) -> None:
        self.show_detail()
