"""Hosts that answered alike, what they answered, and in what two groups differ."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from console.actions import Scope
from console.answers import Diff, Group, Groups
from console.client import Client
from console.i18n import _
from console.presenters.changes import diff_lines
from console.presenters.results import hosts_word
from console.presenters.run_hosts import groups_table, has_ended, sample_lines
from console.presenters.text import Line, Span, Table, Tone, line
from console.tui.views.run.panes import GridPane, Seen
from console.tui.widgets.grid import Grid
from console.tui.widgets.reader import Reader
from core.domain.hostrange import expand


class GroupsPane(GridPane):
    """Groups above; below them the answer of the one under the cursor, or a difference."""

    NAME = "groups"
    SCOPE = Scope.GROUPS
    DEFAULT_CSS = """
    GroupsPane Grid { height: auto; max-height: 50%; min-height: 3; }
    GroupsPane Reader { height: 1fr; border-top: solid $tone-rule; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: Seen | None = None
        self._compared: tuple[str, ...] = ()
        """Keys of two groups whose difference is shown instead of an answer."""

    def compose(self) -> ComposeResult:
        yield Grid()
        reader = Reader(is_wide=True)
        reader.can_focus = False
        yield reader

    def title(self) -> str:
        return _("identical output")

    def empty(self) -> Sequence[str]:
        return [_("no host has answered yet"), _("groups appear as hosts answer")]

    async def load(self, seen: Seen) -> None:
        is_other = self._seen is not None and self._seen.step != seen.step
        self._seen = seen
        if not seen.attempt or not seen.counts:
            self.show_items([], _key)
            return
        query = {"step": seen.step, "attempt": seen.attempt}
        found: Groups = await self.deck.link.ask(lambda client: client.groups(seen.run.id, query))
        self.show_items([each for each in found.groups if has_ended(each)], _key)
        if is_other:
            self.begin_anew()
        self.grid.refresh(layout=True)
        self._show_answer()

    def present(self, items: Sequence[Group]) -> Table:
        return groups_table(items)

    def hosts(self) -> tuple[str, ...]:
        if not self.grid.marked:
            return ()
        return tuple(host for group in self.grid.chosen for host in expand(group.hosts))

    def host(self) -> str:
        group: Group | None = self.grid.current
        return group.sample.host if group is not None and group.sample is not None else ""

    def names(self) -> tuple[str, ...]:
        return tuple(group.hosts for group in self.grid.chosen)

    def on_grid_moved(self, event: Grid.Moved) -> None:
        self._compared = ()
        self._show_answer()

    def open_item(self, item: Group) -> None:
        """Scroll the answer: the cursor keeps its place."""
        self.query_one(Reader).perform_text("page_down")

    def escape(self) -> bool:
        if self._compared:
            self._compared = ()
            self._show_answer()
            return True
        return super().escape()

    def _show_answer(self) -> None:
        group: Group | None = self.grid.current
        if not self._compared:
            self._read([*sample_lines(group)] if group is not None else [])

    def _read(self, parts: Sequence[Line]) -> None:
        reader = self.query_one(Reader)
        reader.show(parts)
        reader.move_to(0)

    # ------------------------------------------------------------------ actions

    async def do_difference(self) -> None:
        """Of two marked groups; of one, and the largest of the others."""
        chosen: list[Group] = self.grid.chosen
        others = [each for each in self.grid.items if each not in chosen]
        if len(chosen) == 1 and others:
            chosen.append(max(others, key=lambda group: group.count))
        if len(chosen) != 2 or self._seen is None:
            self.deck.say(_("two groups are needed: mark them with space"), Tone.WARNING)
            return
        a, b = chosen
        seen = self._seen
        query = {
            "step": seen.step,
            "attempt": seen.attempt,
            "a": a.ordinals[0],
            "b": b.ordinals[0],
        }
        found: Diff = await self.deck.link.ask(
            lambda client: Client.groups_diff(client, seen.run.id, query)
        )
        self._compared = (_key(a), _key(b))
        self._read([*_difference(found, a, b)])


def _difference(found: Diff, a: Group, b: Group) -> list[Line]:
    lines = [
        line(Span(f"--- {a.hosts} ({hosts_word(a.count)})", Tone.BAD)),
        line(Span(f"+++ {b.hosts} ({hosts_word(b.count)})", Tone.GOOD)),
        *diff_lines(found.lines),
    ]
    if not found.lines:
        lines.append(line(_("the answers are alike")))
    if found.truncated:
        more = _("there is more; only the beginning was compared")
        lines.append(line(Span(more, Tone.WARNING)))
    return lines


def _key(group: Group) -> str:
    return f"{group.state} {group.exit_code} {group.digest} {group.reason} {group.resolved_by}"
