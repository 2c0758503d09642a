"""From documents to the queue: what a run uses, and how much there is of everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from core.dispatch.items import Item, Kind, Load, Mode, Resource, Use, use
from core.domain.access import AccountSpec, EnvironmentSpec
from core.domain.facts import FactValue
from core.domain.flow import FlowSpec
from core.domain.inventory import HostSpec
from core.domain.job import JobSpec
from core.domain.priorities import LockMode, Priority
from core.domain.queueing import LoadLimits
from core.flow.definition import ENGINE_HOST, RunDefinition

_MODES = {LockMode.SHARED: Mode.SHARED, LockMode.EXCLUSIVE: Mode.EXCLUSIVE}
_MB = 1000
"""Of a fact that is counted in GB."""


class Limiting(Protocol):
    """The documents that say how many runs there may be, and how busy hosts."""

    @property
    def hosts(self) -> Mapping[str, HostSpec]: ...
    @property
    def environments(self) -> Mapping[str, EnvironmentSpec]: ...
    @property
    def accounts(self) -> Mapping[str, AccountSpec]: ...
    @property
    def jobs(self) -> Mapping[str, JobSpec]: ...
    @property
    def flows(self) -> Mapping[str, FlowSpec]: ...


def item_of(
    run_id: str,
    definition: RunDefinition,
    environments: Mapping[str, EnvironmentSpec],
    *,
    owner: str,
    priority: Priority,
    since: float,
) -> Item:
    """A run as the queue sees it."""
    load = _load_limits(definition, environments)
    return Item(
        run_id=run_id,
        owner=owner,
        priority=priority,
        since=since,
        uses=tuple(_uses(definition)),
        hosts=tuple(load),
        load=load,
        override=bool(definition.queueing.override),
    )


def _uses(definition: RunDefinition) -> Iterator[Use]:
    """Each once, in one order for all runs: what most runs want comes first."""
    hosts = sorted(host.name for host in definition.hosts if host.name != ENGINE_HOST)
    yield use(Kind.ENGINE)
    for environment in sorted({host.environment for host in definition.hosts} - {None}, key=str):
        yield use(Kind.ENVIRONMENT, str(environment))
    kind, _, name = definition.origin.rpartition("@")[0].partition("/")
    if kind in (Kind.JOB, Kind.FLOW):  # an ad-hoc run is of neither
        yield use(Kind(kind), name)
    for account in sorted(definition.accounts):
        yield use(Kind.ACCOUNT, account)
    for host in hosts:
        yield use(Kind.HOST, host)
    for name, mode in sorted(definition.queueing.locks.items()):
        yield use(Kind.LOCK, name, _MODES[mode])
    if (wanted := definition.queueing.lock_hosts.mode) is not None:
        for host in hosts:
            yield use(Kind.HOST_LOCK, host, _MODES[wanted])


def _load_limits(
    definition: RunDefinition, environments: Mapping[str, EnvironmentSpec]
) -> dict[str, LoadLimits]:
    """Host -> what is asked of it, where anything is."""
    own = definition.queueing.load
    found = {}
    for host in definition.hosts:
        spec = environments.get(host.environment or "")
        limits = own if spec is None else own.stricter(_load_of(spec))
        if host.name != ENGINE_HOST and not limits.is_open:
            found[host.name] = limits
    return found


def _load_of(spec: EnvironmentSpec) -> LoadLimits:
    return LoadLimits(max_load_per_cpu=spec.max_load_per_cpu, min_free_mem_mb=spec.min_free_mem_mb)


def limits_of(documents: Limiting, max_runs: int | None) -> dict[Resource, int]:
    """How many runs each thing bears at the same time; what bears any number is left out."""
    found = {Resource(Kind.ENGINE): max_runs} if max_runs is not None else {}
    for kind, specs in (
        (Kind.ENVIRONMENT, documents.environments),
        (Kind.ACCOUNT, documents.accounts),
        (Kind.JOB, documents.jobs),
        (Kind.FLOW, documents.flows),
    ):
        for name, spec in specs.items():
            if spec.max_runs is not None:
                found[Resource(kind, name)] = spec.max_runs
    for name, host in documents.hosts.items():
        environment = documents.environments.get(host.environment or "")
        both = (host.max_runs, environment.max_runs_per_host if environment else None)
        known = [limit for limit in both if limit is not None]
        if known:
            found[Resource(Kind.HOST, name)] = min(known)
    return found


def load_of(facts: Mapping[str, FactValue]) -> Load:
    """How busy a host is, by its facts."""
    load, cpus, free_gb = (_number(facts.get(name)) for name in ("load", "cpus", "mem_free_gb"))
    return Load(
        per_cpu=None if load is None or not cpus else load / cpus,
        free_mem_mb=None if free_gb is None else free_gb * _MB,
    )


def _number(value: FactValue | None) -> float | None:
    return float(value) if isinstance(value, int | float) else None
