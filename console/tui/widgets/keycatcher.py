"""Which key is to do something: the next one that is pressed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from console.actions import Action
from console.i18n import _
from console.keys import key_word
from console.presenters.text import Line, Span, Tone, line
from console.tui.widgets.dialogs import Text

_OWN = ("enter", "escape")
"""Keys that answer the question itself."""


class KeyCatcher(ModalScreen[str | None]):
    """Answers the key, by the name that key maps have for it, or None."""

    DEFAULT_CSS = """
    KeyCatcher { align: center middle; background: transparent; }
    KeyCatcher > Vertical {
        width: 72; max-width: 96%; height: auto; padding: 1 2;
        background: $surface; border: solid $panel;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", show=False),
        Binding("escape", "leave", show=False),
    ]

    def __init__(self, action: Action, taken_by: Callable[[str], Action | None]) -> None:
        """`taken_by`: which other action has a key where both may be at hand."""
        super().__init__()
        self._action, self._taken_by = action, taken_by
        self._key = ""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text(self._lines())

    def _lines(self) -> list[Line]:
        asked = _("which key is to do this: {title}?").format(title=self._action.title)
        lines = [line(Span(asked, Tone.STRONG)), line("")]
        if not self._key:
            lines.append(line(_("Press it.")))
        else:
            lines.append(line(_("pressed: "), Span(key_word(self._key), Tone.STRONG)))
            if other := self._taken_by(self._key):
                taken = _("{key} is the key of: {title} ({id}); give that another one first")
                told = taken.format(key=key_word(self._key), title=other.title, id=other.id)
                lines.append(line(Span(told, Tone.WARNING)))
        return [
            *lines,
            line(""),
            line(
                Span("enter ", Tone.STRONG),
                Span(_("use this key"), Tone.QUIET),
                Span("   esc ", Tone.STRONG),
                Span(_("do nothing"), Tone.QUIET),
            ),
        ]

    def on_key(self, event: events.Key) -> None:
        if event.key in _OWN:
            return
        event.stop()
        event.prevent_default()
        self._key = event.key
        self.query_one(Text).show(self._lines())

    def action_take(self) -> None:
        if self._key and not self._taken_by(self._key):
            self.dismiss(self._key)
        else:
            self.app.bell()

    def action_leave(self) -> None:
        self.dismiss(None)
