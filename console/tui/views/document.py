"""One document: what it says, what it was, and for a host how it is.

The place is `document KIND/NAME`, and the name of a pane after it where that is another than the
first: `document job/deploy history`.
"""

from __future__ import annotations

from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import ContentSwitcher

from console.actions import Action, Scope, Subject
from console.actions.documents import one_document
from console.answers import Document, Revision
from console.client import Client
from console.i18n import _
from console.presenters.changes import field_lines
from console.presenters.document import document_parts, host_head, revision_title, tabs_line
from console.presenters.facts import facts_table, history_lines
from console.presenters.lists import history_table
from console.presenters.text import Line, Span, Table, Tone, line
from console.sentences import said
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.deeds import DocumentDeeds
from console.tui.views.sections import Tabs
from console.tui.widgets.grid import Grid, Rows
from console.tui.widgets.reader import Reader
from console.tui.working import later

_TEXT, _HISTORY, _FACTS = "document", "history", "facts"
_NOT_OF_DOCUMENTS = frozenset({"open", "filter", "mark", "mark_all", "jump"})
"""Actions of lists that there are none of here."""


class DocumentView(DocumentDeeds):
    """A document with its panes."""

    SCOPE = Scope.DOCUMENT
    ALSO = (Scope.LIST,)
    DEFAULT_CSS = """
    DocumentView ContentSwitcher { height: 1fr; }
    DocumentView #history { height: 1fr; layout: vertical; }
    DocumentView #history > Grid { height: 12; max-height: 40%; }
    DocumentView #difference { border-top: solid $tone-rule; }
    """

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        what, _blank, pane = place.argument.partition(" ")
        self._kind, _slash, self._called = what.partition("/")
        self._panes = {_TEXT: _("document"), _HISTORY: _("history")}
        if self._kind == "host":
            self._panes[_FACTS] = _("facts")
        self._pane = pane if pane in self._panes else _TEXT
        self._document: Document | None = None

    def compose(self) -> ComposeResult:
        yield Tabs()
        with ContentSwitcher(initial=self._pane):
            yield Reader(id=_TEXT)
            with Vertical(id=_HISTORY):
                grid = Grid()
                grid.recall(self.memory)
                yield grid
                yield Reader(id="difference")
            if _FACTS in self._panes:
                yield Reader(id=_FACTS)

    def on_mount(self) -> None:
        self._turn_to(self._pane)

    # ------------------------------------------------------------------ what is shown

    async def load(self) -> None:
        kind, name, now = self._kind, self._called, self.deck.clock.now()
        document = await self.deck.link.ask(lambda client: client.document(kind, name))
        self._document = document
        head: list[Line] = []
        if kind == "host":
            states = await self.deck.link.ask(Client.host_states)
            head = [*host_head(next((s for s in states if s.host == name), None), now)]
            facts = await self.deck.link.ask(partial(Client.host_facts, host=name))
            parts: list[Line | Table] = [facts_table(facts, now), line("")]
            nothing = line(Span(_("nothing was ever gathered; F asks the host now"), Tone.QUIET))
            parts += [*history_lines(facts.history, now)] if facts.at else [nothing]
            self.query_one(f"#{_FACTS}", Reader).show(parts)
        self.query_one(f"#{_TEXT}", Reader).show([*head, *document_parts(document, now)])
        revisions = await self.deck.link.ask(partial(Client.history, kind=kind, name=name))
        self._revisions.show(
            Rows(revisions, lambda each: str(each.revision), partial(history_table, now=now))
        )

    def concerns(self, changed: Changed) -> bool:
        return changed.concerns("document", "host", subject=f"{self._kind}/{self._called}")

    @property
    def _revisions(self) -> Grid:
        return self.query_one(Grid)

    async def _compare(self) -> None:
        await self._guarded(self._show_difference())

    async def _show_difference(self) -> None:
        """In what the revision under the cursor differs from the one before, or two marked ones."""
        chosen: list[Revision] = self._revisions.chosen
        if not chosen:
            return
        now, last, first = self.deck.clock.now(), chosen[0], chosen[-1]
        before = first.revision if len(chosen) > 1 else last.revision - 1
        kind, name = self._kind, self._called
        found = await self.deck.link.ask(
            lambda client: client.diff(kind, name, before, last.revision)
        )
        title = revision_title(last, now)
        if len(chosen) > 1:
            title = _("from {first} to {last}").format(first=revision_title(first, now), last=title)
        nothing = [line(Span(_("nothing differs"), Tone.QUIET))]
        lines = [line(Span(title, Tone.STRONG)), *(field_lines(found) if found else nothing)]
        difference = self.query_one("#difference", Reader)
        difference.show(lines)
        difference.move_to(0)

    def on_grid_moved(self, event: Grid.Moved) -> None:
        event.stop()
        self.refresh_bindings()
        if self._pane == _HISTORY:
            self.run_worker(
                later(self._compare), exclusive=True, group="difference", exit_on_error=False
            )

    def on_grid_opened(self, event: Grid.Opened) -> None:
        event.stop()

    # ------------------------------------------------------------------ panes

    def _turn_to(self, pane: str) -> None:
        self._pane = pane
        self.query_one(ContentSwitcher).current = pane
        self.query_one(Tabs).say(tabs_line(self._panes, pane))
        (self._revisions if pane == _HISTORY else self.query_one(f"#{pane}", Reader)).focus()
        self.refresh_bindings()
        if pane == _HISTORY:
            self._revisions.post_message(Grid.Moved())

    def _turn(self, by: int) -> None:
        panes = list(self._panes)
        self._turn_to(panes[(panes.index(self._pane) + by) % len(panes)])

    def do_next_section(self) -> None:
        self._turn(1)

    def do_previous_section(self) -> None:
        self._turn(-1)

    def offers(self, action: Action) -> bool:
        if action.scope is Scope.LIST:
            mark = {"mark"} if self._pane == _HISTORY else set()
            return action.name not in _NOT_OF_DOCUMENTS - mark
        return super().offers(action)

    def perform_list(self, name: str) -> None:
        if self._pane == _HISTORY:
            self._revisions.perform_list(name)
        else:
            self.query_one(f"#{self._pane}", Reader).perform_text(name)

    # ------------------------------------------------------------------ as a view

    def title(self) -> str:
        return f"{said(self._kind)} {self._called}"

    def subject(self) -> Subject:
        spec = {} if self._document is None else self._document.spec
        place = spec.get("environment") if self._kind == "host" else None
        values = {}
        if self._pane == _HISTORY and self._revisions.current is not None:
            values["revision"] = str(self._revisions.current.revision)
        return Subject(
            kind=self._kind,
            names=(self._called,),
            environments=frozenset([place] if place else []),
            values=values,
        )

    def said(self) -> Line:
        if self._document is None:
            return ()
        return line(" ", _("revision {revision}").format(revision=self._document.revision))

    def escape(self) -> bool:
        if self._pane == _HISTORY and self._revisions.marked:
            self._revisions.unmark()
            return True
        if self._pane != _TEXT:
            self._turn_to(_TEXT)
            return True
        return False

    def recollection(self) -> Memory:
        return self._revisions.memory()

    def cli(self) -> str:
        if self._pane == _HISTORY:
            return f"jobdeck history {self._kind} {self._called}"
        if self._pane == _FACTS:
            return f"jobdeck hosts facts {self._called}"
        return f"jobdeck get {self._kind} {self._called}"

    def api(self) -> str:
        path = f"/documents/{self._kind}/{self._called}"
        return f"{path}/history" if self._pane == _HISTORY else path

    # ------------------------------------------------------------------ actions

    def do_copy(self) -> None:
        if one_document(self.subject()):
            self.deck.go(Place("edit", f"{self._kind} from {self._called}"))

    def do_restore(self) -> None:
        revision = self.subject().values["revision"]
        self.deck.go(Place("edit", f"{self._kind}/{self._called} {revision}"))

    def deleted(self) -> None:
        self.deck.do_up()
