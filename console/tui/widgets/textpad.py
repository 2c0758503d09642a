"""A text of several lines, written in place of the screen; leaving hands back what stands there."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import TextArea

from console.i18n import _
from console.presenters.text import Span, Tone, line
from console.tui.widgets.dialogs import Text


class TextPad(ModalScreen[str]):
    """Answers the text; there is no way to lose it here."""

    DEFAULT_CSS = """
    TextPad { align: center middle; background: transparent; }
    TextPad > Vertical {
        width: 100%; height: 100%; margin: 1 2; padding: 0 1;
        background: $raised; border: solid $tone-rule;
    }
    TextPad TextArea, TextPad TextArea:focus {
        height: 1fr; border: none; padding: 0; background: $raised;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+s", "done", show=False, priority=True),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text([line(Span(self._title, Tone.STRONG))])
            pad = TextArea(self._text, show_line_numbers=True, tab_behavior="indent")
            pad.cursor_blink = False
            yield pad
            keys = line(Span("esc ", Tone.STRONG), Span(_("back to the form"), Tone.QUIET))
            yield Text([keys])

    def on_mount(self) -> None:
        self.query_one(TextArea).focus()

    def action_done(self) -> None:
        self.dismiss(self.query_one(TextArea).text)
