"""What stands in the place of everything where the terminal is too small for it."""

from __future__ import annotations

from console.i18n import _
from console.presenters.text import Line, Span, Tone, line
from console.tui.widgets.dialogs import Text

LEAST = (60, 15)
"""Columns and rows that the views are made for, at the least."""


class TooSmall(Text):
    """Says how large the terminal would have to be, and what else there is."""

    DEFAULT_CSS = """
    TooSmall { display: none; layer: above; width: 100%; height: 100%; padding: 1 2; background: $page; }
    TooSmall.-shown { display: block; }
    """

    def __init__(self) -> None:
        super().__init__([])

    def judge(self, columns: int, rows: int) -> None:
        """Show itself where the terminal is too small, and go where it is not."""
        is_small = columns < LEAST[0] or rows < LEAST[1]
        self.set_class(is_small, "-shown")
        if is_small:
            self.show(_lines(columns, rows))


def _lines(columns: int, rows: int) -> list[Line]:
    size = _(
        "The terminal has {columns} by {rows} cells; Jobdeck needs {least_columns} by {least_rows}."
    )
    shown = size.format(columns=columns, rows=rows, least_columns=LEAST[0], least_rows=LEAST[1])
    return [
        line(Span(_("This is too small"), Tone.STRONG)),
        line(shown),
        line(
            Span(
                _("Make it larger; nothing is lost. `jobdeck plain` works at any size."), Tone.QUIET
            )
        ),
    ]
