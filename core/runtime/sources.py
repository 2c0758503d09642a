"""Inventory sources: asked, compared with the documents, and carried out where that was said.

A source that fails changes nothing: its hosts stay as its last good answer made them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec
import structlog

from core.clock import Clock
from core.domain import sources as rules
from core.domain.inventory import Protocol
from core.domain.inventorysource import InventorySourceSpec
from core.domain.sources import HostChange, Read
from core.domain.steps import CommandStep, Given, HttpStep, StepBase
from core.domain.values import Secret, SecretRef, SecretSource
from core.errors import NotFound, OpsError, TargetError
from core.executors.protocol import Login, Outcome, Target, Work
from core.executors.stopping import StopSignal
from core.flow.definition import ENGINE_HOST, FrozenHost
from core.plainfiles import open_plain
from core.runtime.asking import Answer
from core.runtime.driver import Tools
from core.storage import sources
from core.storage.document_rows import find_all
from core.storage.documents import Documents, snapshot
from core.storage.secrets import touch
from core.storage.writer import Transaction
from core.vault.masking import Masker

log = structlog.get_logger(__name__)

ACTOR = "engine"
"""Who refreshes by itself, in the journal."""

_ENGINE = FrozenHost(name=ENGINE_HOST, address="", protocol=Protocol.LOCAL)
_URL, _TOKEN = "URL", "TOKEN"


class Refreshed(msgspec.Struct, frozen=True, kw_only=True):
    """What a refresh found, and did."""

    source: str
    failure: str = ""
    """Why the source gave no answer; then nothing was changed."""
    changes: tuple[HostChange, ...] = ()
    notices: tuple[str, ...] = ()
    applied: bool = False


class SourceFailed(Exception):
    """A source gave no answer that can be read; the text says why, masked."""


class InventorySources:
    """The engine's inventory sources."""

    def __init__(self, tools: Tools, documents: Documents) -> None:
        self._tools = tools
        self._documents = documents
        self._locks: dict[str, asyncio.Lock] = {}

    async def refresh(
        self, name: str, actor: str, *, apply: bool, overwrite: bool = False
    ) -> Refreshed:
        """Ask a source, and with `apply` make its hosts what it says; NotFound for none.

        One refresh of a source at a time. What is applied is what was compared: both happen in
        one transaction.
        """
        documents = await self._tools.store.reader.read(snapshot)
        spec = documents.sources.get(name)
        if spec is None:
            raise NotFound("inventory-source", name, list(documents.sources))
        async with self._locks.setdefault(name, asyncio.Lock()):
            try:
                found = await self._read(spec)
            except SourceFailed as failure:
                reason = str(failure)
                await self._tools.store.writer.write(
                    lambda tx: sources.failed(tx, name, reason, actor)
                )
                log.info("source.failed", source=name, reason=reason)
                return Refreshed(source=name, failure=reason)
            write = partial(
                self._write, name=name, found=found, actor=actor, apply=apply, overwrite=overwrite
            )
            changes = await self._tools.store.writer.write(write)
        return Refreshed(source=name, changes=tuple(changes), notices=found.notices, applied=apply)

    def _write(
        self,
        tx: Transaction,
        name: str,
        found: Read,
        actor: str,
        *,
        apply: bool,
        overwrite: bool,
    ) -> Sequence[HostChange]:
        owned = sources.owned(tx.connection)
        ours = [host for host, each in owned.items() if each.source == name]
        stored = find_all(tx.connection, [("host", host) for host in {*found.hosts, *ours}])
        changes = rules.compare(
            name,
            found.hosts,
            {host: each.document for (_, host), each in stored.items()},
            owned,
            overwrite=overwrite,
        )
        bodies = [document.body() for document in found.hosts.values()]
        sources.answered(tx, name, bodies, actor)
        if apply:
            sources.carry_out(tx, self._documents, name, changes, actor)
        return changes

    # --- asking -----------------------------------------------------------------------------

    async def _read(self, spec: InventorySourceSpec) -> Read:
        token = await self._token(spec.token)
        mask = Masker([token] if token else []).mask_text
        try:
            data = await self._ask(spec, token)
            text = data.decode("utf-8-sig")
            return await asyncio.to_thread(rules.read, spec, text)
        except UnicodeDecodeError as error:
            raise SourceFailed("its answer is not UTF-8 text") from error
        except OpsError as error:
            problems = getattr(error, "problems", ())
            details = "; ".join(f"{p.where}: {p.what}".removeprefix(": ") for p in problems[:5])
            raise SourceFailed(mask(f"{error.message}: {details}".removesuffix(": "))) from error

    async def _token(self, secret: Secret | None) -> str | None:
        """The text of a token, from the vault or from where it stays."""
        store, vault = self._tools.store, self._tools.vault
        try:
            match secret:
                case SecretSource():
                    return (await vault.sources.read([secret]))[secret]
                case SecretRef():
                    text = await store.reader.read(lambda c: vault.open_secret(c, secret))
                    store.writer.submit(lambda tx: touch(tx, {secret.secret}))
                    return text
                case _:
                    return None
        except OpsError as error:
            raise SourceFailed(str(error)) from error

    async def _ask(self, spec: InventorySourceSpec, token: str | None) -> bytes:
        if spec.file is not None:
            return await asyncio.to_thread(_file, spec.file)
        return await self._run(*_step(spec, token), spec)

    async def _run(
        self, step: StepBase, env: Mapping[str, str], spec: InventorySourceSpec
    ) -> bytes:
        """What a command prints, or a web address answers; the engine's executors ask."""
        tools, answer = self._tools, Answer(self._tools.clock, most_bytes=rules.MAX_BYTES)
        target = Target(
            host="the source",
            address="",
            login=Login(user=""),
            connect_timeout_s=tools.ways.connect_timeout_s,
            networks=tools.ways.http_networks,
        )
        work = Work(
            attempt_id=tools.ids.new(),
            task=step.task(Given(script=None, env=dict(env))),
            timeout_s=spec.timeout_s,
        )
        async with tools.executors(_ENGINE, step).open(target) as session:
            outcome = await session.run(work, answer, StopSignal())
        if outcome.code is not None:
            raise TargetError(outcome.code, _why(outcome))
        if answer.size_bytes > rules.MAX_BYTES:
            raise SourceFailed(f"its answer has more than {rules.MAX_BYTES:,} bytes")
        return bytes(answer.data)


def _step(spec: InventorySourceSpec, token: str | None) -> tuple[StepBase, Mapping[str, str]]:
    """The step that asks, and the values that it needs."""
    if spec.command is not None:
        return CommandStep(kind="command", name="source", command=spec.command), {}
    headers = {"Authorization": f"Bearer ${{{_TOKEN}}}"} if token is not None else {}
    values = {_URL: spec.url or "", _TOKEN: token or ""}
    step = HttpStep(
        kind="http",
        name="source",
        url=f"${{{_URL}}}",
        headers=headers,
        ca=spec.ca,
        max_body_bytes=rules.MAX_BYTES,
    )
    return step, values


def _file(path: str) -> bytes:
    try:
        with open_plain(Path(path)) as file:
            data = file.read(rules.MAX_BYTES + 1)
    except OSError as error:
        raise SourceFailed(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}"
        ) from error
    if len(data) > rules.MAX_BYTES:
        raise SourceFailed(f"{path} has more than {rules.MAX_BYTES:,} bytes")
    return data


def _why(outcome: Outcome) -> str:
    if outcome.exit_code:
        return f"its command ended with exit code {outcome.exit_code}"
    return outcome.message or str(outcome.code)


class Refreshing:
    """Refreshes sources by themselves: on their interval, and files when they change."""

    def __init__(self, sources_: InventorySources, tools: Tools, clock: Clock) -> None:
        self._sources = sources_
        self._tools = tools
        self._clock = clock
        self._asked_s: dict[str, float] = {}
        self._seen: dict[str, tuple[int, int, int] | None] = {}
        """File source -> inode, size and time of its file at the last look."""

    async def tick(self) -> None:
        """Refresh every source that is due now, one after the other."""
        documents = await self._tools.store.reader.read(snapshot)
        for name, spec in documents.sources.items():
            if await self._is_due(name, spec):
                self._asked_s[name] = self._clock.monotonic()
                await self._sources.refresh(name, ACTOR, apply=spec.automatic)

    async def _is_due(self, name: str, spec: InventorySourceSpec) -> bool:
        if spec.file is not None:
            now = await asyncio.to_thread(_signature, spec.file)
            if name not in self._seen or self._seen[name] != now:
                self._seen[name] = now
                return True
        if spec.every_s is None:
            return False
        asked_s = self._asked_s.get(name)
        return asked_s is None or self._clock.monotonic() - asked_s >= spec.every_s


def _signature(path: str) -> tuple[int, int, int] | None:
    """What changes when a file is written or replaced; None where there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
