"""What a shell is offered after TAB: words that are known, and names that the engine knows.

An engine that does not run is not started for it. Where nothing can be asked, nothing is offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

from console.cli import settings

if TYPE_CHECKING:
    from console.client import Client

Offer = Callable[[str], list[str]]
"""What may follow the letters that are typed so far."""

_MOST = 200
"""Names that are offered; a person types on where there are more."""


def words(known: Iterable[str]) -> Offer:
    """These words."""
    offered = [*known]
    return lambda incomplete: [word for word in offered if word.startswith(incomplete)]


def documents(kind: str) -> Offer:
    """Names of documents of a kind."""
    return names(
        lambda client, begun: (each.name for each in client.documents(kind, q=begun or None))
    )


def names(ask: Callable[[Client, str], Iterable[str]]) -> Offer:
    """Names that an engine that runs answers with; it may answer with others besides."""

    def offer(incomplete: str) -> list[str]:
        from console.client import Client
        from core.errors import OpsError

        try:
            with Client.over_socket(settings.home().socket) as client:
                found = (name for name in ask(client, incomplete) if name.startswith(incomplete))
                return [*islice(found, _MOST)]
        except OpsError:
            return []

    return offer
