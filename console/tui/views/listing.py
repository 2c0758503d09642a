"""A view that is one list: a grid, a filter, marks, and pages that come as one scrolls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult

from console.actions import Scope, Subject
from console.i18n import _
from console.presenters.durations import number
from console.presenters.text import Line, Span, Tone, line
from console.tui.filters import BadFilter, Filter, every, parse
from console.tui.narrowing import Narrowing
from console.tui.navigation import Memory, Place
from console.tui.views.base import View
from console.tui.widgets.grid import Grid, Present, Rows


class ListView(View):
    """Subclasses ask in `load` and hand what came to `show_items`."""

    ALSO = (Scope.LIST,)
    EMPTY: ClassVar[Callable[[], Sequence[str]]] = staticmethod(lambda: ())
    """What to say, and what to do next, where there is nothing."""
    IS_FILTER: ClassVar[bool] = True
    """Whether the place's argument is a filter; else it names what the list belongs to."""

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        self.wanted = Filter()
        try:
            given = place.argument if self.IS_FILTER else ""
            self.wanted = parse(given or memory.filter, self.FIELDS)
        except BadFilter as bad:
            self._bad = str(bad)
        else:
            self._bad = ""
        self._narrowing = Narrowing(self.present, self.labels_of)
        self._key: Callable[[Any], str] = str
        self._more = False

    def compose(self) -> ComposeResult:
        grid = Grid()
        grid.recall(self.memory)
        yield grid

    def on_mount(self) -> None:
        self.grid.focus()
        if self._bad:
            self.deck.say(self._bad, Tone.BAD)

    @property
    def grid(self) -> Grid:
        return self.query_one(Grid)

    # ------------------------------------------------------------------ for subclasses

    def present(self, items: Sequence[Any]) -> Any:
        """The presenter's table of some items."""
        raise NotImplementedError

    def empty_text(self) -> Sequence[str]:
        """What to say, and what to do next, where there is nothing."""
        return type(self).EMPTY()

    def labels_of(self, item: Any) -> Mapping[str, str]:
        """An item's labels, for `/-l`."""
        return {}

    def show_items(
        self,
        items: Sequence[Any],
        key: Callable[[Any], str],
        *,
        more: bool = False,
        before: bool = False,
    ) -> None:
        """Show these, as far as the filter lets them through."""
        self._narrowing.take(items)
        self._key, self._more = key, more
        shown = self._narrowing.through(self.wanted)
        empty = [_("nothing fits the filter"), _("esc shows everything")]
        self.grid.show(
            Rows(
                shown,
                key,
                self._present,
                more=more,
                before=before,
                empty=empty if self.wanted.text and not shown else self.empty_text(),
            )
        )
        self.post_message(self.Said())

    @property
    def is_narrowed(self) -> bool:
        """Whether the filter says more than what the engine was asked for."""
        return bool(self.wanted.labels) or self.wanted.keep is not every

    @property
    def _present(self) -> Present:
        return self.present

    # ------------------------------------------------------------------ as a view

    def filter(self, text: str, *, done: bool) -> None:
        before, self.wanted = self.wanted, parse(text, self.FIELDS)
        if self.wanted.fields != before.fields:
            if not done:
                self.wanted = before  # the engine is asked when it is known for what
                return
            self.grid.clear_widths()
            self.reload()
            return
        try:
            self.show_items(self._narrowing.items, self._key, more=self._more)
        except BadFilter:
            self.wanted = before
            raise

    def subject(self) -> Subject:
        """The rows that are meant, by their keys; views of one kind of thing say more."""
        return Subject(names=tuple(map(self._key, self.grid.chosen)))

    def escape(self) -> bool:
        if self.grid.marked:
            self.grid.unmark()
        elif self.wanted.text:
            self.filter("", done=True)
        else:
            return False
        return True

    def said(self) -> Line:
        count = len(self.grid.items)
        at = number(self.grid.position + 1) if count else "0"
        pieces: list[str | Span] = [f" {at}/{number(count)}{'+' if self._more else ''}"]
        if self.wanted.text:
            pieces.append(Span(f"   /{self.wanted.text}", Tone.BUSY))
        if self.grid.marked:
            marked = _("{count} marked").format(count=number(len(self.grid.marked)))
            pieces.append(Span(f"   * {marked}", Tone.STRONG))
        return line(*pieces)

    def recollection(self) -> Memory:
        kept = self.grid.memory()
        return Memory(kept.cursor, kept.top, self.wanted.text, kept.marked)

    def perform_list(self, name: str) -> None:
        if name == "filter":
            self.deck.type_filter(self.wanted.text)
        else:
            self.grid.perform_list(name)

    def on_grid_moved(self, event: Grid.Moved) -> None:
        event.stop()
        self.refresh_bindings()
        self.post_message(self.Said())

    def on_grid_opened(self, event: Grid.Opened) -> None:
        event.stop()
        if self.grid.items:
            self.open_item(self.grid.current)

    def open_item(self, item: Any) -> None:
        """Open what the cursor stands on."""

    def on_grid_near_end(self, event: Grid.NearEnd) -> None:
        event.stop()
        self.more_wanted()

    def more_wanted(self) -> None:
        """The end of what is there comes near; a list that comes in pages asks for the next."""
