"""Hosts: how they stand, and maintenance."""

from __future__ import annotations

from console.answers import HostState
from console.i18n import _
from console.plain.pages import SHOWN, Choice, Desk, Opener, Page, leads_to, part_of
from console.plain.reading import row_text
from console.presenters.durations import full_time
from console.presenters.hosts import hosts_table, state_lines
from console.presenters.text import Line, Table, pairs


def listed(start: int = 0) -> Opener:
    """All hosts by name."""

    def page(desk: Desk) -> Page:
        known = {state.host: state for state in desk.client.host_states()}
        shown, has_more = part_of(list(desk.client.documents("host")), start)
        table = hosts_table(shown, known, desk.clock.now())
        return Page(
            title=_("hosts"),
            entries=[
                Choice(row_text(table.columns, row), leads_to(one(host.name)))
                for host, row in zip(shown, table.rows, strict=True)
            ],
            empty=_("there is no host; `jobdeck help inventory` tells how to add some"),
            first=start + 1,
            more=listed(start + SHOWN) if has_more else None,
        )

    return page


def one(name: str) -> Opener:
    """A host: its document, how it stands, and taking it out of use."""

    def page(desk: Desk) -> Page:
        document = desk.client.document("host", name)
        states = [each for each in desk.client.host_states() if each.host == name]
        known = states or [HostState(host=name)]
        facts = desk.client.host_facts(name)
        values = pairs(*((each, str(value)) for each, value in document.spec.items()))
        parts: list[Line | Table] = [*state_lines(known, desk.clock.now()), values]
        if facts.at:
            told = ((each, str(value)) for each, value in facts.facts.items())
            parts.append(pairs((_("facts of"), full_time(facts.at)), *told))
        is_away = known[0].maintenance is not None
        return Page(
            title=_("host {name}").format(name=name),
            parts=parts,
            choices=[
                Choice(_("put it back in use"), lambda desk: _use(desk, name))
                if is_away
                else Choice(_("put it in maintenance"), lambda desk: _rest(desk, name))
            ],
        )

    return page


def _rest(desk: Desk, name: str) -> None:
    reason = desk.voice.value(_("reason, or Enter for none"))
    done = desk.client.set_maintenance([name], on=True, reason=reason, for_s=None)
    desk.voice.say(*state_lines(done, desk.clock.now()))


def _use(desk: Desk, name: str) -> None:
    done = desk.client.set_maintenance([name], on=False, reason="", for_s=None)
    desk.voice.say(*state_lines(done, desk.clock.now()))
