"""Guard rails: what environments ask of whoever lets work onto their hosts.

Asked before every start and before work is let onto a run's hosts again, always by
the environments of this moment: a run that was allowed yesterday is judged by the
rails of today. Pure; all refusals at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.domain import timebox
from core.domain.access import EnvironmentSpec
from core.domain.inventory import HostSpec
from core.domain.targets import fold
from core.errors import ConfirmationRequired, Forbidden, Problem
from core.flow.definition import ENGINE_HOST, FrozenHost

_MOST_CHARACTERS = 400
"""Of names of hosts in one sentence."""


class Place(Protocol):
    """A host by name, and the environment that it had when it was looked up."""

    @property
    def name(self) -> str: ...
    @property
    def environment(self) -> str | None: ...


class Rails(Protocol):
    """The documents that hold guard rails."""

    @property
    def hosts(self) -> Mapping[str, HostSpec]: ...
    @property
    def environments(self) -> Mapping[str, EnvironmentSpec]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Hosts of one environment that work would touch, and what it asks."""

    environment: str
    """"" for hosts that belong to none."""
    hosts: tuple[str, ...]
    rails: EnvironmentSpec


def touched(hosts: Iterable[Place], documents: Rails) -> tuple[Touched, ...]:
    """The environments that `hosts` belong to now, in order of their first host.

    A host that was deleted still counts to the environment that it had.
    """
    names: dict[str, list[str]] = {}
    for host in hosts:
        if host.name == ENGINE_HOST:
            continue
        now = documents.hosts.get(host.name)
        environment = host.environment if now is None else now.environment
        names.setdefault(environment or "", []).append(host.name)
    return tuple(
        Touched(
            environment=environment,
            hosts=tuple(own),
            rails=documents.environments.get(environment) or EnvironmentSpec(),
        )
        for environment, own in names.items()
    )


def host_count(places: Iterable[Touched]) -> int:
    """The number that a confirmation must say: hosts of the inventory, each once."""
    return sum(len(place.hosts) for place in places)


def check(
    hosts: Iterable[Place],
    documents: Rails,
    *,
    change: str = "",
    confirm_hosts: int | None = None,
    dangers: Sequence[Problem] = (),
) -> None:
    """Return when work may be let onto `hosts`; `dangers` are commands that rules forbid there.

    Raises Forbidden with everything that stands against it, or ConfirmationRequired when
    only the right number of hosts is missing.
    """
    places = touched(hosts, documents)
    refused = [*refusals(places, change), *dangers]
    asked = unconfirmed(places, confirm_hosts)
    if refused:
        refused += [_to_confirm(place, places) for place in asked]
        raise Forbidden("guard rails forbid it", problems=refused)
    if asked:
        raise _confirmation(asked, places, confirm_hosts)


def refuse_away(hosts: Iterable[FrozenHost], away: Mapping[str, str]) -> None:
    """Return when none of the hosts is out of use; `away` says why each is.

    A start leaves such hosts out. What goes on with hosts that are settled raises Forbidden.
    """
    problems = [
        Problem(
            where=f"host {host.name}",
            what=away[host.name],
            hint="--include-away lets work onto it all the same",
        )
        for host in hosts
        if host.name in away
    ]
    if problems:
        raise Forbidden("work would begin on hosts that are out of use", problems=problems)


def refusals(places: Iterable[Touched], change: str) -> list[Problem]:
    """What stands against letting work onto these hosts, apart from their number."""
    return [problem for place in places for problem in _refusals(place, change)]


def unconfirmed(places: Sequence[Touched], confirm_hosts: int | None) -> list[Touched]:
    """The environments that ask for the number of hosts and did not get it."""
    if confirm_hosts == host_count(places):
        return []
    return [place for place in places if place.rails.confirm]


def _refusals(place: Touched, change: str) -> Iterator[Problem]:
    rails, count = place.rails, len(place.hosts)
    where = f"environment {place.environment}"
    if rails.read_only:
        yield Problem(
            where=where,
            what=f"is read-only; the run would touch {_in_words(place)}",
            hint="leave them out, or lift read_only in the environment",
        )
    if rails.host_cap is not None and count > rails.host_cap:
        yield Problem(
            where=where,
            what=f"allows {rails.host_cap} hosts in one run; it would touch {_in_words(place)}",
            hint="narrow the targets",
        )
    if not rails.change_required:
        return
    pattern = rails.change_pattern
    if not change:
        yield Problem(
            where=where, what="requires a change number", hint=f"--change {pattern or 'NUMBER'}"
        )
    elif pattern is not None and not _fits(pattern, change):
        yield Problem(
            where=where,
            what=f"the change number {change!r} does not match {pattern}",
            hint="--change NUMBER",
        )


def _fits(pattern: str, change: str) -> bool:
    """Whether a change number is like the pattern; what takes too long to tell is not."""
    try:
        return timebox.fits(pattern, change)
    except timebox.TooSlow:
        return False


def _to_confirm(place: Touched, places: Sequence[Touched]) -> Problem:
    return Problem(
        where=f"environment {place.environment}",
        what=f"asks to confirm the number of hosts; it would touch {_in_words(place)}",
        hint=f"--confirm {host_count(places)}",
    )


def _confirmation(
    asked: Sequence[Touched], places: Sequence[Touched], given: int | None
) -> ConfirmationRequired:
    total = host_count(places)
    names = ", ".join(place.environment for place in asked)
    wrong = "" if given is None else f", not {given}"
    them = "; ".join(f"{place.environment or 'others'}: {_named(place.hosts)}" for place in places)
    return ConfirmationRequired(
        f"environment {names} asks to confirm the number of hosts: {total}{wrong} ({them})",
        hosts=total,
        touched={place.environment: fold(place.hosts) for place in places},
        hint=f"repeat with --confirm {total}",
    )


def _in_words(place: Touched) -> str:
    """`3 of its hosts: web[01-03]`."""
    return f"{len(place.hosts)} of its hosts: {_named(place.hosts)}"


def _named(hosts: Sequence[str]) -> str:
    """Folded, and cut where a sentence would become a list."""
    text = fold(hosts)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
