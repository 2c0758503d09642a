"""Who is told of what, and what was told lately."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from console.actions import Scope, Subject
from console.answers import Channel, Notice
from console.client import Client
from console.i18n import _
from console.presenters.channels import channels_table, outbox_table
from console.presenters.text import Line, Span, Table, Tone, line
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.detailed import DetailedListView

_TOLD = 200


class ChannelsView(DetailedListView):
    """Channels; below them what went through the one under the cursor."""

    SCOPE = Scope.CHANNELS
    HELP = "notices"
    EMPTY = staticmethod(
        lambda: (
            _("nobody is told of anything: there is no channel yet"),
            _("`:help notices` shows one; `jobdeck apply -f FILE` brings it to the engine"),
        )
    )

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        self._outbox: Sequence[Notice] = ()

    async def load(self) -> None:
        def ask(client: Client) -> tuple[list[Channel], list[Notice]]:
            return client.channels(), client.outbox({}, limit=_TOLD)

        found, self._outbox = await self.deck.link.ask(ask)
        self.show_items(found, lambda each: each.name)

    def concerns(self, changed: Changed) -> bool:
        about = any(subject.startswith("channel/") for subject in changed.subjects)
        return about or changed.concerns("channel", "notice")

    def present(self, items: Sequence[Channel]) -> Table:
        return channels_table(items, self.deck.clock.now())

    def detail(self, item: Channel) -> Sequence[Line | Table]:
        told = [notice for notice in self._outbox if notice.channel == item.name]
        title = line(Span(_("sent lately"), Tone.STRONG))
        return [title, outbox_table(told, self.deck.clock.now())]

    def title(self) -> str:
        return _("channels")

    def subject(self) -> Subject:
        chosen: list[Channel] = self.grid.chosen
        return Subject(kind="channel", names=tuple(each.name for each in chosen))

    async def do_test(self) -> None:
        name = self.subject().name
        tested = await self.deck.link.act(partial(Client.test_channel, name=name))
        said = _("{name} took a test: {message}").format(name=name, message=tested.message)
        self.deck.say(said, Tone.GOOD)
        self.reload()

    def cli(self) -> str:
        return "jobdeck channels list"

    def api(self) -> str:
        return "/channels"
