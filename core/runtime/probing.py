"""Asking targets whether work could begin there. Nothing of the work itself is sent, but for
steps that a check tries because they change nothing.
"""

from __future__ import annotations

import msgspec

from core.domain import probing
from core.domain.probing import Finding
from core.domain.run import TargetCode, TargetState
from core.domain.steps import StepBase
from core.errors import TargetError
from core.executors.protocol import Work
from core.flow.definition import FrozenHost, RunDefinition
from core.flow.dryrun import PlanLevel, Probe, asked
from core.runtime.asking import Asker, MakeWork, Reply, looking, side_by_side
from core.runtime.work import WorkMaker


class Probing:
    """One probe, from its start to its last finding."""

    def __init__(
        self,
        definition: RunDefinition,
        maker: WorkMaker,
        asker: Asker,
        level: PlanLevel = PlanLevel.PROBE,
    ) -> None:
        self._definition = definition
        self._maker = maker
        self._asker = asker
        self._findings: dict[int, Finding] = {}
        self._probes = asked(definition, level)

    @property
    def findings(self) -> list[Finding]:
        """What is known so far, in the order of the hosts."""
        return [self._findings[place] for place in sorted(self._findings)]

    @property
    def was_stopped(self) -> bool:
        return self._asker.was_stopped

    def stop(self) -> None:
        """Ask nobody else, and end what is being asked."""
        self._asker.stop()

    async def run(self) -> None:
        """Ask every host; returns when all have answered, or were stopped."""
        await side_by_side(enumerate(self._probes), self._ask)

    async def _ask(self, item: tuple[int, Probe]) -> None:
        if self.was_stopped:
            return
        place, probe = item
        host, step = self._definition.hosts[probe.ordinal], probe.steps[0]
        make = self._rehearsal(host, step) if probe.rehearses else self._look(host, probe)
        self._findings[place] = self._finding(host, probe, await self._asker.ask(host, step, make))

    def _look(self, host: FrozenHost, probe: Probe) -> MakeWork:
        env = {
            probing.INTERPRETERS: " ".join(probe.interpreters),
            probing.SPOOL: self._maker.spool(host, probe.steps[0]),
        }
        return looking(probing.program(host.protocol), env)

    def _rehearsal(self, host: FrozenHost, step: StepBase) -> MakeWork:
        def make(attempt_id: str) -> Work:
            work = self._maker.rehearsal(host, step, attempt_id)
            if work is None:
                raise TargetError(TargetCode.INVALID_OPTIONS, f"{host.name}: nobody can predict it")
            return work

        return make

    def _finding(self, host: FrozenHost, probe: Probe, reply: Reply) -> Finding:
        found = Finding(
            ordinal=probe.ordinal,
            host=host.name,
            path=[*host.jumps, host.name],
            account=probe.account,
            steps=[step.name for step in probe.steps],
            state=reply.outcome.state,
            code=reply.outcome.code,
            message=reply.outcome.message,
            reached_ms=_ms(reply.reached_s),
            took_ms=_ms(reply.took_s),
        )
        if probe.rehearses and probe.steps[0].carries_files:
            return msgspec.structs.replace(found, changes=reply.text)
        if probe.rehearses or found.state is not TargetState.SUCCESS:
            return found
        return probing.judged(
            found,
            probing.read(reply.text, reply.came_s),
            wanted=probe.interpreters,
            detached=probe.is_detached,
        )


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
