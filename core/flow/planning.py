"""From a request and the documents of this moment to a frozen definition.

Pure: the same request and the same documents give the same definition.
Everything that can be refused before anything happens is refused here, all
problems at once: unknown names, empty targets, missing accounts, misfitting
parameters, guard rails.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from core.domain import targets, variables
from core.domain.access import AccountSpec, EnvironmentSpec, HostKeyPolicy
from core.domain.command_rules import CommandRuleSpec
from core.domain.flow import FlowSpec
from core.domain.inventory import GroupSpec, HostSpec
from core.domain.inventory import Protocol as Access
from core.domain.job import JobSpec, ParameterType, ScriptSpec, WorkSpec
from core.domain.queueing import LoadLimits, Queueing, locks_together
from core.domain.steps import FrozenScript, Step
from core.domain.steps.files import TransferStep
from core.domain.values import Env
from core.errors import Invalid, NotFound, Problem
from core.flow import choosing, dangers, guards, nesting, works
from core.flow.batching import roll
from core.flow.definition import (
    ENGINE_HOST,
    FrozenHost,
    RunDefinition,
    RunRequest,
)


class Documents(Protocol):
    """The documents of one moment, parsed. Revisions are of the same moment."""

    @property
    def hosts(self) -> Mapping[str, HostSpec]: ...
    @property
    def groups(self) -> Mapping[str, GroupSpec]: ...
    @property
    def accounts(self) -> Mapping[str, AccountSpec]: ...
    @property
    def environments(self) -> Mapping[str, EnvironmentSpec]: ...
    @property
    def command_rules(self) -> Mapping[str, CommandRuleSpec]: ...
    @property
    def inventory(self) -> targets.Inventory: ...
    def job(self, name: str, revision: int | None = None) -> tuple[JobSpec, int]: ...
    def flow(self, name: str, revision: int | None = None) -> tuple[FlowSpec, int]: ...
    def script(self, name: str, revision: int | None) -> tuple[ScriptSpec, int]: ...


def plan(request: RunRequest, documents: Documents) -> RunDefinition:
    """The frozen definition of a run; `secrets` of the request are sealed by the caller.

    Raises Invalid, NotFound, Forbidden or ConfirmationRequired; nothing has happened then.
    """
    definition = resolve(request, documents)
    guard(definition, request, documents, dangers.find(definition, documents))
    return definition


def resolve(
    request: RunRequest,
    documents: Documents,
    away: choosing.Away = MappingProxyType({}),
    outcomes: Mapping[str, works.Outcome] = MappingProxyType({}),
) -> RunDefinition:
    """As `plan`, without asking the guard rails: what would run, if it may.

    `outcomes`: what the frozen nodes of the request came to in earlier runs.
    """
    work = works.with_outcomes(works.work_of(request, documents), outcomes)
    values = variables.bind(work.parameters, request.parameters)
    given = choosing.target_values(work.parameters, values)
    narrowed = works.narrowed(work)
    chosen = choosing.choose(request, work, narrowed, documents.inventory, given)
    absent = {} if request.include_away else away
    step_names = {
        step: tuple(name for name in names if name not in absent) for step, names in chosen.items()
    }
    texts = choosing.expressions(request, work, narrowed, given)
    asked = choosing.facts_asked(texts, documents.inventory)
    choosing.refuse_empty(request, work, chosen, step_names, absent, asked)
    sources = choosing.sources(work, documents.inventory)
    everybody = {name for names in (*chosen.values(), *sources.values()) for name in names}
    sources = choosing.present_sources(sources, absent)
    ordered: dict[str, int] = {}
    for names in step_names.values():
        for name in names:
            ordered.setdefault(name, len(ordered))
    grouped = group_variables(documents)
    hosts = tuple(freeze_host(name, documents, grouped) for name in ordered)
    hosts = choosing.with_facts(hosts, asked, documents.inventory)
    run_as = {
        step.name: account
        for step in work.steps
        if (account := step.run_as or request.run_as) and step.logs_in
    }
    routes = {
        name: freeze_host(name, documents, grouped) for names in sources.values() for name in names
    }
    routes |= {
        jump: freeze_host(jump, documents, grouped)
        for host in (*hosts, *routes.values())
        for jump in _route(host, documents)
    }
    step_hosts = {
        step: tuple(ordered[name] for name in names) for step, names in step_names.items()
    }
    rolled = roll(request, work, hosts, step_hosts, documents)
    definition = RunDefinition(
        title=request.title or work.title,
        origin=work.origin,
        graph=work.graph.with_steps(rolled.steps),
        hosts=hosts,
        step_hosts=step_hosts,
        batches=rolled.batches,
        offsets_s=rolled.offsets_s,
        seed=rolled.seed,
        routes=routes,
        sources=sources,
        accounts=_accounts(hosts, routes, run_as, documents),
        run_as=run_as,
        scripts=scripts_of(work, documents),
        parameters={
            parameter.name: values[parameter.name]
            for parameter in work.parameters
            if parameter.name in values and parameter.type is not ParameterType.SECRET
        },
        env=request.env,
        concurrency=request.concurrency or work.concurrency,
        timeout_s=request.timeout_s,
        targets=choosing.shown_targets(request, work),
        is_test=request.test,
        left_out={name: why for name, why in absent.items() if name in everybody},
        change=request.change or "",
        narrowed=narrowed,
        works=nesting.freeze(request, work, documents),
        queueing=_queueing(request, work.spec, rolled.steps),
        request=_kept(request, work),
    )
    _check_access(definition)
    _check_files(definition)
    return definition


def _kept(request: RunRequest, work: works.Work) -> RunRequest:
    """The request without what the next run must be given anew."""
    secret = _secret_names(work)
    plain = {name: value for name, value in request.parameters.items() if name not in secret}
    nothing: dict[str, Any] = {
        "secrets": {},
        "confirm_hosts": None,
        "change": None,
        "plan": None,
        "acknowledge": (),
        "override": None,
    }
    return request.model_copy(update={**nothing, "parameters": plain, "seed": ""})


def _queueing(request: RunRequest, spec: WorkSpec, steps: Sequence[Step]) -> Queueing:
    """What the request, the job or flow, and its steps ask of the queue together."""
    return Queueing(
        priority=request.priority or spec.priority,
        locks=locks_together(request.locks, spec.locks, *(step.locks for step in steps)),
        lock_hosts=spec.lock_hosts if request.lock_hosts is None else request.lock_hosts,
        load=LoadLimits(
            max_load_per_cpu=spec.max_load_per_cpu, min_free_mem_mb=spec.min_free_mem_mb
        ),
        override=request.override or "",
    )


def guard(
    definition: RunDefinition,
    request: RunRequest,
    documents: Documents,
    found: Sequence[dangers.StepHit],
    reviewed: Collection[str] | None = None,
    hosts: Iterable[guards.Place] | None = None,
) -> None:
    """Ask the guard rails whether a start may do what `resolve` and `dangers.find` have found.

    `hosts`: all that it touches, where runs inside it touch more than its own.
    `reviewed`: rules that others have approved already, for a start that can ask nobody.
    """
    unreviewed = [] if reviewed is None else dangers.unreviewed(found, reviewed)
    guards.check(
        definition.hosts if hosts is None else hosts,
        documents,
        change=definition.change,
        confirm_hosts=request.confirm_hosts,
        dangers=[*dangers.refusals(found), *unreviewed],
    )
    dangers.check_acknowledged(found, request.acknowledge)


def secret_parameters(request: RunRequest, documents: Documents) -> dict[str, str]:
    """Values of the secret parameters of what is run, as given: the caller seals them."""
    work = works.work_of(request, documents)
    values = variables.bind(work.parameters, request.parameters)
    return {name: values[name] for name in _secret_names(work) if name in values}


def secret_names(request: RunRequest, documents: Documents) -> tuple[str, ...]:
    """Names of the secret parameters of what is run, given or not."""
    return _secret_names(works.work_of(request, documents))


def missing_secrets(request: RunRequest, documents: Documents) -> tuple[str, ...]:
    """Names of the secret parameters that a start would need, and that are not given."""
    return tuple(
        parameter.name
        for parameter in works.work_of(request, documents).parameters
        if parameter.type is ParameterType.SECRET
        and parameter.required
        and parameter.name not in request.parameters
    )


def _secret_names(work: works.Work) -> tuple[str, ...]:
    return tuple(
        parameter.name for parameter in work.parameters if parameter.type is ParameterType.SECRET
    )


def group_variables(documents: Documents) -> dict[str, Env]:
    """Host -> variables of the groups it is in; groups are laid over each other by name."""
    found: dict[str, Env] = {}
    for name, group in sorted(documents.groups.items()):
        if group.variables:
            for host in targets.resolve(targets.parse(f"@{name}"), documents.inventory):
                found.setdefault(host, {}).update(group.variables)
    return found


def freeze_host(name: str, documents: Documents, grouped: Mapping[str, Env]) -> FrozenHost:
    """A host as it is now; `grouped`: variables of groups by host. NotFound where there is none."""
    spec = documents.hosts.get(name)
    if spec is None:
        if name == ENGINE_HOST:
            return FrozenHost(name=name, address="", protocol=Access.LOCAL)
        raise NotFound("host", name, list(documents.hosts))
    rails = documents.environments.get(spec.environment or "") or EnvironmentSpec()
    merged = {**rails.variables, **grouped.get(name, {}), **spec.variables}
    return FrozenHost(
        name=name,
        address=spec.address or name,
        port=spec.port,
        protocol=spec.protocol,
        account=spec.account,
        jumps=spec.jump,
        host_key=spec.host_key,
        host_keys=rails.host_keys if spec.environment else HostKeyPolicy.ASK,
        environment=spec.environment,
        http_networks=rails.http_networks,
        spool=spec.spool,
        winrm=spec.winrm,
        variables=merged,
    )


def _route(host: FrozenHost, documents: Documents) -> tuple[str, ...]:
    for name in host.jumps:
        if name == host.name:
            raise Invalid(f"host {name} jumps through itself")
        if name not in documents.hosts:
            raise NotFound(f"jump host of {host.name}", name, list(documents.hosts))
        if documents.hosts[name].protocol is Access.WINRM:
            raise Invalid(f"host {host.name} cannot jump through {name}: WinRM leads nowhere else")
    return host.jumps


def _accounts(
    hosts: Sequence[FrozenHost],
    routes: Mapping[str, FrozenHost],
    run_as: Mapping[str, str],
    documents: Documents,
) -> dict[str, AccountSpec]:
    wanted = {host.account for host in (*hosts, *routes.values())} | set(run_as.values())
    found = {}
    for name in sorted(name for name in wanted if name is not None):
        if name not in documents.accounts:
            raise NotFound("account", name, list(documents.accounts))
        found[name] = documents.accounts[name]
    return found


def scripts_of(work: works.Work, documents: Documents) -> dict[str, FrozenScript]:
    """Step -> the script document that it uses."""
    frozen = {}
    for step in work.steps:
        if (used := step.script_used()) is not None:
            spec, revision = documents.script(used.name, used.revision)
            frozen[step.name] = FrozenScript(
                name=used.name,
                revision=revision,
                language=str(spec.language),
                text=spec.text,
            )
    return frozen


def _check_access(definition: RunDefinition) -> None:
    """Every jump and every target that is logged in to needs an account that holds what it takes."""
    problems: dict[str, Problem] = {}
    for step in definition.graph.steps:
        for ordinal in definition.step_hosts[step.name]:
            host = definition.hosts[ordinal]
            if step.logs_in and not (host.protocol is Access.LOCAL and step.enters_host):
                account = definition.account_for(step, host)
                _check_login(definition, host, account, step.lacks, problems)
    for jump in definition.routes.values():
        if jump.protocol is Access.SSH:
            _check_login(definition, jump, jump.account, _lacks_user, problems)
    if problems:
        raise Invalid("the run has no way to log in", list(problems.values())[:20])


def _check_files(definition: RunDefinition) -> None:
    """Hosts have the paths and rights of their own kind."""
    problems = [
        Problem(where=f"step {step.name}, host {host.name}", what=why)
        for step in definition.graph.steps
        if isinstance(step, TransferStep)
        for host, why in (
            *(
                (host, step.unfit(host.protocol))
                for host in (definition.hosts[each] for each in definition.step_hosts[step.name])
            ),
            *(
                (host, step.unfit(host.protocol, is_source=True))
                for host in map(
                    definition.routes.__getitem__, definition.sources.get(step.name, ())
                )
            ),
        )
        if why
    ]
    if problems:
        raise Invalid("files cannot go where they are to", problems[:20])


def _check_login(
    definition: RunDefinition,
    host: FrozenHost,
    account: str | None,
    lacks: Callable[[AccountSpec], str],
    problems: dict[str, Problem],
) -> None:
    where = f"host {host.name}"
    if account is None:
        hint = "give the host an account, or use --as ACCOUNT"
        problems.setdefault(host.name, Problem(where=where, what="no account", hint=hint))
    elif missing := lacks(definition.accounts[account]):
        what = f"account {account} has no {missing}"
        hint = "give it one, or use --as ACCOUNT"
        problems.setdefault(host.name, Problem(where=where, what=what, hint=hint))


def _lacks_user(account: AccountSpec) -> str:
    return "user" if account.user is None else ""
