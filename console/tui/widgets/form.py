"""A form: fields as rows, filled in where they stand; below them what the field is for.

It holds a draft and what is wrong with it, and knows no engine: what names may be chosen, what an
expression stands for and what the engine objects to is told to it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from console.forms import allowed, placing, values
from console.forms.draft import Draft
from console.forms.fields import Field, Path, Shape, inner, item
from console.forms.folding import Folding
from console.forms.outline import Row
from console.forms.values import ABSENT
from console.i18n import _
from console.presenters.forms import Filled, form_table
from console.presenters.text import Line
from console.tui.navigation import Memory
from console.tui.widgets import fieldchoices
from console.tui.widgets.about import About
from console.tui.widgets.cell import Cell
from console.tui.widgets.choosing import Picker
from console.tui.widgets.dialogs import Question
from console.tui.widgets.grid import Grid, Rows
from console.tui.widgets.textpad import TextPad
from core.errors import Problem

_VALUE_COLUMN = 1
_TYPED_IN_PLACE = frozenset(
    {Shape.TEXT, Shape.NAME, Shape.TARGETS, Shape.WHOLE, Shape.NUMBER, Shape.SECRET}
)

Ask = Callable[[Any], Awaitable[Any]]
"""Shows a modal screen; what it answered. Waits, so it is called in a worker."""


class Form(Widget):
    """The fields of a draft."""

    DEFAULT_CSS = """
    Form { height: 1fr; layout: vertical; layers: base above; }
    Form > Grid { height: 1fr; }
    """

    class Changed(Message):
        """The draft is another."""

    class NamesWanted(Message):
        """Names of documents of this kind could be chosen."""

        def __init__(self, kind: str) -> None:
            super().__init__()
            self.kind = kind

    class Expression(Message):
        """A target expression stands under the cursor, or is being typed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, draft: Draft, memory: Memory, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._draft = draft
        self._before = draft
        """As it was when the value under the cursor began to be typed."""
        self._folding = Folding(memory.more)
        self._objections: Mapping[Path, Sequence[Problem]] = {}
        self._memory = memory

    def compose(self) -> ComposeResult:
        grid = Grid()
        grid.recall(self._memory)
        yield grid
        yield About()
        yield Cell()

    def on_mount(self) -> None:
        self._show()
        self.grid.focus()

    @property
    def grid(self) -> Grid:
        return self.query_one(Grid)

    @property
    def _about(self) -> About:
        return self.query_one(About)

    @property
    def _cell(self) -> Cell:
        return self.query_one(Cell)

    # ------------------------------------------------------------------ what it is told

    @property
    def draft(self) -> Draft:
        return self._draft

    def show(self, draft: Draft) -> None:
        """Fill in this draft instead."""
        self._draft = self._before = draft
        self._objections = {}
        self._show()

    def object_to(self, problems: Mapping[Path, Sequence[Problem]]) -> None:
        """What the engine says is wrong; () is about the whole."""
        if problems != self._objections:
            self._objections = problems
            self._show()

    def offer(self, kind: str, names: Iterable[str]) -> None:
        """Names of documents of a kind, for the fields that name one."""
        self._about.offer(kind, names)
        self._show_about()
        row = self.current
        if self.is_typing and row is not None and row.field.refers_to == kind:
            self._cell.suggest(self._about.names(kind) or ())

    def tell(self, lines: Sequence[Line]) -> None:
        """Something about the field under the cursor, such as what its expression stands for."""
        if self.current is not None:
            self._about.tell(self.current.path, lines)
            self._show_about()

    def memory(self) -> Memory:
        kept = self.grid.memory()
        return Memory(kept.cursor, kept.top, more=self._folding.memory())

    # ------------------------------------------------------------------ what is shown

    @property
    def current(self) -> Row | None:
        filled: Filled | None = self.grid.current
        return None if filled is None else filled.row

    @property
    def is_typing(self) -> bool:
        return self._cell.is_open

    def _show(self) -> None:
        rows = self._folding.rows(self._draft)
        problems = placing.at_nearest(
            {**self._objections, **self._draft.complaints()}, [row.path for row in rows]
        )
        filled = [
            Filled(
                row,
                self._draft.unread.get(row.path),
                problems.get(row.path, ()),
                self._draft.value(row.path) != values.at(self._draft.base, row.path),
            )
            for row in rows
        ]
        self.grid.show(Rows(filled, lambda each: key(each.row.path), form_table))
        self._show_about()

    def _show_about(self) -> None:
        filled: Filled | None = self.grid.current
        typed = self._draft.text(filled.row.path) if filled is not None and self.is_typing else None
        self._about.explain(filled, typed, self._objections.get((), ()))

    def on_grid_moved(self, event: Grid.Moved) -> None:
        row = self.current
        if row is not None:
            if row.field.refers_to and self._about.names(row.field.refers_to) is None:
                self.post_message(self.NamesWanted(row.field.refers_to))
            if row.field.shape is Shape.TARGETS and not self.is_typing:
                self._tell_expression(row)
        self._show_about()

    def _tell_expression(self, row: Row) -> None:
        text = self._draft.text(row.path) or str(row.field.default or "")
        if text:
            self.post_message(self.Expression(text))

    def _become(self, draft: Draft) -> None:
        self._draft = draft
        self._show()
        self.post_message(self.Changed())

    # ------------------------------------------------------------------ what can be done

    def allowed(self) -> frozenset[str]:
        """Actions of the scope `form` that make sense on the row under the cursor."""
        row = self.current
        if row is None or self.is_typing:
            return frozenset()
        return allowed.deeds(row, self._draft)

    async def fill(self, ask: Ask) -> None:
        """Fill in the row under the cursor, or open it where it has rows inside."""
        row = self.current
        if row is None or allowed.is_fixed(row, self._draft):
            return
        text = self._draft.text(row.path)
        match row.field.shape:
            case Shape.LIST | Shape.MAP | Shape.GROUP | Shape.BRANCHES:
                await self._toggle(row, ask)
            case Shape.FLAG:
                self.change(1)
            case Shape.CHOICE:
                chosen = await ask(Picker(row.label, fieldchoices.of_values(row.field), text))
                if chosen is not None:
                    self._become(self._draft.typed(row.path, chosen))
            case shape if shape in _TYPED_IN_PLACE and "\n" not in text:
                self._begin_typing(row, text)
            case _:
                written = await ask(TextPad(row.label, text))
                self._become(self._draft.typed(row.path, written))

    async def _toggle(self, row: Row, ask: Ask) -> None:
        if self._folding.is_open(row.path):
            self._folding.close(row.path)
            self._show()
            return
        draft = self._draft
        if row.field.shape is Shape.BRANCHES and row.value in (ABSENT, None):
            choice = await ask(Picker(row.label, fieldchoices.of_groups(row.field)))
            if choice is None:
                return
            draft = draft.put(row.path, values.blank(row.field, choice))
        elif row.field.shape is Shape.GROUP and row.field.nullable and row.value in (ABSENT, None):
            draft = draft.put(row.path, {})
        self._folding.open(row.path)
        self._become(draft) if draft is not self._draft else self._show()

    def change(self, by: int) -> None:
        """The next or the last of a field's choices."""
        row = self.current
        if row is not None and "change" in self.allowed():
            chosen = allowed.beside(row, self._draft, by)
            self._become(self._draft.typed(row.path, chosen))

    async def add(self, ask: Ask) -> None:
        """Add an item to the list, or a key to the map, under or around the cursor."""
        row = self.current
        if row is None or "add" not in self.allowed():
            return
        path = row.path[:-1] if row.item_of is not None else row.path
        place = values.field_at(self._draft.root, self._draft.body, path)
        step: str | int | None
        if place.shape is Shape.MAP:
            asked = Question(_("add to {name}").format(name=path[-1]), [], prompt=_("the key"),
                             must=True)  # fmt: skip
            step = await ask(asked)
            if step is None or self._draft.value((*path, step)) is not ABSENT:
                return
        else:
            present = self._draft.value(path)
            step = len(present) if isinstance(present, list) else 0
        choice = await self._branch(item(place), ask)
        if choice is None:
            return
        here = (*path, step)
        self._folding.open(path, here)
        self._become(self._draft.put(here, values.blank(item(place), choice)))
        await self._begin(here, item(place), ask)

    async def _branch(self, place: Field, ask: Ask) -> str | None:
        """Which group an item is to be; "" where there is no choice, None: nobody chose."""
        if place.shape is not Shape.BRANCHES:
            return ""
        chosen: str | None = await ask(Picker(_("what kind"), fieldchoices.of_groups(place)))
        return chosen

    async def _begin(self, path: Path, place: Field, ask: Ask) -> None:
        """Go to what was added, and fill in what it needs first."""
        first = next((each.name for each in inner(place, self._draft.value(path))), None)
        self.move_to(path if first is None else (*path, first))
        row = self.current
        if row is not None and row.field.shape in _TYPED_IN_PLACE:
            await self.fill(ask)

    def move_to(self, path: Path) -> None:
        """Put the cursor on a row, where it is shown."""
        at = next((n for n, each in enumerate(self.grid.items) if each.row.path == path), None)
        if at is not None:
            self.grid.move_to(at)

    def open_to(self, path: Path) -> None:
        """Open what is around a field, so that it has a row."""
        self._folding.open_to(path, self._draft)
        self._show()

    def take_away(self) -> None:
        """Without the item, or without a value of the field."""
        if self.current is not None and "remove" in self.allowed():
            self._become(self._draft.drop(self.current.path))

    def revert(self) -> None:
        """With the value that is saved."""
        if self.current is not None and "revert" in self.allowed():
            self._become(self._draft.reverted(self.current.path))

    def move(self, by: int) -> None:
        """Change places with another item of the list."""
        row = self.current
        if row is not None and "move" in self.allowed():
            *around, step = row.path
            assert isinstance(step, int)
            self._become(self._draft.move(row.path, by))
            self.move_to((*around, step + by))

    def show_everything(self) -> None:
        """Also the fields that few documents need; or without them again."""
        self._folding.toggle_everything()
        self._show()

    def written(self, path: Path, text: str) -> None:
        """A text that was written somewhere else, such as in an editor."""
        self._become(self._draft.typed(path, text))

    # ------------------------------------------------------------------ typing in place

    def _begin_typing(self, row: Row, text: str) -> None:
        self._before = self._draft
        self._place_cell()
        self._cell.open(
            text,
            unset=allowed.default(row.field),
            is_secret=row.field.shape is Shape.SECRET,
            names=self._about.names(row.field.refers_to) or (),
        )
        self._show_about()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        row = self.current
        if not self.is_typing or row is None or row.field.shape is Shape.SECRET:
            return
        self._become(self._before.typed(row.path, event.value))
        if row.field.shape is Shape.TARGETS and event.value:
            self.post_message(self.Expression(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._end_typing()

    def on_cell_next(self, event: Cell.Next) -> None:
        event.stop()
        self._end_typing()
        self.grid.move_to(self.grid.position + event.by)

    def on_cell_left(self, event: Cell.Left) -> None:
        event.stop()
        row = self.current
        is_new = row is not None and row.item_of is not None and row.value in ("", None)
        self._close_cell()
        self._become(self._before.drop(row.path) if row is not None and is_new else self._before)

    def _end_typing(self) -> None:
        row, text = self.current, self._close_cell()
        if row is None:
            return
        if row.field.shape is Shape.SECRET:
            if text:
                self._become(self._draft.typed(row.path, text))
        elif not text and row.item_of is Shape.LIST:
            self._become(self._draft.drop(row.path))
        self._show_about()

    def _close_cell(self) -> str:
        """Give the keys back to the rows; what was typed."""
        text = self._cell.close()
        self.grid.focus()
        return text

    def on_resize(self) -> None:
        if self.is_typing:
            self._place_cell()

    def _place_cell(self) -> None:
        """Over the value under the cursor, and as far as there is room."""
        self._cell.lie_over(self.grid.cell(_VALUE_COLUMN), self.grid.size.width)


def key(path: Path) -> str:
    """A path as the key of a row."""
    return json.dumps(path)
