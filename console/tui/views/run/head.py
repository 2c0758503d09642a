"""The head of a run: two or three lines above its panes."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical

from console.presenters.run import HeadLine
from console.presenters.text import line
from console.tui.widgets.bars import Bar

_MOST = 3


class Head(Vertical):
    """Never taller than needed: the third line is there when there is something to say."""

    DEFAULT_CSS = """
    Head { height: auto; padding: 0 1; margin: 0 0 1 0; }
    Head .-empty { display: none; }
    """

    def compose(self) -> ComposeResult:
        for _line in range(_MOST):
            yield Bar(classes="-empty")

    def show(self, lines: Sequence[HeadLine]) -> None:
        """Say this of the run."""
        for at, bar in enumerate(self.query(Bar)):
            shown = lines[at] if at < len(lines) else HeadLine(line())
            bar.set_class(at >= len(lines), "-empty")
            bar.say(shown.left, shown.right)
