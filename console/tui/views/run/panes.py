"""What every pane of a run is: something of it that is loaded when it is in sight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from console.actions import Scope
from console.answers import RunDetail
from console.i18n import _
from console.presenters.durations import number
from console.presenters.nodes import Branch
from console.presenters.text import Line, Span, Table, Tone, line
from console.trees import Graph
from console.tui.filters import Filter, parse
from console.tui.narrowing import Narrowing
from console.tui.navigation import Memory
from console.tui.widgets.grid import Grid, Rows
from console.tui.widgets.reader import Flowing, Reader

if TYPE_CHECKING:
    from console.tui.app import JobdeckApp


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the panes show: the run as it was read last, and the step that is meant."""

    run: RunDetail
    tree: Branch
    graph: Graph
    """Nodes and edges of the definition; {} where the run is no flow."""
    step: str = ""
    """"" before any step has begun."""
    attempt: int = 0
    """Of that step, the newest; 0 where it has not begun."""
    counts: dict[str, int] = field(default_factory=dict)
    """Of that attempt: state -> number of hosts."""


class Pane(Widget):
    """Subclasses say when they are there, and load themselves."""

    NAME: ClassVar[str]
    SCOPE: ClassVar[Scope | None] = None
    """The scope of actions of its own; handlers are `do_NAME` methods."""
    READS: ClassVar[Scope] = Scope.LIST
    """Whether it has rows, or is read line by line."""
    WITHOUT: ClassVar[frozenset[str]] = frozenset()
    """Actions of lists or texts that make no sense in it."""
    DEFAULT_CSS = "Pane { height: 1fr; width: 1fr; display: none; } Pane.-open { display: block; }"

    class Changed(Message):
        """What it says of itself, or what actions would be about, has changed."""

    class Wanted(Message):
        """It wants to be loaded anew: another part of it is asked for."""

    @property
    def deck(self) -> JobdeckApp:
        return cast("JobdeckApp", self.app)

    @property
    def is_open(self) -> bool:
        return self.has_class("-open")

    def title(self) -> str:
        """Its tab."""
        raise NotImplementedError

    def is_there(self, run: RunDetail) -> bool:
        """Whether such a run has anything for it."""
        return True

    async def load(self, seen: Seen) -> None:
        """Ask for what is shown, and show it. May raise OpsError."""

    def hosts(self) -> tuple[str, ...]:
        """Hosts that are marked in it: actions are then about these."""
        return ()

    def host(self) -> str:
        """The host under the cursor; "" where there is none."""
        return ""

    def names(self) -> tuple[str, ...]:
        """What `copy the name` copies; nothing means the run's id."""
        return ()

    def perform(self, name: str) -> None:
        """Carry out an action of lists or of texts."""

    def filter(self, text: str, *, done: bool = True) -> None:
        """Narrow what is shown; `done`: it was typed to its end. May raise BadFilter."""

    def escape(self) -> bool:
        """End what is narrowed or marked; False where nothing is."""
        return False

    def said(self) -> Line:
        """For the status line."""
        return ()

    def recollection(self) -> Memory:
        return Memory()

    def recall(self, memory: Memory) -> None:
        """Be as it was left."""


class GridPane(Pane):
    """Rows with a cursor, marks and a filter."""

    FIELDS: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.wanted = Filter()
        self._narrowing = Narrowing(self.present, lambda _item: {})
        self._key: Callable[[Any], str] = str
        self._more = False

    def compose(self) -> ComposeResult:
        yield Grid()

    @property
    def grid(self) -> Grid:
        return self.query_one(Grid)

    def present(self, items: Sequence[Any]) -> Table:
        """The presenter's table of some items."""
        raise NotImplementedError

    def empty(self) -> Sequence[str]:
        """What to say where there is nothing."""
        return ()

    def show_items(
        self, items: Sequence[Any], key: Callable[[Any], str], *, more: bool = False
    ) -> None:
        """Show these, as far as the filter lets them through."""
        self._narrowing.take(items)
        self._key, self._more = key, more
        shown = self._narrowing.through(self.wanted)
        nothing = (
            [_("nothing fits the filter"), _("esc shows everything")]
            if self.wanted.text
            else self.empty()
        )
        self.grid.show(Rows(shown, key, self.present, more=more, empty=nothing))
        self.post_message(self.Changed())

    def begin_anew(self) -> None:
        """Another list has come: what was marked in the one before, and where, means nothing."""
        self.grid.unmark()
        self.grid.move_to(0)

    def perform(self, name: str) -> None:
        if name == "filter":
            self.deck.type_filter(self.wanted.text)
        else:
            self.grid.perform_list(name)

    def filter(self, text: str, *, done: bool = True) -> None:
        wanted = parse(text, self.FIELDS)
        is_asked = wanted.fields != self.wanted.fields
        if is_asked and not done:
            return  # the engine is asked when it is known for what
        self.wanted = wanted
        if is_asked:
            self.post_message(self.Wanted())
            return
        self.show_items(self._narrowing.items, self._key, more=self._more)

    def escape(self) -> bool:
        if self.grid.marked:
            self.grid.unmark()
        elif self.wanted.text:
            self.filter("")
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

    def recall(self, memory: Memory) -> None:
        self.wanted = parse(memory.filter, self.FIELDS)
        self.grid.recall(memory)

    def on_grid_moved(self, event: Grid.Moved) -> None:
        event.stop()
        self.post_message(self.Changed())

    def on_grid_opened(self, event: Grid.Opened) -> None:
        event.stop()
        if self.grid.current is not None:
            self.open_item(self.grid.current)

    def open_item(self, item: Any) -> None:
        """Open what the cursor stands on."""


class TextPane(Pane):
    """Lines that are read."""

    READS = Scope.TEXT

    def compose(self) -> ComposeResult:
        yield Reader(is_wide=True)

    @property
    def reader(self) -> Reader:
        return self.query_one(Reader)

    def show(self, parts: Sequence[Line | Table]) -> None:
        self.reader.show(parts)

    def show_flowing(self, parts: Flowing) -> None:
        self.reader.show_flowing(parts)

    def perform(self, name: str) -> None:
        self.reader.perform_text(name)

    def said(self) -> Line:
        count, height = len(self.reader.lines), self.reader.size.height
        if count <= height:
            return ()
        last = min(count, self.reader.top + height)
        return line(Span(f" {number(last)}/{number(count)}", Tone.QUIET))

    def recollection(self) -> Memory:
        return Memory(top=self.reader.top)

    def on_reader_moved(self, event: Reader.Moved) -> None:
        event.stop()
        self.post_message(self.Changed())
