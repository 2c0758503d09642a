"""What a target is sent: where, as whom, which program, with which values.

The one place where a run's references become secrets. They live as long as
the step's attempt, and everything that comes back is masked by the same list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.domain import variables
from core.domain.access import AccountSpec, HostKeyPolicy
from core.domain.command_rules import Hit
from core.domain.inventory import Protocol
from core.domain.run import TargetCode
from core.domain.steps import Given, StepBase
from core.domain.values import Secret, SecretRef
from core.errors import Invalid, TargetError
from core.executors.protocol import (
    BecomeLogin,
    Claim,
    HostKeyRule,
    Login,
    Position,
    Target,
    Work,
)
from core.flow.dangers import Judges, mentioned
from core.flow.definition import FrozenHost, RunDefinition
from core.storage.runs import TargetRow
from core.vault.masking import Masker

OpenSecret = Callable[[SecretRef], str]


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
    reattach_s: float
    """How long a host is looked for when the line to its work is lost."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A step's secrets, opened. Never stored, never shown."""

    env: Mapping[str, str] = field(repr=False)
    logins: Mapping[str, Login] = field(repr=False)
    """Account -> login."""

    def texts(self) -> list[str]:
        """Every secret text, for the masker."""
        found = list(self.env.values())
        for login in self.logins.values():
            proofs = [login.key, login.passphrase, login.password]
            if login.become is not None:
                proofs.append(login.become.password)
            found += [proof for proof in proofs if proof]
        return found


def open_secrets(definition: RunDefinition, open_secret: OpenSecret) -> Opened:
    """Everything that a run's steps may need."""
    return Opened(
        env={name: open_secret(ref) for name, ref in definition.secrets.items()},
        logins={name: _login(spec, open_secret) for name, spec in definition.accounts.items()},
    )


def _login(spec: AccountSpec, open_secret: OpenSecret) -> Login:
    def text(secret: Secret | None) -> str | None:
        # Only references are ever stored; anything else here is a bug of ours.
        assert secret is None or isinstance(secret, SecretRef)
        return None if secret is None else open_secret(secret)

    become = spec.become
    return Login(
        user=spec.user,
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
    ) -> None:
        self._run_id = run_id
        self._definition = definition
        self._opened = opened
        self._outputs = outputs
        self._host_outputs = host_outputs
        self._ways = ways
        self.masker = Masker(opened.texts())
        self._judges = Judges(definition.command_rules)
        self._mentioned: dict[str, list[str]] = {}
        """Step -> names of the variables that its texts speak of."""
        self._judged: dict[tuple[str | None, ...], list[Hit]] = {}
        """Step and their values -> what was found."""
        self._ordinals = {host.name: ordinal for ordinal, host in enumerate(definition.hosts)}
        self._common = {name: variables.as_text(value) for name, value in self._values().items()}

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
        key = (step.name, *(work.env.get(name) for name in self._mentioned[step.name]))
        if key not in self._judged:
            self._judged[key] = [
                self._masked(hit) for hit in self._judges.judge(step, script, work.env)
            ]
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

    def _values(self) -> dict[str, Any]:
        """Values that are the same on every host, weakest first."""
        return {**self._definition.parameters, **self._outputs}

    def target(self, host: FrozenHost, step: StepBase) -> Target:
        """Where to go and as whom."""
        account = self._definition.run_as.get(step.name, host.account)
        if step.access is not None:
            return Target(
                host=host.name,
                address=host.address,
                port=host.port,
                login=self._login(host, account) if step.logs_in else Login(user=""),
                connect_timeout_s=self._ways.connect_timeout_s,
                networks=host.http_networks or self._ways.http_networks,
            )
        return self._target(host, account, with_jumps=True)

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
            login=login,
            host_key=HostKeyRule(
                pinned=host.host_key, accept_new=host.host_keys is HostKeyPolicy.ACCEPT_NEW
            ),
            jumps=jumps,
            connect_timeout_s=self._ways.connect_timeout_s,
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
            task = step.task(Given(script=self._definition.scripts.get(step.name), env=env))
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
            task = step.rehearsal(Given(script=self._definition.scripts.get(step.name), env=env))
        except (ValueError, Invalid) as error:
            raise TargetError(TargetCode.INVALID_OPTIONS, str(error)) from error
        if task is None:
            return None
        timeout_s = step.timeout_s or self._definition.timeout_s
        return Work(attempt_id=attempt_id, task=task, env=env, timeout_s=timeout_s)

    def _env(self, host: FrozenHost, step: StepBase, attempt: int) -> dict[str, str]:
        """Values there, weakest first (`jobdeck help outputs`)."""
        own = self._host_outputs.get(host.name, {})
        return {
            **host.variables,
            **self._common,
            **{name: variables.as_text(value) for name, value in own.items()},
            **step.env,
            **self._definition.env,
            **self._opened.env,
            "JOBDECK_RUN": self._run_id,
            "JOBDECK_STEP": step.name,
            "JOBDECK_ATTEMPT": str(attempt),
            "JOBDECK_HOST": host.name,
            "JOBDECK_ADDRESS": host.address,
        }
