"""A field for text over the value of a row: what is typed there is told to the form around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input

_LEAST_CELLS = 8


class Cell(Input):
    """Where the value of the row under the cursor is typed."""

    DEFAULT_CSS = """
    Cell, Cell:focus { layer: above; position: absolute; display: none; }
    Cell.-shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("tab,down", "next(1)", show=False),
        Binding("shift+tab,up", "next(-1)", show=False),
    ]

    class Left(Message):
        """Escape: as if nothing had been typed."""

    class Next(Message):
        """On to another row, with what was typed."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(select_on_focus=False, **kwargs)
        self.cursor_blink = False

    @property
    def is_open(self) -> bool:
        return self.has_class("-shown")

    def open(self, text: str, *, unset: str, is_secret: bool, names: Sequence[str]) -> None:
        """Begin with this text. `unset`: what no text stands for; `names`: what may be meant."""
        self.password = is_secret
        self.suggester = SuggestFromList(names, case_sensitive=False) if names else None
        self._take(text)
        self.cursor_position = len(text)
        self.placeholder = unset
        self.set_class(True, "-shown")
        self.focus()

    def close(self) -> str:
        """End; what was typed."""
        text = self.value
        self.set_class(False, "-shown")
        self._take("")
        return text

    def suggest(self, names: Sequence[str]) -> None:
        """Names that came while one was typed."""
        self.suggester = SuggestFromList(names)

    def lie_over(self, region: Region, cells: int) -> None:
        """Stand over this part of a row that is so many cells wide, as far as there is room."""
        self.styles.offset = (region.x, region.y)
        self.styles.width = max(_LEAST_CELLS, cells - region.x)

    def _take(self, text: str) -> None:
        with self.prevent(Input.Changed):
            self.value = text

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def action_next(self, by: int) -> None:
        self.post_message(self.Next(by))
