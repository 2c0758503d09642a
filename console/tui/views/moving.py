"""Another priority for a run, from wherever it is seen."""

from __future__ import annotations

from functools import partial

from console.client import Client
from console.i18n import _
from console.presenters.queue import priority_options
from console.presenters.results import short_id
from console.presenters.text import Tone
from console.tui.views.base import View
from console.tui.widgets.choosing import Choice, Option


async def move(view: View, run_id: str, title: str, priority: str) -> None:
    """Ask for the class and give it to the run; nothing happens where it has it already."""
    options = [Option(value, word, what) for value, word, what in priority_options()]
    question = _("priority of {run}: {title}").format(run=short_id(run_id), title=title)
    wanted = await view.deck.question(Choice(question, options, priority))
    if wanted is None or wanted == priority:
        return
    await view.deck.link.act(partial(Client.move_run, run_id=run_id, priority=wanted))
    view.deck.say(_("{run} was moved").format(run=short_id(run_id)), Tone.GOOD)
