"""Panes that are read: the drawing of a flow, what really ran, the record."""

from __future__ import annotations

from typing import Any

from console.answers import Executed, RunDetail
from console.i18n import _
from console.presenters.acting import notes_table, operations_table
from console.presenters.batches import batches_table
from console.presenters.carried import carried_table
from console.presenters.dangers import dangers_table
from console.presenters.executed import executed_parts
from console.presenters.graph import boxes, drawn
from console.presenters.nodes import is_flow, nodes_table
from console.presenters.run import carried_of, detail_table
from console.presenters.text import Line, Span, Table, Tone, line
from console.tui.views.run.panes import Seen, TextPane
from core.domain.flow import Edge


class GraphPane(TextPane):
    """The flow as a drawing with live states; where there is no room for it, as its tree."""

    NAME = "graph"

    def title(self) -> str:
        return _("drawing")

    def is_there(self, run: RunDetail) -> bool:
        return is_flow(run)

    def __init__(self) -> None:
        super().__init__()
        self._is_first = True
        """Whether what matters now is still to be brought into sight."""

    async def load(self, seen: Seen) -> None:
        nodes, now = boxes(seen.run), self.deck.clock.now()
        edges = [Edge.model_validate(each) for each in seen.graph.get("edges", ())]

        def parts(cells: int) -> list[Line | Table]:
            drawing = drawn(nodes, edges, cells)
            if drawing is not None:
                return [*drawing.lines]
            text = _("There is no room for the drawing; this is the tree of its nodes.")
            return [line(Span(text, Tone.QUIET)), line(""), nodes_table(seen.tree, now)]

        self.show_flowing(parts)
        drawing = drawn(nodes, edges, self.reader.size.width)
        if self._is_first and drawing is not None:
            self._is_first = False
            self.reader.move_to(drawing.focus)


class ExecutedPane(TextPane):
    """What really ran: on all hosts of the step, or on the one that was pointed at."""

    NAME = "executed"

    def __init__(self) -> None:
        super().__init__()
        self.of_host = ""
        """"": all of them."""

    def title(self) -> str:
        return _("what really ran")

    async def load(self, seen: Seen) -> None:
        if not seen.attempt:
            self.show([line(Span(_("the step has not begun"), Tone.QUIET))])
            return
        query: dict[str, Any] = {"step": seen.step, "attempt": seen.attempt, "host": self.of_host}
        found: Executed = await self.deck.link.ask(
            lambda client: client.executed(seen.run.id, query)
        )
        self.show([*executed_parts(found)])

    def escape(self) -> bool:
        if not self.of_host:
            return False
        self.of_host = ""
        self.post_message(self.Wanted())
        return True


class BatchesPane(TextPane):
    """The batches of rolling steps."""

    NAME = "batches"

    def title(self) -> str:
        return _("batches")

    def is_there(self, run: RunDetail) -> bool:
        return bool(run.batches)

    async def load(self, seen: Seen) -> None:
        self.show([batches_table(seen.run.batches, self.deck.clock.now())])


class RecordPane(TextPane):
    """What was asked for, what people did since, rules that it met, and notes."""

    NAME = "record"

    def title(self) -> str:
        return _("record")

    async def load(self, seen: Seen) -> None:
        run, now = seen.run, self.deck.clock.now()
        lost, asked, noted = await self.deck.link.ask(
            lambda client: (
                client.lost_lines(run.id),
                list(client.operations(run.id)),
                list(client.notes(run.id)),
            )
        )
        carried = carried_of(run)
        parts: list[Line | Table] = [detail_table(run, now, lost)]
        for title, table in (
            (_("FILES"), carried_table(carried) if carried else None),
            (_("RULES"), dangers_table(run.dangers, now) if run.dangers else None),
            (_("WHAT PEOPLE ASKED"), operations_table(asked, now)),
            (_("NOTES"), notes_table(noted, now)),
        ):
            if table is not None:
                parts += [line(""), line(Span(title, Tone.QUIET)), table]
        self.show(parts)
