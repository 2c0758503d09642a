"""The steps or nodes of a run as a tree, with the runs that they asked for."""

from __future__ import annotations

from collections.abc import Sequence

from textual.message import Message

from console.i18n import _
from console.presenters.nodes import Twig, twigs, twigs_table
from console.presenters.results import short_id
from console.presenters.text import Table
from console.tui.navigation import Memory, Place
from console.tui.views.run.panes import GridPane, Seen


class NodesPane(GridPane):
    """What its cursor stands on is what the other panes are about."""

    class Opened(Message):
        """A node of the run itself is to be looked into."""

        def __init__(self, twig: Twig) -> None:
            super().__init__()
            self.twig = twig

    NAME = "nodes"
    WITHOUT = frozenset({"mark", "mark_all"})

    def __init__(self) -> None:
        super().__init__()
        self._run = ""
        self._is_first = True
        """Whether the cursor is still to be put on what matters now."""

    def title(self) -> str:
        return _("steps")

    def empty(self) -> Sequence[str]:
        return [_("no step has started")]

    async def load(self, seen: Seen) -> None:
        self._run = seen.run.id
        rows = [*twigs(seen.tree, self.deck.clock.now())]
        self.show_items(rows, lambda twig: twig.key)
        if self._is_first:
            self._is_first = False
            self.stand_on(next((row.node for row in rows if row.matters), ""))

    def present(self, items: Sequence[Twig]) -> Table:
        return twigs_table(items)

    @property
    def chosen(self) -> Twig | None:
        """The row under the cursor."""
        found: Twig | None = self.grid.current
        return found

    def node(self) -> str:
        """The node of this run under the cursor; "" where there is none."""
        twig = self.chosen
        return twig.node if twig is not None and twig.run == self._run else ""

    def stand_on(self, node: str) -> None:
        """Put the cursor on a node of this run."""
        for at, twig in enumerate(self.grid.items):
            if (twig.run, twig.node) == (self._run, node):
                self.grid.move_to(at)

    def recall(self, memory: Memory) -> None:
        super().recall(memory)
        self._is_first = False

    def names(self) -> tuple[str, ...]:
        twig = self.chosen
        return (twig.node or twig.run,) if twig is not None else ()

    def open_item(self, item: Twig) -> None:
        if item.run == self._run:
            self.post_message(self.Opened(item))
        elif " " not in item.run:
            rest = f" hosts {item.node}" if item.node else ""
            self.deck.go(Place("run", f"{short_id(item.run)}{rest}"))
