"""Gathering facts of hosts: asked side by side, recorded in one write."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from core.domain import gathering
from core.domain.changes import FieldChange
from core.domain.facts import FactValue
from core.domain.inventory import Protocol
from core.domain.run import TargetCode, TargetState
from core.domain.tasks import Program
from core.flow.definition import RunRequest
from core.runtime.asking import Asker, Reply, looking, side_by_side
from core.runtime.driver import Tools
from core.runtime.runs import Runs
from core.runtime.work import WorkMaker, open_secrets
from core.storage import facts

MOST_HOSTS = 256
"""Of one gathering: its caller waits for all of them."""

_NOTHING = {"kind": "command", "name": "look", "command": "true"}
"""Hosts are reached as for this step, which is never run."""


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """How one host answered when it was asked for its facts."""

    host: str
    state: TargetState
    """Success: its facts are on record."""
    code: TargetCode | None = None
    message: str = ""
    facts: dict[str, FactValue] = {}
    changes: list[FieldChange] = []
    """What is not as it was at the last time; none at the first."""


class Gathering:
    """Asks hosts for their facts, and keeps what they say."""

    def __init__(self, tools: Tools, runs: Runs) -> None:
        self._tools = tools
        self._runs = runs

    async def gather(
        self, hosts: Sequence[str], actor: str, run_as: str | None = None
    ) -> list[Gathered]:
        """Ask each of the hosts once; every answer is on disk when this returns.

        Raises what a start on these hosts would: NotFound for unknown ones, Invalid where one
        has no account.
        """
        replies = await self.ask(hosts, gathering.program, run_as)
        read = {
            host: gathering.read(reply.text, reply.came_s)
            for host, reply in replies.items()
            if reply.is_good
        }
        seen = {host: values for host, values in read.items() if values}
        changed = await self._tools.store.writer.write(lambda tx: facts.record(tx, seen, actor))
        return [
            Gathered(
                host=host,
                state=reply.outcome.state,
                code=reply.outcome.code,
                message=reply.outcome.message,
                facts=seen.get(host, {}),
                changes=changed.get(host, []),
            )
            for host, reply in replies.items()
        ]

    async def ask(
        self,
        hosts: Sequence[str],
        program: Callable[[Protocol], Program],
        run_as: str | None = None,
    ) -> dict[str, Reply]:
        """Run a program of ours on each of the hosts; host -> reply, in the order of `hosts`.

        `program`: the one for hosts that are reached so.
        """
        tools = self._tools
        request = RunRequest.model_validate(
            {"step": _NOTHING, "hosts": hosts, "run_as": run_as, "include_away": True}
        )
        definition = await self._runs.resolve(request, await self._runs.moment(request))
        opened = await open_secrets(definition, tools.store, tools.vault)
        maker = WorkMaker("", definition, opened, {}, {}, tools.ways)
        asker = Asker(maker, tools.executors, tools.clock, tools.ids)
        [step] = definition.graph.steps
        replies: dict[str, Reply] = {}

        async def ask(place: int) -> None:
            host = definition.hosts[place]
            replies[host.name] = await asker.ask(host, step, looking(program(host.protocol)))

        await side_by_side(range(len(definition.hosts)), ask)
        return {host.name: replies[host.name] for host in definition.hosts}
