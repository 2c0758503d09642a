"""Taking along what a view of output shows: to the clipboard, to a file, to a pager."""

from __future__ import annotations

import os
from functools import partial

from textual.app import ComposeResult, SuspendNotSupported

from console.answers import RunDetail
from console.i18n import _, ngettext
from console.logs.log import Log
from console.logs.shown import plain
from console.logs.wanted import Wanted
from console.logs.window import Window
from console.presenters.durations import number, size
from console.presenters.text import Tone
from console.tui import outputs
from console.tui.feed import Feed
from console.tui.navigation import Memory, Place
from console.tui.views.base import View
from console.tui.widgets.dialogs import Question
from console.tui.widgets.logview import LogView

_MOST_COPIED_BYTES = 100_000
"""Terminals pass over more."""


class TakingView(View):
    """A view of one log. A subclass fills it."""

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        self.wanted = Wanted("")
        self.detail: RunDetail | None = None
        self.printed = Log()
        self.feed: Feed | None = None

    def compose(self) -> ComposeResult:
        yield LogView()

    @property
    def shown(self) -> LogView:
        return self.query_one(LogView)

    @property
    def window(self) -> Window:
        return self.shown.window

    @property
    def is_merged(self) -> bool:
        """Whether lines of several hosts stand together."""
        return len(self.printed.hosts) > 1

    async def do_copy(self) -> None:
        rows = sorted(self.window.marked) or [self.window.cursor[0]]
        if self.feed is not None:
            self.feed.moved()
            await self.feed.fetch(lambda: self.printed.missing(rows))
        texts = [plain(row) for row in map(self.printed.row, rows) if row is not None]
        text = "\n".join(texts)
        if len(text.encode()) > _MOST_COPIED_BYTES:
            self.deck.say(_("too much for a clipboard; `save` writes a file"), Tone.WARNING)
            return
        self.deck.copy_to_clipboard(text)
        said = ngettext("copied {count} line", "copied {count} lines", len(texts))
        if "TMUX" in os.environ:
            said += _("; tmux passes it on where `set-clipboard` is on")
        self.deck.say(said.format(count=number(len(texts))), Tone.GOOD)

    async def do_save(self) -> None:
        asked = Question(_("save the output"), [], prompt=_("path of a new file"), must=True)
        text = await self.deck.question(asked)
        if text is not None:
            written = await self._save(text)
            self.deck.say(f"{text}: {size(written)}", Tone.GOOD)

    async def do_pager(self) -> None:
        with outputs.new_file() as path:
            await self._save(path)
            try:
                with self.deck.suspend():
                    outputs.show_in_pager(path)
            except SuspendNotSupported:
                self.deck.say(_("this terminal cannot be given to a pager"), Tone.WARNING)

    async def _save(self, path: str) -> int:
        """Write everything that is there now; how many bytes that were."""
        assert self.detail is not None, "an action of a run's output"
        saving = partial(
            outputs.save,
            run_id=self.detail.id,
            numbers=self.printed.numbers,
            only=self.wanted.only,
            names=self.is_merged,
            path=path,
        )
        return await self.deck.link.act(saving)
