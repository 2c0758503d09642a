"""A view that is one text: what a presenter says of one thing, read line by line."""

from __future__ import annotations

from textual.app import ComposeResult

from console.actions import Scope
from console.presenters.durations import number
from console.presenters.text import Line, Span, Tone, line
from console.tui.navigation import Memory
from console.tui.views.base import View
from console.tui.widgets.reader import Parts, Reader


class ReadingView(View):
    """Subclasses ask in `load` and hand what came to `show_text`."""

    ALSO = (Scope.TEXT,)

    def compose(self) -> ComposeResult:
        yield Reader()

    def on_mount(self) -> None:
        self.reader.focus()

    @property
    def reader(self) -> Reader:
        return self.query_one(Reader)

    def show_text(self, parts: Parts) -> None:
        """Show this; where it was left, if it was open before, when it comes first."""
        self.reader.show(parts)
        if self.memory.top:
            self.reader.move_to(self.memory.top)
            self.memory = Memory()

    def recollection(self) -> Memory:
        return Memory(top=self.reader.top)

    def said(self) -> Line:
        count, shown = len(self.reader.lines), self.reader.size.height
        if count <= shown:
            return ()
        last = min(count, self.reader.top + shown)
        return line(Span(f" {number(last)}/{number(count)}", Tone.QUIET))

    def perform_text(self, name: str) -> None:
        self.reader.perform_text(name)

    def on_reader_moved(self, event: Reader.Moved) -> None:
        event.stop()
        self.post_message(self.Said())
