"""A view of several lists, one of which is open: `inventory host web` is the hosts that fit `web`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult

from console.actions import Subject
from console.answers import Document
from console.client import Client
from console.i18n import _
from console.presenters.document import tabs_line
from console.presenters.lists import documents_table
from console.presenters.text import Table
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.deeds import DocumentDeeds
from console.tui.views.listing import ListView
from console.tui.widgets.bars import Bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One of the lists: documents of a kind, unless it says otherwise."""

    kind: str
    title: Callable[[], str]
    empty: Callable[[], Sequence[str]]
    """What to say, and what to do next, where there is nothing."""


class Tabs(Bar):
    """The sections, and which is open."""


class SectionsView(DocumentDeeds, ListView):
    """Subclasses list their sections."""

    SECTIONS: ClassVar[Mapping[str, Section]]

    def __init__(self, place: Place, memory: Memory) -> None:
        name, _blank, rest = place.argument.partition(" ")
        if name not in self.SECTIONS:
            name, rest = next(iter(self.SECTIONS)), place.argument
        self.section = self.SECTIONS[name]
        # The list base reads what is left as its filter; the place stays what was typed.
        super().__init__(Place(place.view, self.typed_filter(rest)), memory)
        self.place = place

    def compose(self) -> ComposeResult:
        yield Tabs()
        yield from super().compose()

    def on_mount(self) -> None:
        self._show_tabs()

    def _show_tabs(self) -> None:
        titles = {id_: section.title() for id_, section in self.SECTIONS.items()}
        self.query_one(Tabs).say(tabs_line(titles, self.section.kind))

    # ------------------------------------------------------------------ for subclasses

    def typed_filter(self, rest: str) -> str:
        """The filter in what stands after the section's name."""
        return rest

    def fetch(self, client: Client) -> Sequence[Any]:
        """What the open section lists; in a thread."""
        return list(client.documents(self.section.kind))

    def key_of(self, item: Any) -> str:
        return str(item.name)

    # ------------------------------------------------------------------ as a list

    async def load(self) -> None:
        self.show_items(await self.deck.link.ask(self.fetch), self.key_of)

    def empty_text(self) -> Sequence[str]:
        return self.section.empty()

    def present(self, items: Sequence[Any]) -> Table:
        return documents_table(self.section.kind, items, self.deck.clock.now())

    def labels_of(self, item: Any) -> dict[str, str]:
        return item.labels if isinstance(item, Document) else {}

    def concerns(self, changed: Changed) -> bool:
        return changed.concerns("document")

    def title(self) -> str:
        return self.section.title()

    def subject(self) -> Subject:
        chosen: list[Document] = self.grid.chosen
        places = {each.spec.get("environment") for each in chosen if self.section.kind == "host"}
        return Subject(
            kind=self.section.kind,
            names=tuple(self.key_of(each) for each in chosen),
            environments=frozenset(filter(None, places)),
        )

    def open_item(self, item: Any) -> None:
        self.deck.go(Place("document", f"{self.section.kind}/{item.name}"))

    def cli(self) -> str:
        return f"jobdeck get {self.section.kind}"

    def api(self) -> str:
        return f"/documents/{self.section.kind}"

    # ------------------------------------------------------------------ actions

    def do_new(self) -> None:
        self.deck.go(Place("edit", self.section.kind))

    def do_next_section(self) -> None:
        self._turn(1)

    def do_previous_section(self) -> None:
        self._turn(-1)

    def _turn(self, by: int) -> None:
        names = list(self.SECTIONS)
        at = (names.index(self.section.kind) + by) % len(names)
        here = self.deck.history.here
        parent = None if here is None else here.parent
        self.deck.go(Place(self.place.view, names[at]).inside(parent), below=False)


def first_steps(noun: str) -> Sequence[str]:
    """What to say where there is none of a kind."""
    return (noun, _("n makes one; `jobdeck apply -f FILE` takes over what is written in YAML"))
