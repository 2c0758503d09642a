"""A session behind a login that gives a POSIX shell: programs are run, files are carried."""

from __future__ import annotations

from core.domain.tasks import Pull, Push
from core.executors.attempt import Link, Patience
from core.executors.conduct import Conductor, NewToken
from core.executors.files import Courier, Sources
from core.executors.protocol import Outcome, Sink, Work
from core.executors.stopping import StopSignal


class ShellSession:
    """Gives each kind of work to whoever does it."""

    def __init__(
        self, link: Link, patience: Patience, new_token: NewToken, sources: Sources
    ) -> None:
        self._conductor = Conductor(link, patience, new_token)
        self._courier = Courier(link, patience, new_token, sources)

    async def run(self, work: Work, sink: Sink, stop: StopSignal) -> Outcome:
        who = self._courier if isinstance(work.task, Push | Pull) else self._conductor
        return await who.run(work, sink, stop)

    async def settle(self) -> None:
        await self._conductor.settle()

    def close(self) -> None:
        """A claim that was not settled stays on the target."""
        self._conductor.close()
