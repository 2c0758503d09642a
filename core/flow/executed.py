"""What one attempt of a step was given to do: read again from what the run has kept. Pure.

Secrets are named and never opened: what was sent can be shown to whoever may see the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.domain.steps import StepBase
from core.flow.definition import FrozenHost, RunDefinition
from core.flow.events import AnyEvent, RerunRequested, RetryRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Hosts that were reached alike, and who worked there."""

    protocol: str
    account: str
    """The account's name; "" where none is needed."""
    user: str
    """Who logged in; "" is the engine's own user, or whom a token stands for."""
    become: str
    """Who the work ran as, where that was not who logged in: `root (sudo)`; else ""."""
    shell: str
    """What read command lines."""
    hosts: tuple[str, ...]


def ways(definition: RunDefinition, step: StepBase, hosts: Iterable[FrozenHost]) -> list[Way]:
    """The hosts of a step by how they were reached, in the order of their first host."""
    found: dict[tuple[str, ...], list[str]] = {}
    for host in hosts:
        found.setdefault(_way(definition, step, host), []).append(host.name)
    return [
        Way(
            protocol=protocol,
            account=account,
            user=user,
            become=become,
            shell=shell,
            hosts=tuple(names),
        )
        for (protocol, account, user, become, shell), names in found.items()
    ]


def _way(definition: RunDefinition, step: StepBase, host: FrozenHost) -> tuple[str, ...]:
    protocol = step.access or host.protocol.value
    name = definition.account_for(step, host) if step.logs_in else None
    spec = definition.accounts.get(name or "")
    if spec is None:
        return protocol, "", "", "", host.shell
    become = spec.become
    ran_as = "" if become is None else f"{become.user} ({become.method.value})"
    return protocol, name or "", spec.user or "", ran_as, host.shell


def changed_by_retries(
    definition: RunDefinition, events: Iterable[AnyEvent], step: str, attempt: int
) -> dict[str, str]:
    """Variables that people changed when they had the step tried again, up to this attempt."""
    found: dict[str, str] = {}
    for event in events:
        if isinstance(event, RetryRequested) and event.step == step and event.attempt <= attempt:
            found |= event.env
        elif isinstance(event, RerunRequested) and step in {
            event.step,
            *definition.graph.after(event.step),
        }:
            found = {}
    return found


def alike(each: Sequence[Mapping[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Variables that have one value everywhere, and the names of all others."""
    if not each:
        return {}, []
    count = Counter(pair for env in each for pair in env.items())
    same = {name: value for name, value in each[0].items() if count[name, value] == len(each)}
    names = dict.fromkeys(name for env in each for name in env)
    return same, [name for name in names if name not in same]
