"""Sending what may be refused: what the engine demands is asked of the person, then sent again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from console.client import Client
from console.demands import ChangeNumber, Demand, HostCount, Rules, SecretsAgain, demanded
from console.i18n import _
from console.presenters.demands import demand_lines
from console.tui.widgets.choosing import Choice, Option
from console.tui.widgets.dialogs import Question
from core.errors import RequestError

if TYPE_CHECKING:
    from console.tui.app import JobdeckApp

A = TypeVar("A")
Fields = Mapping[str, Any]
"""What a request says; secrets stand under `secrets`, name -> text."""


class NotConfirmed(Exception):
    """The person did not give what the engine demands; nothing was changed."""


async def insist(
    deck: JobdeckApp, deed: str, send: Callable[[Client, Fields], A], fields: Fields
) -> tuple[A, Fields]:
    """Send a request, with what it turns out to need; the answer, and all that was sent.

    `deed`: what is about to happen, by verb and object. Raises NotConfirmed, and what no answer
    of a person would change.
    """
    while True:
        sent = fields
        try:
            return await deck.link.act(lambda client: send(client, sent)), sent  # noqa: B023
        except RequestError as error:
            demand = demanded(error, sent, sent.get("secrets") or {})
            if demand is None:
                raise
            more = await _answer(deck, deed, demand)
            secrets = {**(sent.get("secrets") or {}), **more.get("secrets", {})}
            fields = {**sent, **more, "secrets": secrets}


async def _answer(deck: JobdeckApp, deed: str, demand: Demand) -> Fields:
    """What the person adds."""
    told = [*demand_lines(demand)]
    match demand:
        case HostCount():
            await _typed(deck, Question(deed, told, wanted=str(demand.hosts)))
            return demand.fields()
        case Rules():
            for rule in demand.rules:
                await _typed(deck, Question(deed, told, wanted=rule))
            return demand.fields()
        case ChangeNumber():
            asked = Question(deed, told, prompt=_("Change number:"), must=True)
            return demand.fields(await _typed(deck, asked))
        case SecretsAgain():
            given = {
                name: await _typed(deck, Question(deed, told, prompt=name, must=True, secret=True))
                for name in demand.names
            }
            return {"secrets": given}
        case _:
            options = [Option(name, name) for name in demand.names]
            return demand.fields(await _typed(deck, Choice(deed, options, "", told)))


async def _typed(deck: JobdeckApp, asked: Question | Choice) -> str:
    answer = await deck.question(asked)
    if answer is None:
        raise NotConfirmed
    return answer
