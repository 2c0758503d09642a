"""Two runs side by side, through the API."""

from __future__ import annotations

import pytest

from core.executors.protocol import Stream
from core.executors.scripted import Behaviour
from tests.support.api import Api, command, host


@pytest.fixture
async def two(api: Api) -> tuple[Api, str, str]:
    """Two runs: web1 fails in the first, web2 prints other words in the second, web3 joins it."""
    await api.apply(*(host(f"web{number}") for number in range(1, 5)))
    api.hosts.behaviours["web1"] = Behaviour(exit_code=3)
    first = await api.run(command("old", targets="web1,web2,web4"))
    del api.hosts.behaviours["web1"]
    api.hosts.behaviours["web2"] = Behaviour(output=((Stream.OUT, b"same\nother\n"),))
    second = await api.run(command("new", targets="web1,web2,web3,web4", concurrency=7))
    return api, first, second


async def test_runs_are_compared_host_by_host(two: tuple[Api, str, str]) -> None:
    api, first, second = two
    found = (await api.get(f"/runs/{first}/comparison", params={"with": second})).json()
    assert (found["a"]["id"], found["b"]["id"]) == (first, second)
    shown = [(group["difference"], group["folded"], group["hosts"]) for group in found["groups"]]
    assert shown == [
        ("only_b", "web3", ["web3"]),
        ("state", "web1", ["web1"]),
        ("output", "web2", ["web2"]),
        ("same", "web4", ["web4"]),
    ]
    state = found["groups"][1]
    assert (state["a"], state["b"]) == (
        {"state": "failed", "exit_code": 3},
        {"state": "success", "exit_code": 0},
    )
    assert found["counts"] == {
        "only_a": 0,
        "only_b": 1,
        "state": 1,
        "exit_code": 0,
        "output": 1,
        "same": 1,
    }
    asked = {change["path"]: (change["before"], change["after"]) for change in found["definition"]}
    assert asked["steps.main.command"] == ("old", "new")
    assert asked["steps.main.hosts"] == ("web[1-2,4]", "web[1-4]")
    assert asked["concurrency"] == (100, 7)


async def test_a_run_does_not_differ_from_itself(two: tuple[Api, str, str]) -> None:
    api, first, _ = two
    found = (await api.get(f"/runs/{first}/comparison", params={"with": first})).json()
    assert found["definition"] == []
    assert [group["difference"] for group in found["groups"]] == ["same", "same"]


async def test_the_output_of_one_host_is_compared_line_by_line(two: tuple[Api, str, str]) -> None:
    api, first, second = two
    query = {"with": second, "host": "web2"}
    found = (await api.get(f"/runs/{first}/comparison/output", params=query)).json()
    kinds = [line["kind"] for line in found["lines"]]
    assert kinds.count("added") == 2
    assert kinds.count("removed") == 1


@pytest.mark.parametrize(
    ("path", "query", "status", "says"),
    [
        ("comparison", {}, 422, "with"),
        ("comparison", {"with": "01NOSUCHRUN"}, 404, "01NOSUCHRUN"),
        ("comparison", {"with": "{second}", "step": "mian"}, 404, "did you mean 'main'?"),
        ("comparison/output", {"with": "{second}"}, 422, "host"),
        ("comparison/output", {"with": "{second}", "host": "web3"}, 404, "web3"),
        ("comparison/output", {"with": "{second}", "host": "web1", "rules": "x"}, 422, "rules"),
    ],
)
async def test_what_cannot_be_compared_is_said(
    two: tuple[Api, str, str], path: str, query: dict[str, str], status: int, says: str
) -> None:
    api, first, second = two
    params = {name: value.replace("{second}", second) for name, value in query.items()}
    answer = await api.get(f"/runs/{first}/{path}", params=params)
    assert answer.status_code == status
    assert says in answer.text
