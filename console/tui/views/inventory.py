"""The inventory: hosts as they stand, groups, accounts, environments, sources, and hosts' keys.

`inventory host on EXPR` lists the hosts that a target expression stands for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from console.actions import Scope, Subject
from console.actions.documents import HOST_KEY
from console.answers import HostKey, HostState
from console.client import Client
from console.i18n import _, ngettext
from console.presenters.durations import number
from console.presenters.hosts import hosts_table
from console.presenters.inventory import refreshed_lines
from console.presenters.lists import documents_table, keys_table
from console.presenters.text import Line, Table, Tone, line
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.sections import Section, SectionsView, first_steps
from console.tui.widgets.dialogs import Question
from console.tui.widgets.expression import ExpressionBox

_ON = "on "


class InventoryView(SectionsView):
    """What runs can be on, and as whom."""

    SCOPE = Scope.INVENTORY
    SECTIONS: ClassVar[Mapping[str, Section]] = {
        section.kind: section
        for section in (
            Section(
                kind="host", title=lambda: _("hosts"), empty=lambda: first_steps(_("no host yet"))
            ),
            Section(
                kind="group",
                title=lambda: _("groups"),
                empty=lambda: first_steps(_("no group yet")),
            ),
            Section(
                kind="account",
                title=lambda: _("accounts"),
                empty=lambda: first_steps(_("no account yet")),
            ),
            Section(
                kind="environment",
                title=lambda: _("environments"),
                empty=lambda: first_steps(_("no environment yet")),
            ),
            Section(
                kind="inventory-source",
                title=lambda: _("sources"),
                empty=lambda: first_steps(_("no inventory source yet")),
            ),
            Section(
                kind=HOST_KEY,
                title=lambda: _("host keys"),
                empty=lambda: (
                    _("no host key is on record"),
                    _("a host's key comes here when a run or a test meets it for the first time"),
                ),
            ),
        )
    }

    def __init__(self, place: Place, memory: Memory) -> None:
        _section, _blank, rest = place.argument.partition(" ")
        self._expression = rest.removeprefix(_ON) if rest.startswith(_ON) else ""
        self._states: Mapping[str, HostState] = {}
        super().__init__(place, memory)

    def typed_filter(self, rest: str) -> str:
        return "" if self._expression else rest

    # ------------------------------------------------------------------ as a list

    def fetch(self, client: Client) -> Sequence[Any]:
        if self.section.kind == HOST_KEY:
            order = {"pending": 0, "approved": 1}
            return sorted(client.host_keys(), key=lambda each: order.get(each.status, 2))
        found = list(client.documents(self.section.kind))
        if self.section.kind == "host":
            self._states = {each.host: each for each in client.host_states()}
            if self._expression:
                chosen = set(client.resolve(self._expression).hosts)
                return [each for each in found if each.name in chosen]
        return found

    def key_of(self, item: Any) -> str:
        return str(item.id if isinstance(item, HostKey) else item.name)

    def present(self, items: Sequence[Any]) -> Table:
        now = self.deck.clock.now()
        if self.section.kind == HOST_KEY:
            return keys_table(items, now)
        if self.section.kind == "host":
            return hosts_table(items, self._states, now, always=bool(self._states))
        return documents_table(self.section.kind, items, now)

    def concerns(self, changed: Changed) -> bool:
        return changed.concerns("document", "host", "host_key", "source")

    def title(self) -> str:
        title = self.section.title()
        return f"{title} {_ON}{self._expression}" if self._expression else title

    def subject(self) -> Subject:
        if self.section.kind != HOST_KEY:
            return super().subject()
        chosen: list[HostKey] = self.grid.chosen
        states = {each.status for each in chosen}
        return Subject(
            kind=HOST_KEY,
            names=tuple(each.id for each in chosen),
            state=states.pop() if len(states) == 1 else "",
        )

    def open_item(self, item: Any) -> None:
        if isinstance(item, HostKey):
            if item.host:
                self.deck.go(Place("document", f"host/{item.host}"))
        else:
            super().open_item(item)

    def escape(self) -> bool:
        if super().escape():
            return True
        if self._expression:
            self.deck.go(Place("inventory", "host"), below=False)
            return True
        return False

    def cli(self) -> str:
        if self.section.kind == HOST_KEY:
            return "jobdeck hosts keys list"
        if self._expression:
            return f"jobdeck hosts list '{self._expression}'"
        return super().cli()

    def api(self) -> str:
        return "/host-keys" if self.section.kind == HOST_KEY else super().api()

    # ------------------------------------------------------------------ actions

    async def do_targets(self) -> None:
        text = await self.deck.question(ExpressionBox(self._expression, self._resolve))
        if text:
            self.deck.go(Place("inventory", f"host {_ON}{text}"), below=False)

    async def _resolve(self, text: str) -> Any:
        return await self.deck.link.ask(partial(Client.resolve, expression=text))

    async def do_approve(self) -> None:
        count = len(self.subject().names)
        deed = ngettext("approve {count} host key", "approve {count} host keys", count)
        await self._decide("approve", deed.format(count=number(count)),
                           _("From now on a host is trusted that proves itself with it. Compare"
                             " the fingerprint with what the host's console shows."))  # fmt: skip

    async def do_revoke(self) -> None:
        count = len(self.subject().names)
        deed = ngettext("revoke {count} host key", "revoke {count} host keys", count)
        await self._decide("revoke", deed.format(count=number(count)),
                           _("No connection is made any more to a host that shows it."))  # fmt: skip

    async def _decide(self, action: str, deed: str, consequence: str) -> None:
        chosen: list[HostKey] = self.grid.chosen
        ids = [each.id for each in chosen]
        told: list[Line | Table] = [
            keys_table(chosen[:12], self.deck.clock.now()),
            line(""),
            line(consequence),
        ]
        if await self.deck.question(Question(deed, told)) is None:
            return
        await self.deck.link.act(partial(Client.decide_host_keys, action=action, ids=ids))
        self.deck.say(_("done: {deed}").format(deed=deed), Tone.GOOD)
        self.reload()

    async def do_ask_source(self) -> None:
        name = self.subject().name
        self.deck.say(_("asking {name}").format(name=name), Tone.BUSY)
        found = await self.deck.link.act(
            lambda client: client.refresh_source(name, apply=False, overwrite=False)
        )
        lines: list[Line] = [*refreshed_lines(found), *(line(each) for each in found.notices)]
        if found.failure or not any(each.action != "unchanged" for each in found.changes):
            await self.deck.question(Question(_("go on"), lines))
            return
        deed = _("take over what {name} says").format(name=name)
        if await self.deck.question(Question(deed, lines)) is None:
            return
        await self.deck.link.act(
            lambda client: client.refresh_source(name, apply=True, overwrite=False)
        )
        self.deck.say(_("done: {deed}").format(deed=deed), Tone.GOOD)
        self.reload()
