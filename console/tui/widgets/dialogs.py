"""Questions before something happens: what it would do, in words, and how to say yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from console.i18n import _
from console.presenters.text import Line, Span, Table, Tone, line
from console.tables import lay_out
from console.tui import painting


class Text(Widget):
    """Lines that only say something, wrapped where they are too long."""

    DEFAULT_CSS = "Text { height: auto; }"

    def __init__(self, lines: Sequence[Line | Table], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._lines = lines

    def show(self, lines: Sequence[Line | Table]) -> None:
        self._lines = lines
        self.refresh(layout=self.styles.is_auto_height)

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        return len(lay_out(self._lines, width))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        laid = lay_out(self._lines, width)
        if y >= len(laid):
            return Strip.blank(width, self.rich_style)
        return painting.strip(laid[y], width, self.app.theme_variables).apply_style(self.rich_style)


class Question(ModalScreen[str | None]):
    """Asks whether something is to happen. Answers the text typed, or None for no.

    The button's words name the deed and its object, never "OK". Where `wanted` is given, exactly
    that has to be typed: what the engine asks for before something dangerous. Where `prompt` is
    given instead, any text may be typed, such as a reason.
    """

    DEFAULT_CSS = """
    Question { align: center middle; background: transparent; }
    Question > Vertical {
        width: 76; max-width: 96%; height: auto; max-height: 90%; padding: 1 2;
        background: $raised; border: solid $tone-rule; overflow-y: auto;
    }
    Question Input { margin: 1 0 0 0; }
    Question .keys { margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "no", show=False),
        Binding("enter,y", "yes", show=False),
    ]

    def __init__(
        self,
        deed: str,
        consequences: Sequence[Line | Table],
        *,
        wanted: str = "",
        prompt: str = "",
        must: bool = False,
        secret: bool = False,
    ) -> None:
        """`deed`: `stop 3 runs`; `must`: the typed text may not be empty."""
        super().__init__()
        self._deed, self._consequences = deed, consequences
        self._wanted, self._prompt, self._must, self._secret = wanted, prompt, must, secret

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text([line(Span(self._deed, Tone.STRONG)), line(""), *self._consequences])
            if self._wanted or self._prompt:
                asked = self._prompt or _("type {wanted} to confirm").format(wanted=self._wanted)
                field = Input(placeholder=asked, password=self._secret)
                field.cursor_blink = False
                yield field
            yield Text([self._keys()], classes="keys")

    def _keys(self) -> Line:
        return line(
            Span("enter ", Tone.STRONG),
            Span(self._deed, Tone.QUIET),
            Span("   esc ", Tone.STRONG),
            Span(_("do nothing"), Tone.QUIET),
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_yes()

    def action_yes(self) -> None:
        fields = self.query(Input)
        typed = fields.first().value.strip() if fields else ""
        if (self._wanted and typed != self._wanted) or (self._must and not typed):
            self.app.bell()
            fields.first().add_class("-wrong")
            return
        self.dismiss(typed)

    def action_no(self) -> None:
        self.dismiss(None)

    def on_click(self, event: events.Click) -> None:
        if event.widget is self:
            self.dismiss(None)
