"""Calls from outside that make a schedule due: let in, counted, and given their slot."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from core.clock import Clock
from core.domain.happenings import WebhookSpec
from core.domain.schedule import ScheduleSpec
from core.domain.values import SecretRef, SecretSource
from core.domain.webhooks import Call, TooManyCalls, body_of, delivery_of, refused
from core.errors import Conflict, NotFound
from core.ids import Ids
from core.runtime.schedule_watches import Watches
from core.scheduling.occurrences import Occurrence
from core.storage import documents, fires
from core.storage.fires import Fire
from core.storage.store import Store
from core.vault.vault import Vault

_MINUTE = timedelta(minutes=1)


class Hooks:
    """Takes calls. How many came in the last minute is remembered here alone: it is no promise."""

    def __init__(
        self, store: Store, vault: Vault, clock: Clock, ids: Ids, watches: Watches
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._ids = ids
        self._watches = watches
        self._taken: dict[str, deque[datetime]] = {}

    async def receive(self, name: str, call: Call) -> Fire:
        """The slot of a call; the same delivery has the same slot, whenever it comes again.

        Raises: HookRefused, also where there is no such schedule; CallTooLarge; MalformedCall;
        TooManyCalls; Conflict, where it has no slots at this time.
        """
        spec = await self._spec(name)
        hook = None if spec is None else spec.trigger.webhook
        if spec is None or hook is None:
            raise refused()
        secret, now = await self._secret(hook), self._clock.now()
        cause = f"delivery {delivery_of(hook, secret, call, now) or self._ids.new()}"
        body = body_of(hook, call)
        if not spec.enabled:
            raise Conflict(f"schedule {name} is not enabled; it has no slots")
        known = await self._store.reader.read(lambda c: fires.known(c, name, cause))
        if known is not None:
            return known
        self._count(name, hook, now)
        happened = Occurrence(at=now, cause=cause, event={"body": body})
        fire = await self._watches.deliver(name, happened)
        if fire is None:
            raise Conflict(f"schedule {name} takes no calls now: see its `begins` and `ends`")
        return fire

    async def _spec(self, name: str) -> ScheduleSpec | None:
        try:
            stored = await self._store.reader.read(lambda c: documents.get(c, "schedule", name))
        except NotFound:
            return None
        spec: ScheduleSpec = stored.document.spec
        return spec

    async def _secret(self, hook: WebhookSpec) -> str:
        """EnvironmentFault where it cannot be read, such as of a vault that is locked."""
        secret = hook.secret
        if isinstance(secret, SecretSource):
            return (await self._vault.sources.read([secret]))[secret]
        assert isinstance(secret, SecretRef)
        # In a thread: the first look for the master key may wait for a keyring.
        return await self._store.reader.read(lambda c: self._vault.open_secret(c, secret))

    def _count(self, name: str, hook: WebhookSpec, now: datetime) -> None:
        taken = self._taken.setdefault(name, deque())
        while taken and not now - _MINUTE < taken[0] <= now:
            taken.popleft()
        if len(taken) >= hook.per_minute:
            wait_s = round((taken[0] + _MINUTE - now).total_seconds()) + 1
            raise TooManyCalls(
                f"schedule {name} takes {hook.per_minute} calls a minute",
                hint=f"the same delivery again in {wait_s} s",
            )
        taken.append(now)
