"""What can be done with documents and hosts, for the views that show them."""

from __future__ import annotations

import asyncio
from functools import partial

from console.client import Client
from console.connecting import PROBING, way_request
from console.i18n import _, ngettext
from console.presenters.connecting import connection_parts
from console.presenters.durations import number
from console.presenters.facts import gathered_parts
from console.presenters.hosts import state_lines
from console.presenters.results import hosts_word
from console.presenters.text import Line, Span, Tone, line
from console.sentences import said
from console.tui.navigation import Place
from console.tui.views.base import View
from console.tui.widgets.choosing import Option, Picker
from console.tui.widgets.dialogs import Question
from core.domain.hostrange import fold

_SPANS: tuple[tuple[str, float | None], ...] = (
    ("1h", 3600), ("4h", 4 * 3600), ("1d", 86400), ("7d", 7 * 86400), ("open", None),
)  # fmt: skip

_LOOK_S = 0.3
"""Between two looks at a test that somebody waits for."""


class DocumentDeeds(View):
    """Handlers of actions whose subject is a document, or several of one kind."""

    def do_edit(self) -> None:
        subject = self.subject()
        self.deck.go(Place("edit", f"{subject.kind}/{subject.name}"))

    def do_launch(self) -> None:
        subject = self.subject()
        if subject.kind in ("job", "flow"):
            what = f"{subject.kind}/{subject.name}"
        elif subject.kind == "group":
            what = f"command on @{subject.name}"
        else:
            what = f"command on {fold(list(subject.names))}"
        self.deck.go(Place("launch", what))

    async def do_delete(self) -> None:
        subject = self.subject()
        count = len(subject.names)
        deed = (
            _("delete {kind} {name}").format(kind=said(subject.kind), name=subject.name)
            if count == 1
            else _("delete {count} documents of kind {kind}").format(
                count=number(count), kind=said(subject.kind)
            )
        )
        told: list[Line] = [line(Span(name, Tone.STRONG)) for name in subject.names[:12]]
        told.append(line(_("Its history stays. What others refer to is not deleted.")))
        if await self.deck.question(Question(deed, told)) is None:
            return
        for name in subject.names:
            await self.deck.link.act(partial(Client.delete, kind=subject.kind, name=name))
        self.deck.say(_("done: {deed}").format(deed=deed), Tone.GOOD)
        self.deleted()

    def deleted(self) -> None:
        """What was shown is gone."""
        self.reload()

    # ------------------------------------------------------------------ hosts

    async def do_test(self) -> None:
        hosts = self.subject().names
        text = ngettext(
            "testing the way to {count} host", "testing the way to {count} hosts", len(hosts)
        )
        self.deck.say(text.format(count=number(len(hosts))), Tone.BUSY)
        request = way_request(",".join(hosts))
        plan = await self.deck.link.act(partial(Client.make_plan, request=request, level="probe"))
        while plan.state == PROBING:
            await asyncio.sleep(_LOOK_S)
            plan = await self.deck.link.ask(partial(Client.plan, plan_id=plan.id))
        table, remarks, sums = connection_parts(plan.findings)
        self.deck.say("".join(span.text for span in sums), Tone.PLAIN)
        await self.deck.question(Question(_("connection test"), [table, *remarks]))

    async def do_facts(self) -> None:
        hosts = self.subject().names
        text = ngettext("asking {count} host", "asking {count} hosts", len(hosts))
        self.deck.say(text.format(count=number(len(hosts))), Tone.BUSY)
        found = await self.deck.link.act(partial(Client.gather_facts, hosts=hosts, run_as=None))
        parts, sums = gathered_parts(found)
        if any(each.state != "success" for each in found):
            await self.deck.question(Question(_("facts were gathered"), [*parts, sums]))
        else:
            self.deck.say("".join(span.text for span in sums), Tone.GOOD)
        self.reload()

    async def do_maintenance(self) -> None:
        hosts = self.subject().names
        titles = {"1h": _("one hour"), "4h": _("four hours"), "1d": _("one day"),
                  "7d": _("a week"), "open": _("until somebody ends it")}  # fmt: skip
        deed = _("maintenance of {hosts}").format(hosts=hosts_word(len(hosts)))
        told = [line(Span(fold(list(hosts)), Tone.STRONG))]
        told.append(line(_("Runs leave these hosts out; what runs there now goes on.")))
        options = [Option(id_, titles[id_]) for id_, _span in _SPANS]
        chosen = await self.deck.question(Picker(deed, options, told=told))
        if chosen is None:
            return
        reason = await self.deck.question(Question(deed, told, prompt=_("the reason")))
        if reason is None:
            return
        await self._set_maintenance(hosts, on=True, reason=reason, for_s=dict(_SPANS)[chosen])

    async def do_in_use(self) -> None:
        await self._set_maintenance(self.subject().names, on=False, reason="", for_s=None)

    async def _set_maintenance(
        self, hosts: tuple[str, ...], *, on: bool, reason: str, for_s: float | None
    ) -> None:
        states = await self.deck.link.act(
            lambda client: client.set_maintenance(hosts, on=on, reason=reason, for_s=for_s)
        )
        [first, *_others] = state_lines(states, self.deck.clock.now())
        self.deck.say("".join(span.text for span in first), Tone.GOOD)
        self.reload()
