"""A session behind a login that runs programs, of ours and of others: work is done, files are carried."""

from __future__ import annotations

from core.domain.tasks import Pull, Push
from core.executors.attempt import Link, Patience
from core.executors.conduct import Conductor, NewToken
from core.executors.files import Courier, Sources
from core.executors.files.programs import POSIX_SPEECH, Speech
from core.executors.protocol import Outcome, Sink, Work
from core.executors.stopping import StopSignal


class ShellSession:
    """Gives each kind of work to whoever does it."""

    def __init__(
        self,
        link: Link,
        patience: Patience,
        new_token: NewToken,
        sources: Sources,
        speech: Speech = POSIX_SPEECH,
    ) -> None:
        """`speech`, with its dialect: of the hosts behind `link`."""
        self._conductor = Conductor(link, patience, new_token, speech.dialect)
        self._courier = Courier(link, patience, new_token, sources, speech)

    async def run(self, work: Work, sink: Sink, stop: StopSignal) -> Outcome:
        who = self._courier if isinstance(work.task, Push | Pull) else self._conductor
        return await who.run(work, sink, stop)

    async def settle(self) -> None:
        await self._conductor.settle()

    def close(self) -> None:
        """A claim that was not settled stays on the target."""
        self._conductor.close()
