"""From documents to the queue: what a run uses, what there is of it, and how busy hosts are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from core.dispatch.asking import item_of, limits_of, load_of
from core.dispatch.items import Item, Kind, Load, Mode, Resource
from core.domain.access import AccountSpec, EnvironmentSpec
from core.domain.inventory import HostSpec
from core.domain.job import JobSpec
from core.domain.priorities import HostLock, LockMode, Priority
from core.domain.queueing import LoadLimits, Queueing
from core.flow.definition import ENGINE_HOST, FrozenHost, RunDefinition
from core.flow.graph import chain

JOB = {"steps": [{"kind": "command", "name": "s", "command": "id"}]}


def definition(*hosts: FrozenHost, **changes: Any) -> RunDefinition:
    return RunDefinition(
        title="t",
        origin=changes.pop("origin", "job/j@1"),
        graph=chain(JobSpec.model_validate(JOB).steps),
        hosts=hosts,
        step_hosts={"s": tuple(range(len(hosts)))},
        accounts={"deploy": AccountSpec(user="deploy")},
        **changes,
    )


def item(of: RunDefinition, environments: dict[str, EnvironmentSpec] | None = None) -> Item:
    return item_of(
        "r",
        of,
        environments or {},
        owner="ann",
        priority=Priority.NORMAL,
        since=0,
    )


WEB2, WEB1 = (FrozenHost(name=name, address=name, environment="prod") for name in ("web2", "web1"))
HERE = FrozenHost(name=ENGINE_HOST, address="")


def test_a_run_uses_everything_once_and_in_one_order() -> None:
    queueing = Queueing(
        locks={"z": LockMode.EXCLUSIVE, "a": LockMode.SHARED}, lock_hosts=HostLock.EXCLUSIVE
    )
    found = item(definition(WEB2, WEB1, HERE, queueing=queueing))
    assert [(*use.resource, use.mode) for use in found.uses] == [
        (Kind.ENGINE, "", Mode.SLOT),
        (Kind.ENVIRONMENT, "prod", Mode.SLOT),
        (Kind.JOB, "j", Mode.SLOT),
        (Kind.ACCOUNT, "deploy", Mode.SLOT),
        (Kind.HOST, "web1", Mode.SLOT),
        (Kind.HOST, "web2", Mode.SLOT),
        (Kind.LOCK, "a", Mode.SHARED),
        (Kind.LOCK, "z", Mode.EXCLUSIVE),
        (Kind.HOST_LOCK, "web1", Mode.EXCLUSIVE),
        (Kind.HOST_LOCK, "web2", Mode.EXCLUSIVE),
    ]


def test_a_job_and_a_flow_of_one_name_are_two_things_and_an_ad_hoc_run_is_neither() -> None:
    for origin, kinds in (("flow/j@3", [Kind.FLOW]), ("job/j@3", [Kind.JOB]), ("adhoc", [])):
        uses = item(definition(WEB1, origin=origin)).uses
        found = [use.resource for use in uses if use.resource.kind in (Kind.JOB, Kind.FLOW)]
        assert found == [Resource(kind, "j") for kind in kinds]


def test_load_limits_are_asked_of_the_hosts_that_have_one() -> None:
    lone = FrozenHost(name="lone", address="lone")
    environments = {"prod": EnvironmentSpec(max_load_per_cpu=2)}
    assert dict(item(definition(WEB1, lone, HERE), environments).load) == {
        "web1": LoadLimits(max_load_per_cpu=2)
    }
    asks = Queueing(load=LoadLimits(max_load_per_cpu=1))
    found = item(definition(WEB1, lone, HERE, queueing=asks), environments)
    assert found.hosts == ("web1", "lone")
    assert {limits.max_load_per_cpu for limits in found.load.values()} == {1}


def test_limits_come_from_the_settings_and_from_documents() -> None:
    documents = SimpleNamespace(
        hosts={
            "web1": HostSpec(environment="prod", max_runs=1),
            "web2": HostSpec(environment="prod"),
            "lone": HostSpec(),
        },
        environments={"prod": EnvironmentSpec(max_runs=5, max_runs_per_host=2)},
        accounts={"deploy": AccountSpec(user="deploy", max_runs=3)},
        flows={},
        jobs={
            "j": JobSpec.model_validate({**JOB, "max_runs": 1}),
            "k": JobSpec.model_validate(JOB),
        },
    )
    assert limits_of(documents, 9) == {
        Resource(Kind.ENGINE): 9,
        Resource(Kind.ENVIRONMENT, "prod"): 5,
        Resource(Kind.ACCOUNT, "deploy"): 3,
        Resource(Kind.JOB, "j"): 1,
        Resource(Kind.HOST, "web1"): 1,
        Resource(Kind.HOST, "web2"): 2,
    }
    assert Resource(Kind.ENGINE) not in limits_of(documents, None)


def test_how_busy_a_host_is_follows_from_its_facts_as_far_as_they_are_known() -> None:
    assert load_of({"load": 3.0, "cpus": 2, "mem_free_gb": 0.5}) == Load(1.5, 500)
    assert load_of({"load": 3.0}) == Load(None, None)
    assert load_of({"load": 3.0, "cpus": 0, "mem_free_gb": "?"}) == Load(None, None)
