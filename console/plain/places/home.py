"""The first page: what waits for a person, and where everything is."""

from __future__ import annotations

from console.i18n import _, ngettext
from console.plain.pages import Choice, Desk, Page, leads_to
from console.plain.places import approvals, engine, hosts, keys, queue, runs, schedules, starting
from console.presenters.durations import number
from console.presenters.queue import admission_text

_MOST = 100
"""More than so many are not counted."""


def home(desk: Desk) -> Page:
    """What waits for whoever is here, and the menu."""
    return Page(
        title="Jobdeck",
        parts=_waiting(desk) or [_("nothing waits for you")],
        choices=[
            Choice(_("approvals"), leads_to(approvals.listed())),
            Choice(_("runs"), leads_to(runs.listed())),
            Choice(_("failed runs"), leads_to(runs.listed(runs.FAULTS))),
            Choice(_("start a job or a flow"), leads_to(starting.listed())),
            Choice(_("command on hosts"), starting.command),
            Choice(_("hosts"), leads_to(hosts.listed())),
            Choice(_("keys of hosts"), leads_to(keys.listed())),
            Choice(_("schedules"), leads_to(schedules.listed())),
            Choice(_("queue"), leads_to(queue.listed())),
            Choice(_("engine"), leads_to(engine.shown)),
        ],
    )


def _waiting(desk: Desk) -> list[str]:
    asked = len(desk.client.approvals({"mine": True}, limit=_MOST))
    unsure = len(desk.client.runs({"state": ["abnormal"], "nested": False}, limit=_MOST))
    status = desk.client.engine()
    told = (
        (
            asked,
            ngettext("{count} approval waits for you", "{count} approvals wait for you", asked),
        ),
        (
            unsure,
            ngettext(
                "{count} run waits for a word on hosts that nobody knows about",
                "{count} runs wait for a word on hosts that nobody knows about",
                unsure,
            ),
        ),
        (
            status.pending_host_keys,
            ngettext("{count} key waits", "{count} keys wait", status.pending_host_keys),
        ),
        (
            status.live_runs,
            ngettext("{count} run goes on", "{count} runs go on", status.live_runs),
        ),
        (
            status.queue.waiting,
            ngettext("{count} run is queued", "{count} runs are queued", status.queue.waiting),
        ),
    )
    frozen = admission_text(status.queue.admission)
    lines = [text.format(count=number(count)) for count, text in told if count]
    return [*lines, frozen] if frozen else lines
