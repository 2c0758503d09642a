"""What was really executed, through the API: the step, where, as whom, with which variables."""

from __future__ import annotations

from typing import Any

import pytest

from core.executors.scripted import Behaviour
from tests.support.api import Api, command, host


@pytest.fixture
async def fleet(api: Api) -> Api:
    await api.apply(
        {"kind": "environment", "name": "prod", "spec": {"variables": {"STAGE": "prod"}}},
        host("web1", environment="prod", variables={"RACK": "a"}),
        host("web2", environment="prod", variables={"RACK": "b"}),
        {
            "kind": "account",
            "name": "deployer",
            "spec": {"user": "deploy", "password": "hush", "become": {"user": "app"}},
        },
        {
            "kind": "host",
            "name": "db1",
            "spec": {"address": "192.0.2.7", "account": "deployer", "variables": {"RACK": "c"}},
        },
    )
    return api


async def executed(api: Api, run: str, **query: Any) -> dict[str, Any]:
    answer = await api.get(f"/runs/{run}/executed", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_it_tells_the_command_the_users_and_the_variables(fleet: Api) -> None:
    run = await fleet.run(
        command("uname -a", targets="all", env={"LEVEL": "3"}, secrets={"TOKEN": "s3cret"})
    )

    found = await executed(fleet, run)

    assert (found["step"], found["attempt"], found["kind"]) == ("main", 1, "command")
    assert found["settings"]["command"] == "uname -a"
    assert [(w["protocol"], w["user"], w["become"], w["hosts"]) for w in found["ways"]] == [
        ("ssh", "deploy", "app (sudo)", "db1"),
        ("local", "", "", "web[1-2]"),
    ]
    assert found["env"]["LEVEL"] == "3"
    assert "STAGE" in found["differing"]
    assert "RACK" in found["differing"]
    assert found["secrets"] == ["TOKEN"]
    assert "s3cret" not in str(found)
    assert "hush" not in str(found)


async def test_of_one_host_every_variable_is_told(fleet: Api) -> None:
    run = await fleet.run(command("true", targets="all"))

    found = await executed(fleet, run, host="web2")

    assert [way["hosts"] for way in found["ways"]] == ["web2"]
    assert found["differing"] == []
    assert (found["env"]["RACK"], found["env"]["STAGE"]) == ("b", "prod")
    assert found["env"]["JOBDECK_HOST"] == "web2"
    missing = await fleet.get(f"/runs/{run}/executed", params={"host": "web9"})
    assert missing.status_code == 404


async def test_it_is_what_the_executor_was_given(fleet: Api) -> None:
    run = await fleet.run(command("true", hosts=["web1"], env={"LEVEL": "3"}))

    (_host, work), *_more = fleet.executor.works

    assert (await executed(fleet, run))["env"] == work.env


async def test_a_retry_shows_its_own_hosts_and_the_variables_that_it_changed(fleet: Api) -> None:
    fleet.hosts.behaviours["web1"] = Behaviour(exit_code=1)
    run = await fleet.run(command("true", hosts=["web1", "web2"], env={"LEVEL": "3"}))
    body = {"action": "retry", "env": {"LEVEL": "4"}}
    assert (await fleet.post(f"/runs/{run}/actions", body)).status_code == 202
    await fleet.ended(run)

    first, second = await executed(fleet, run, attempt=1), await executed(fleet, run)

    assert (first["env"]["LEVEL"], first["ways"][0]["hosts"]) == ("3", "web[1-2]")
    assert (second["attempt"], second["env"]["LEVEL"]) == (2, "4")
    assert second["ways"][0]["hosts"] == "web1"


async def test_runs_tell_and_are_found_by_the_environments_that_they_touch(fleet: Api) -> None:
    run = await fleet.run(command("true", targets="all"))
    other = await fleet.run(command("true", hosts=["db1"]))

    assert (await fleet.get(f"/runs/{run}")).json()["environments"] == ["prod"]
    assert (await fleet.get(f"/runs/{other}")).json()["environments"] == []
    listed = (await fleet.get("/runs", params={"environment": "prod"})).json()["items"]
    assert [each["id"] for each in listed] == [run]
    listed = (await fleet.get("/runs", params={"id": [run, other]})).json()["items"]
    assert [each["id"] for each in listed] == [other, run]
