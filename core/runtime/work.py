"""What a target is sent: where, as whom, which program, with which values.

The one place where a run's references become secrets. They live as long as
the step's attempt, and everything that comes back is masked by the same list, and by
the texts that the vault holds for others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import msgspec
import structlog

from core.domain.access import AccountSpec, HostKeyPolicy
from core.domain.command_rules import Hit
from core.domain.inventory import Protocol
from core.domain.run import TargetCode
from core.domain.steps import Given, StepBase
from core.domain.values import Secret, SecretRef, SecretSource
from core.domain.windows import WinrmOptions
from core.errors import Invalid, TargetError, VaultLocked
from core.executors.protocol import (
    BecomeLogin,
    Claim,
    HostKeyRule,
    Login,
    Position,
    Target,
    Winrm,
    Work,
)
from core.flow import environment
from core.flow.dangers import Judges, mentioned
from core.flow.definition import FrozenHost, RunDefinition
from core.storage.reading import Connection
from core.storage.runs import TargetRow
from core.storage.secrets import touch
from core.storage.store import Store
from core.vault.masking import LEAST_OF_OTHERS, Masker
from core.vault.sealing import sources_in
from core.vault.vault import Vault

log = structlog.get_logger(__name__)

OpenSecret = Callable[[Secret], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How this engine reaches targets; the same for all runs."""

    connect_timeout_s: float
    epoch: int
    """Rises with each engine on this home: targets refuse an older one."""
    local_spool: str
    """Folder on the engine's own machine that holds claims."""
    http_networks: tuple[str, ...]
    """The only networks that requests may reach, where the host's environment names none."""
    contents: str
    """Folder on the engine's own machine that holds contents."""
    staging: str
    """Folder there for what lasts as long as a step."""
    reattach_s: float
    """How long a host is looked for when the line to its work is lost."""


_MOST_OTHERS = 1000
"""Secrets of others that are kept out of a run's output: what takes 0.1 s to make ready."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A step's secrets, opened. Never stored, never shown."""

    env: Mapping[str, str] = field(repr=False)
    logins: Mapping[str, Login] = field(repr=False)
    """Account -> login."""
    masker: Masker
    """Hides all of them, and what the vault holds besides."""


def _texts(env: Mapping[str, str], logins: Mapping[str, Login]) -> list[str]:
    """Every secret text."""
    return [*env.values(), *(text for login in logins.values() for text in login.secrets())]


async def open_secrets_patiently(
    definition: RunDefinition, store: Store, vault: Vault, run_id: str, holding: asyncio.Event
) -> Opened | None:
    """As `open_secrets`, but a locked vault is waited for: what goes on somewhere cannot be
    looked after without it, and is not given up for that. None when `holding` is set first.
    """
    while not holding.is_set():
        try:
            return await open_secrets(definition, store, vault)
        except VaultLocked:
            log.warning("run.waits-for-vault", run=run_id)
            await _until_open(vault, holding)
    return None


async def _until_open(vault: Vault, holding: asyncio.Event) -> None:
    """Returns when somebody unlocks the vault, or `holding` is set."""
    loop, is_open = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it who waits
            loop.call_soon_threadsafe(is_open.set)

    vault.keychain.when_open(tell)
    either = [asyncio.ensure_future(event.wait()) for event in (is_open, holding)]
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in either:
            waiting.cancel()


async def open_secrets(definition: RunDefinition, store: Store, vault: Vault) -> Opened:
    """Everything that a run's steps may need.

    EnvironmentFault or Forbidden when one of them cannot be opened, or read where it stays.
    """
    used: set[str] = set()
    outside = await vault.sources.read(sources_in(definition.accounts))

    def open_all(connection: Connection) -> Opened:
        def text(secret: Secret) -> str:
            # Only references and sources are ever stored; anything else here is a bug of ours.
            assert isinstance(secret, SecretRef | SecretSource)
            if isinstance(secret, SecretSource):
                return outside[secret]
            used.add(secret.secret)
            return vault.open_secret(connection, secret)

        env = {name: text(ref) for name, ref in definition.secrets.items()}
        logins = {name: _login(spec, text) for name, spec in definition.accounts.items()}
        others = vault.texts(connection, LEAST_OF_OTHERS, _MOST_OTHERS)
        return Opened(env, logins, Masker(_texts(env, logins), others))

    opened = await store.reader.read(open_all)
    if used:  # nobody waits for it: a use that is not noted on a full disk is no loss
        store.writer.submit(lambda tx: touch(tx, used))
    return opened


def _login(spec: AccountSpec, open_secret: OpenSecret) -> Login:
    def text(secret: Secret | None) -> str | None:
        return None if secret is None else open_secret(secret)

    become = spec.become
    return Login(
        user=spec.user or "",
        agent=spec.agent,
        key=text(spec.key),
        key_file=spec.key_file,
        passphrase=text(spec.passphrase),
        certificate=spec.certificate,
        certificate_file=spec.certificate_file,
        password=text(spec.password),
        become=None
        if become is None
        else BecomeLogin(
            method=become.method.value, user=become.user, password=text(become.password)
        ),
        token=text(spec.token),
        tls_certificate=spec.tls_certificate,
        tls_key=text(spec.tls_key),
        tls_passphrase=text(spec.tls_passphrase),
    )


def _winrm(options: WinrmOptions | None) -> Winrm:
    options = options or WinrmOptions()
    return Winrm(
        authentication=options.authentication.value,
        tls=options.tls,
        ca=options.ca,
        certificate=options.certificate,
        shell=options.shell.value,
        code_page=options.code_page,
    )


class WorkMaker:
    """Makes the targets and the work of one step's attempt."""

    def __init__(
        self,
        run_id: str,
        definition: RunDefinition,
        opened: Opened,
        outputs: Mapping[str, Any],
        host_outputs: Mapping[str, Mapping[str, Any]],
        ways: Ways,
        changed: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`changed`: variables that somebody changed when the step was tried again."""
        self._run_id = run_id
        self._definition = definition
        self._opened = opened
        self._host_outputs = host_outputs
        self._ways = ways
        self._changed = changed
        self.masker = opened.masker
        self._judges = Judges(definition.command_rules)
        self._mentioned: dict[str, list[str]] = {}
        """Step -> names of the variables that its texts speak of."""
        self._judged: dict[tuple[str | None, ...], list[Hit]] = {}
        """Step, the host's shell and their values -> what was found."""
        self._ordinals = {host.name: ordinal for ordinal, host in enumerate(definition.hosts)}
        self._common = environment.shared(definition, outputs)

    def is_open(self, step: StepBase) -> bool:
        """Whether what the step's texts mean depends on values: else the start has judged them."""
        if self._definition.foreseen is None:
            return False
        if step.name not in self._mentioned:
            script = self._definition.scripts.get(step.name)
            self._mentioned[step.name] = sorted(mentioned(step, script))
        return bool(self._mentioned[step.name])

    def unforeseen(self, host: FrozenHost, step: StepBase, work: Work) -> list[Hit]:
        """Rules that an open step meets now that every value is known, and was not known to meet.

        The same texts with the same values are judged once. What it gives is masked.
        """
        script = self._definition.scripts.get(step.name)
        values = (work.env.get(name) for name in self._mentioned[step.name])
        key = (step.name, host.shell, *values)
        if key not in self._judged:
            given = Given(script=script, env=work.env, shell=host.shell)
            self._judged[key] = [self._masked(hit) for hit in self._judges.judge(step, given)]
        foreseen = (self._definition.foreseen or {}).get(step.name, ())
        ordinal = self._ordinals[host.name]
        return [
            hit
            for hit in self._judged[key]
            if hit.rule not in foreseen and self._judges.concerns(hit, ordinal)
        ]

    def _masked(self, hit: Hit) -> Hit:
        mask = self.masker.mask_text
        return replace(hit, command=mask(hit.command), meaning=mask(hit.meaning))

    def target(self, host: FrozenHost, step: StepBase) -> Target:
        """Where to go and as whom."""
        account = self._definition.account_for(step, host)
        if not step.enters_host:
            return Target(
                host=host.name,
                address=host.address,
                port=host.port,
                login=self._login(host, account) if step.logs_in else Login(user=""),
                connect_timeout_s=self._ways.connect_timeout_s,
                networks=self._networks(host),
            )
        target = self._target(host, account, with_jumps=True)
        routes = self._definition.routes
        sources = tuple(
            self._target(routes[name], routes[name].account, with_jumps=True)
            for name in self._definition.sources.get(step.name, ())
        )
        if step.access is None:
            return target
        return msgspec.structs.replace(target, sources=sources, networks=self._networks(host))

    def _networks(self, host: FrozenHost) -> tuple[str, ...]:
        """The only ones that requests for `host` may reach; none: no limit but the usual ones."""
        return host.http_networks or self._ways.http_networks

    def _target(self, host: FrozenHost, account: str | None, *, with_jumps: bool) -> Target:
        is_local = host.protocol is Protocol.LOCAL
        login = Login(user="") if is_local else self._login(host, account)
        routes = self._definition.routes
        jumps = tuple(
            self._target(routes[name], routes[name].account, with_jumps=False)
            for name in (host.jumps if with_jumps else ())
        )
        return Target(
            host=host.name,
            address=host.address,
            port=host.port,
            protocol=host.protocol.value,
            login=login,
            host_key=HostKeyRule(
                pinned=host.host_key, accept_new=host.host_keys is HostKeyPolicy.ACCEPT_NEW
            ),
            jumps=jumps,
            connect_timeout_s=self._ways.connect_timeout_s,
            winrm=None if host.protocol is not Protocol.WINRM else _winrm(host.winrm),
        )

    def _login(self, host: FrozenHost, account: str | None) -> Login:
        if account is None or account not in self._opened.logins:
            raise TargetError("InvalidOptions", f"host {host.name} has no account to log in with")
        return self._opened.logins[account]

    def is_claimed(self, step: StepBase) -> bool:
        """Whether the target keeps a record of the attempt."""
        return step.is_detached

    def spool(self, host: FrozenHost, step: StepBase) -> str:
        """The folder there that holds claims; "": `.jobdeck` in the home of the work's user."""
        if host.spool or host.protocol is not Protocol.LOCAL:
            return host.spool or ""
        return self._ways.local_spool if self.target(host, step).login.become is None else ""

    def claim(
        self, host: FrozenHost, step: StepBase, resume: Position | None, running_s: float
    ) -> Claim:
        """The record that the target keeps: where, and from which byte on it is followed."""
        return Claim(
            run_id=self._run_id,
            epoch=self._ways.epoch,
            spool=self.spool(host, step),
            resume=resume,
            running_s=running_s,
        )

    def work(
        self, host: FrozenHost, step: StepBase, row: TargetRow, claim: Claim | None = None
    ) -> Work:
        """What to run there."""
        env = self._env(host, step, row.attempt)
        try:
            task = step.task(self._given(step, env))
        except (ValueError, Invalid) as error:
            raise TargetError(TargetCode.INVALID_OPTIONS, str(error)) from error
        return Work(
            attempt_id=row.attempt_id,
            task=task,
            env=env,
            timeout_s=step.timeout_s or self._definition.timeout_s,
            collect_outputs=step.collects_outputs,
            claim=claim,
        )

    def rehearsal(self, host: FrozenHost, step: StepBase, attempt_id: str) -> Work | None:
        """What to do there to see how the step would go, without an effect; None: nothing."""
        env = self._env(host, step, 1)
        try:
            task = step.rehearsal(self._given(step, env))
        except (ValueError, Invalid) as error:
            raise TargetError(TargetCode.INVALID_OPTIONS, str(error)) from error
        if task is None:
            return None
        timeout_s = step.timeout_s or self._definition.timeout_s
        return Work(attempt_id=attempt_id, task=task, env=env, timeout_s=timeout_s)

    def _given(self, step: StepBase, env: Mapping[str, str]) -> Given:
        script = self._definition.scripts.get(step.name)
        ways = self._ways
        return Given(script=script, env=env, contents=ways.contents, staging=ways.staging)

    def _env(self, host: FrozenHost, step: StepBase, attempt: int) -> dict[str, str]:
        """Values there, weakest first (`jobdeck help outputs`)."""
        own = self._host_outputs.get(host.name, {})
        return {
            **environment.said(self._definition, host, step, self._common, own, self._changed),
            **self._opened.env,
            **environment.marks(self._run_id, step.name, attempt, host),
        }
