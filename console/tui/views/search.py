"""Lines in what any run printed that have a text: the newest first, each opens its output there."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions import Scope, Subject
from console.answers import RunMatch
from console.i18n import _
from console.logs.wanted import Wanted
from console.presenters.lists import run_matches_table
from console.presenters.results import short_id
from console.presenters.text import Table
from console.tui.navigation import Place
from console.tui.views.listing import ListView

_PAGE = 200


class SearchView(ListView):
    """Its place's argument is what is looked for; `/` narrows what was found."""

    SCOPE = Scope.SEARCH
    IS_FILTER = False
    _limit = _PAGE

    async def load(self) -> None:
        words, limit = self.place.argument, self._limit
        if not words:
            self.show_items([], _key)
            return
        found = await self.deck.link.ask(
            lambda client: client.search_all({"q": words}, limit=limit)
        )
        self.show_items(found, _key, more=len(found) == limit)

    def empty_text(self) -> Sequence[str]:
        if not self.place.argument:
            return [_("nothing is looked for"), _("type `:search WORDS`")]
        return [
            _("nothing was printed with {words} in it").format(words=self.place.argument),
            _("letter case is ignored, and parts of words are found"),
        ]

    def more_wanted(self) -> None:
        self._limit += _PAGE
        self.reload()

    def present(self, items: Sequence[RunMatch]) -> Table:
        return run_matches_table(items)

    def title(self) -> str:
        return _("search: {words}").format(words=self.place.argument)

    def subject(self) -> Subject:
        chosen: list[RunMatch] = self.grid.chosen
        return Subject(kind="run", names=tuple(dict.fromkeys(match.run for match in chosen)))

    def open_item(self, item: RunMatch) -> None:
        wanted = Wanted(short_id(item.run), (item.host,), step=item.step, words=self.place.argument)
        self.deck.go(Place("output", str(wanted)))

    def cli(self) -> str:
        return f"jobdeck search {self.place.argument}"

    def api(self) -> str:
        return "/search"


def _key(match: RunMatch) -> str:
    return f"{match.run} {match.step} {match.ordinal}"
