"""The view of one run: `run ID [PANE [STEP]]`.

A narrow window holds one pane at a time. A wide one has the steps at the left, and beside them
another pane about the step under the cursor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer

from console.actions import Action, Scope, Subject
from console.actions.run import PANES
from console.i18n import _
from console.presenters.document import tabs_line
from console.presenters.nodes import is_flow
from console.presenters.results import short_id
from console.presenters.run import head_lines
from console.presenters.text import Line
from console.trees import Graph
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.run.acting import ActsOnRun
from console.tui.views.run.groups import GroupsPane
from console.tui.views.run.head import Head
from console.tui.views.run.hosts import HostsPane
from console.tui.views.run.nodes import NodesPane
from console.tui.views.run.panes import Pane, Seen
from console.tui.views.run.reading import LAST, Read, about, ids_inside, read_run, run_before
from console.tui.views.run.texts import BatchesPane, ExecutedPane, GraphPane, RecordPane
from console.tui.widgets.bars import Bar
from console.tui.widgets.dialogs import Question

_WIDE = 150
"""Cells from which two panes stand beside each other."""
_NODES, _FIRST_DETAIL = "nodes", "hosts"
_REST, _MOST_REST_S = 3.0, 1.5
"""Between two loads at least so many times what the last one took, so that a big run stays cheap;
and at most so many seconds, so that a slow engine is not shown even later.
"""


class Tabs(Bar):
    """The panes that such a run has, and which of them is open."""


class RunView(ActsOnRun):
    """A run, what came of it, and what may be done about it."""

    SCOPE = Scope.RUN
    ALSO: ClassVar[tuple[Scope, ...]] = (Scope.LIST, Scope.TEXT, Scope.HOSTS, Scope.GROUPS)
    DEFAULT_CSS = """
    RunView > Horizontal { height: 1fr; }
    RunView.-wide NodesPane { width: 2fr; max-width: 90; border-right: solid $tone-rule; }
    RunView.-wide .-detail { width: 3fr; }
    """

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        words = place.argument.split()
        self._asked = words[0] if words else LAST
        kept = memory.more
        named = words[1] if len(words) > 1 and words[1] in PANES else ""
        self.open_name = kept.get("pane", named or _NODES)
        self._detail = kept.get("detail", named or _FIRST_DETAIL)
        self._step_wanted: str = kept.get("step", words[2] if len(words) > 2 else "")
        self._graphs: dict[str, Graph] = {}
        self._family: frozenset[str] = frozenset()
        """Ids of the run and of those inside it: what happens to them concerns this view."""
        self._seen: Seen | None = None
        self._pointed = ""
        """The node that the panes were loaded for."""
        self._rests_until = 0.0
        self._waiting: Timer | None = None
        self.panes: dict[str, Pane] = {
            pane.NAME: pane
            for pane in (
                NodesPane(), HostsPane(), GroupsPane(), GraphPane(),
                ExecutedPane(), BatchesPane(), RecordPane(),
            )
        }  # fmt: skip

    def compose(self) -> ComposeResult:
        yield Head()
        yield Tabs()
        with Horizontal():
            yield from self.panes.values()

    def on_mount(self) -> None:
        for name, pane in self.panes.items():
            if name in self.memory.more.get("panes", {}):
                pane.recall(self.memory.more["panes"][name])
        self._show_panes()

    def on_resize(self, event: events.Resize) -> None:
        was_wide = self.has_class("-wide")
        self.set_class(event.size.width >= _WIDE, "-wide")
        if was_wide != self.has_class("-wide"):
            self._show_panes()
            self.load_now()

    # ------------------------------------------------------------------ panes

    @property
    def pane(self) -> Pane:
        """The one that has the keys."""
        return self.panes[self.open_name]

    @property
    def nodes(self) -> NodesPane:
        found = self.panes[_NODES]
        assert isinstance(found, NodesPane)
        return found

    def open(self, name: str) -> None:
        """Open a pane, and give it the keys."""
        if self.run is None or not self.panes[name].is_there(self.run):
            return
        self.open_name = name
        if name != _NODES:
            self._detail = name
        self._show_panes()
        self.load_now()

    def _show_panes(self) -> None:
        is_wide = self.has_class("-wide")
        for name, pane in self.panes.items():
            beside = is_wide and name in (_NODES, self._detail)
            pane.set_class(name == self.open_name or beside, "-open")
            pane.set_class(is_wide and name == self._detail, "-detail")
        self._show_tabs()
        self.take_keys()
        self.refresh_bindings()

    def take_keys(self) -> None:
        for widget in self.pane.query("*"):
            if widget.can_focus:
                widget.focus()
                return

    def _there(self) -> Sequence[str]:
        run = self.run
        return [name for name, pane in self.panes.items() if run is not None and pane.is_there(run)]

    def _show_tabs(self) -> None:
        titles = {name: self.panes[name].title() for name in self._there()}
        self.query_one(Tabs).say(tabs_line(titles, self.open_name))

    # ------------------------------------------------------------------ loading

    def reload(self) -> None:
        """Something has happened: load now, or when there was rest since the last time."""
        rest_s = self._rests_until - asyncio.get_running_loop().time()
        if rest_s <= 0:
            self.load_now()
        elif self._waiting is None:
            self._waiting = self.set_timer(rest_s, self._after_rest)

    def _after_rest(self) -> None:
        self._waiting = None
        self.load_now()

    def load_now(self) -> None:
        """The person asked for something: they do not wait."""
        if self.is_attached:
            super().reload()

    async def load(self) -> None:
        clock = asyncio.get_running_loop().time
        started = clock()
        found = await self.deck.link.ask(lambda client: read_run(client, self._asked, self._graphs))
        self.run = found.run
        self._family = frozenset({found.run.id, *ids_inside(found.tree)})
        now = self.deck.clock.now()
        self.query_one(Head).show(head_lines(found.run, now, found.lost, found.place))
        self._show_tabs()
        await self._load_panes(found)
        self._rests_until = clock() + min(_MOST_REST_S, _REST * (clock() - started))

    async def _load_panes(self, found: Read) -> None:
        """The steps first: what their cursor stands on is what the others are about."""
        graph = self._graphs.get(found.run.id, {})
        seen = Seen(run=found.run, tree=found.tree, graph=graph)
        await self.nodes.load(seen)
        if self._step_wanted:
            self.nodes.stand_on(self._step_wanted)
            self._step_wanted = ""
        self._pointed = self.nodes.node()
        self._seen = about(seen, self._pointed)
        for name, pane in self.panes.items():
            if name != _NODES and pane.is_open:
                await pane.load(self._seen)

    def concerns(self, changed: Changed) -> bool:
        if changed.everything or not self._family:
            return True
        if not changed.subjects.isdisjoint(self._family):
            return True
        run = self.run
        return run is not None and is_flow(run) and changed.concerns("approval")

    # ------------------------------------------------------------------ as a view

    def title(self) -> str:
        return _("run {id}").format(id=short_id(self.run.id if self.run else self._asked))

    def subject(self) -> Subject:
        run = self.run
        if run is None:
            return Subject()
        return Subject(
            kind="run",
            names=(run.id,),
            state=run.state,
            allowed=frozenset(run.actions),
            environments=frozenset(run.environments),
            values={"step": self.node(), "host": self.pane.host()},
        )

    def copied(self) -> str:
        return "\n".join(self.pane.names()) or super().copied()

    def said(self) -> Line:
        return self.pane.said()

    def recollection(self) -> Memory:
        return Memory(
            more={
                "pane": self.open_name,
                "detail": self._detail,
                "step": self.node(),
                "panes": {name: pane.recollection() for name, pane in self.panes.items()},
            }
        )

    def filter(self, text: str, *, done: bool) -> None:
        self.pane.filter(text, done=done)

    def escape(self) -> bool:
        if self.pane.escape():
            return True
        if self.open_name == _NODES:
            return False
        self.open(_NODES)
        return True

    def cli(self) -> str:
        run = self.run
        if run is None:
            return ""
        flags = {"hosts": f" --hosts --step {self.node()}"} if self.node() else {}
        return f"jobdeck runs show {short_id(run.id)}{flags.get(self.open_name, '')}"

    def api(self) -> str:
        if self.run is None:
            return ""
        below = {"hosts": "/targets", "groups": "/groups", "executed": "/executed"}
        return f"/runs/{self.run.id}{below.get(self.open_name, '')}"

    # ------------------------------------------------------------------ what is pointed at

    def node(self) -> str:
        return self.nodes.node()

    def marked_hosts(self) -> tuple[str, ...]:
        return self.pane.hosts()

    def ways_from(self, node: str) -> Sequence[str]:
        graph = self._graphs.get(self.run.id, {}) if self.run else {}
        return [each["target"] for each in graph.get("edges", ()) if each["source"] == node]

    # ------------------------------------------------------------------ actions

    def offers(self, action: Action) -> bool:
        pane = self.pane
        if action.scope in (Scope.LIST, Scope.TEXT):
            return action.scope is pane.READS and action.name not in pane.WITHOUT
        if action.scope in (Scope.HOSTS, Scope.GROUPS):
            return action.scope is pane.SCOPE and self.run is not None
        if action.name in self.panes:
            return self.run is not None and action.name in self._there()
        return super().offers(action)

    async def action_perform(self, id_: str) -> None:
        scope, _dot, name = id_.partition(".")
        handler: Callable[[], Any] | None = getattr(self.pane, f"do_{name}", None)
        if scope not in (Scope.HOSTS, Scope.GROUPS) or handler is None:
            await super().action_perform(id_)
            return
        done = handler()
        if done is not None:
            self.run_worker(self._guarded(done), exit_on_error=False)

    def perform_list(self, name: str) -> None:
        self.pane.perform(name)

    def do_nodes(self) -> None:
        self.open("nodes")

    def do_hosts(self) -> None:
        self.open("hosts")

    def do_groups(self) -> None:
        self.open("groups")

    def do_graph(self) -> None:
        self.open("graph")

    def do_executed(self) -> None:
        """On the host under the cursor, where there is one."""
        pane, host = self.panes["executed"], self.pane.host()
        assert isinstance(pane, ExecutedPane)
        pane.of_host = host if self.open_name == "hosts" else ""
        self.open("executed")

    def do_batches(self) -> None:
        self.open("batches")

    def do_record(self) -> None:
        self.open("record")

    def do_next_pane(self) -> None:
        self._turn(1)

    def do_previous_pane(self) -> None:
        self._turn(-1)

    def _turn(self, by: int) -> None:
        names = self._there() or [self.open_name]
        self.open(names[(names.index(self.open_name) + by) % len(names)])

    def do_output(self) -> None:
        if self.run is not None:
            words = [short_id(self.run.id), self.pane.host()]
            if self.pane.host() and self.node():
                words.append(f"step:{self.node()}")
            self.deck.go(Place("output", " ".join(filter(None, words))))

    async def do_compare(self) -> None:
        if self.run is None:
            return
        run = self.run
        deed = _("compare run {id} with another").format(id=short_id(run.id))
        prompt = _("the other run's id; empty: the one before it")
        other = await self.deck.question(Question(deed, [], prompt=prompt))
        if other is None:
            return
        if not other:
            found = await self.deck.link.ask(lambda client: run_before(client, run))
            if not found:
                self.deck.say(_("no run before this one was of the same kind"))
                return
            other = short_id(found)
        self.deck.go(Place("comparison", f"{other} {short_id(run.id)}"))

    # ------------------------------------------------------------------ what panes say

    def on_pane_changed(self, event: Pane.Changed) -> None:
        event.stop()
        if self.has_class("-wide") and self.nodes.node() != self._pointed:
            self.load_now()
        self.refresh_bindings()
        self.post_message(self.Said())

    def on_nodes_pane_opened(self, event: NodesPane.Opened) -> None:
        event.stop()
        approvals = self._seen.tree.approvals if self._seen is not None else ()
        waits = next((each for each in approvals if each.step == event.twig.node), None)
        if waits is not None:
            self.deck.go(Place("approval", waits.id))
        else:
            self.open("hosts" if event.twig.is_step else "graph")

    def on_pane_wanted(self, event: Pane.Wanted) -> None:
        event.stop()
        self.load_now()
