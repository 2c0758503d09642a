"""The line one types into: `:` for commands, `/` for filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

Complete = Callable[[str], Iterable[str]]


class _First(Suggester):
    """The first completion, shown dimmed; the right arrow or tab takes it."""

    def __init__(self, complete: Complete) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        return next(iter(self._complete(value)), None) if value else None


class CommandBar(Input):
    """Is shown while something is typed; the line below the view is its place."""

    DEFAULT_CSS = "CommandBar { display: none; } CommandBar.-shown { display: block; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("tab", "cursor_right", show=False),
        Binding("up", "earlier(-1)", show=False),
        Binding("down", "earlier(1)", show=False),
    ]

    class Typed(Message):
        """The text has changed while it is typed."""

        def __init__(self, sign: str, text: str) -> None:
            super().__init__()
            self.sign, self.text = sign, text

    class Entered(Typed):
        """Enter."""

    class Left(Typed):
        """Escape: as if nothing had been typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(select_on_focus=False, **kwargs)
        self.cursor_blink = False
        self.sign = ""
        self._earlier: dict[str, list[str]] = {}
        self._at = 0

    def open(self, sign: str, text: str, complete: Complete) -> None:
        """Begin to type after a sign."""
        self.sign = sign
        self._at = len(self._earlier.get(sign, ()))
        self.suggester = _First(complete)
        self.set_class(True, "-shown")
        with self.prevent(Input.Changed):
            self.value = sign + text
        self.cursor_position = len(self.value)
        self.focus()

    def close(self) -> None:
        self.sign = ""
        self.set_class(False, "-shown")

    @property
    def typed(self) -> str:
        return self.value.removeprefix(self.sign)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if not self.sign:
            return
        if not self.value.startswith(self.sign):
            self.action_leave()  # the sign was deleted
        else:
            self.post_message(self.Typed(self.sign, self.typed))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        earlier = self._earlier.setdefault(self.sign, [])
        if self.typed and self.typed not in earlier[-1:]:
            earlier.append(self.typed)
        self.post_message(self.Entered(self.sign, self.typed))

    def action_leave(self) -> None:
        self.post_message(self.Left(self.sign, self.typed))

    def action_earlier(self, by: int) -> None:
        """What was typed after the same sign before."""
        earlier = self._earlier.get(self.sign, [])
        self._at = max(0, min(self._at + by, len(earlier)))
        self.value = self.sign + (earlier[self._at] if self._at < len(earlier) else "")
        self.cursor_position = len(self.value)
