"""A target expression while it is typed: how many hosts it stands for, and which."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input

from console.answers import Resolved
from console.i18n import _
from console.presenters.targets import misread_lines, resolved_lines
from console.presenters.text import Line, Span, Tone, line
from console.tui.widgets.dialogs import Text
from console.tui.working import later
from core.errors import OpsError

_AFTER_S = 0.15
"""Without another letter, until the engine is asked."""


class ExpressionBox(ModalScreen[str | None]):
    """Answers an expression that can be read, or None."""

    DEFAULT_CSS = """
    ExpressionBox { align: center middle; background: transparent; }
    ExpressionBox > Vertical {
        width: 84; max-width: 96%; height: auto; max-height: 90%; padding: 1 2;
        background: $raised; border: solid $tone-rule;
    }
    ExpressionBox Input { margin: 1 0; }
    ExpressionBox #found { min-height: 3; }
    ExpressionBox .keys { margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, text: str, resolve: Callable[[str], Awaitable[Resolved]]) -> None:
        super().__init__()
        self._text, self._resolve = text, resolve
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text([line(Span(_("target expression"), Tone.STRONG))])
            field = Input(self._text, placeholder="env=prod & !db*", select_on_focus=False)
            field.cursor_blink = False
            yield field
            yield Text([], id="found")
            keys = line(Span("enter ", Tone.STRONG), Span(_("list these hosts"), Tone.QUIET),
                        Span("   esc ", Tone.STRONG), Span(_("leave it"), Tone.QUIET))  # fmt: skip
            yield Text([keys], classes="keys")

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._ask()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_AFTER_S, self._ask)

    def _ask(self) -> None:
        self.run_worker(later(self._look), exclusive=True, exit_on_error=False)

    async def _look(self) -> None:
        text = self.query_one(Input).value.strip()
        lines: list[Line] = [
            line(Span(_("names, labels, groups: see `:help targets`"), Tone.QUIET))
        ]
        if text:
            try:
                lines = [*resolved_lines(await self._resolve(text))]
            except OpsError as error:
                lines = [*misread_lines(error)]
        if text == self.query_one(Input).value.strip():
            self.query_one("#found", Text).show(lines)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.run_worker(later(self._enter), exclusive=True, group="enter", exit_on_error=False)

    async def _enter(self) -> None:
        text = self.query_one(Input).value.strip()
        try:
            await self._resolve(text)
        except OpsError as error:
            self.query_one("#found", Text).show([*misread_lines(error)])
        else:
            self.dismiss(text)

    def action_leave(self) -> None:
        self.dismiss(None)
