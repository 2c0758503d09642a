"""Two runs beside each other: what was asked differently, and how each host answered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical

from console.actions import Scope, Subject
from console.answers import Diff, PairGroup, RunComparison
from console.client import Client
from console.i18n import _
from console.presenters.changes import diff_lines
from console.presenters.comparing import asked_lines, asked_note, pairs_table, side_line, sums_line
from console.presenters.results import short_id
from console.presenters.text import Line, Span, Table, Tone, line
from console.tui.navigation import Memory, Place
from console.tui.views.listing import ListView
from console.tui.widgets.bars import Bar
from console.tui.widgets.grid import Grid
from console.tui.widgets.reader import Reader
from core.errors import RequestError


class ComparisonView(ListView):
    """`comparison A B`: groups of hosts above, the output of one of them below."""

    SCOPE = Scope.COMPARISON
    IS_FILTER = False
    EMPTY = staticmethod(lambda: (_("no host took part in either run"),))
    DEFAULT_CSS = """
    ComparisonView > Vertical { height: auto; padding: 0 1; margin: 0 0 1 0; }
    ComparisonView > Grid { height: auto; max-height: 60%; min-height: 4; }
    ComparisonView > Reader { height: 1fr; border-top: solid $tone-rule; }
    """

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        words = place.argument.split()
        self._runs = (words[0], words[1]) if len(words) > 1 else ("", "")
        self._found: RunComparison | None = None
        self._read_of = ""
        """Key of the group and name of the host whose outputs stand below."""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Bar()
            yield Bar()
            yield Bar()
        yield from super().compose()
        reader = Reader(is_wide=True)
        reader.can_focus = False
        yield reader

    async def load(self) -> None:
        a, b = self._runs
        if not b:
            raise RequestError(
                _("two runs are compared, and the second is missing"),
                hint=_("mark two runs in the list, and press ="),
            )
        found = await self.deck.link.ask(lambda client: client.compare(a, b, None))
        self._found, now = found, self.deck.clock.now()
        sides = [side_line("A", found.a, now), side_line("B", found.b, now)]
        sums = (*sums_line(found), *asked_note(found))
        for bar, shown in zip(self.query(Bar), [*sides, sums], strict=True):
            bar.say(shown)
        self.show_items(found.groups, _key)
        self.grid.refresh(layout=True)

    def present(self, items: Sequence[PairGroup]) -> Table:
        return pairs_table(items)

    def title(self) -> str:
        a, b = map(short_id, self._runs)
        return _("compare {a} with {b}").format(a=a, b=b)

    def subject(self) -> Subject:
        group: PairGroup | None = self.grid.current
        if group is None or self._found is None:
            return Subject()
        hosts = tuple(group.hosts)
        return Subject(kind="host", names=hosts, values={"host": hosts[0] if hosts else ""})

    def cli(self) -> str:
        return f"jobdeck runs compare {self._runs[0]} {self._runs[1]}"

    def api(self) -> str:
        return f"/runs/{self._runs[0]}/comparison?with={self._runs[1]}"

    def on_grid_moved(self, event: Grid.Moved) -> None:
        group: PairGroup | None = self.grid.current
        if group is not None and group.hosts:
            self.run_worker(
                self._guarded(self._read(group, group.hosts[0])), group="output", exclusive=True
            )

    def open_item(self, item: PairGroup) -> None:
        self.do_next_host()

    async def _read(self, group: PairGroup, host: str) -> None:
        """Show in what a host's two outputs differ."""
        self._read_of = f"{_key(group)} {host}"
        head = line(Span(host, Tone.STRONG), Span(f"  {group.step}", Tone.QUIET))
        if group.a is None or group.b is None:
            only = _("only one of the two runs touched it")
            self._show_lines([head, line(Span(only, Tone.QUIET))])
            return
        a, b = self._runs
        query: dict[str, Any] = {"with": b, "host": host, "step": group.step}
        ask = partial(Client.compare_output, run_id=a, query=query)
        found: Diff = await self.deck.link.ask(ask)
        if self._read_of == f"{_key(group)} {host}":
            self._show_lines([head, *_difference(found)])

    def _show_lines(self, lines: Sequence[Line]) -> None:
        reader = self.query_one(Reader)
        reader.show(lines)
        reader.move_to(0)

    # ------------------------------------------------------------------ actions

    def do_next_host(self) -> None:
        """The next host of the group under the cursor."""
        group: PairGroup | None = self.grid.current
        if group is None or not group.hosts:
            return
        host = self._read_of.removeprefix(f"{_key(group)} ")
        at = group.hosts.index(host) + 1 if host in group.hosts else 0
        chosen = group.hosts[at % len(group.hosts)]
        self.run_worker(self._guarded(self._read(group, chosen)), group="output", exclusive=True)

    def do_first(self) -> None:
        self.deck.go(Place("run", short_id(self._runs[0])))

    def do_second(self) -> None:
        self.deck.go(Place("run", short_id(self._runs[1])))

    def do_asked(self) -> None:
        """What was asked differently, in the place of an output."""
        if self._found is not None:
            lines = [*asked_lines(self._found.definition)]
            self._read_of = ""
            self._show_lines(lines or [line(Span(_("both were asked the same"), Tone.QUIET))])

    def do_scroll_down(self) -> None:
        self.query_one(Reader).perform_text("page_down")

    def do_scroll_up(self) -> None:
        self.query_one(Reader).perform_text("page_up")


def _key(group: PairGroup) -> str:
    return f"{group.step} {group.difference} {group.folded}"


def _difference(found: Diff) -> list[Line]:
    if not found.lines:
        return [line(Span(_("the answers are alike"), Tone.QUIET))]
    lines = [*diff_lines(found.lines)]
    if found.truncated:
        more = _("there is more; only the beginning was compared")
        lines.append(line(Span(more, Tone.WARNING)))
    return lines
