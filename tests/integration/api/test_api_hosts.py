"""What is observed on hosts, through the API: facts, and what follows from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.domain.run import TargetCode
from core.errors import TargetError
from core.executors.protocol import Stream
from core.executors.scripted import Behaviour
from core.storage.journal import read_after
from tests.support.api import Api, command, host


def says(**facts: object) -> Behaviour:
    """A host that answers with these facts."""
    lines = {"os-release ID": "debian", "kib MemTotal": 16_000_000, "load": 0.5, **facts}
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    return Behaviour(output=((Stream.OUT, text.encode()),))


@pytest.fixture
async def web(api: Api) -> Api:
    """Two hosts that answer, and one that does not."""
    await api.apply(host("web1"), host("web2"), host("web3"))
    api.hosts.behaviours = {
        "web1": says(),
        "web2": says(**{"os-release ID": "alpine"}),
        "web3": Behaviour(refuses=TargetError(TargetCode.CONNECTION_TIMEOUT, "no answer")),
    }
    return api


async def gathered(api: Api, *hosts: str) -> dict[str, dict[str, Any]]:
    answer = await api.post("/facts/gather", {"hosts": list(hosts)})
    assert answer.status_code == 200, answer.text
    return {each["host"]: each for each in answer.json()}


async def chosen(api: Api, expression: str) -> list[str]:
    answer = await api.post("/targets/resolve", {"expression": expression})
    return list(answer.json()["hosts"])


def entries(api: Api, type_: str) -> list[tuple[str, dict[str, Any]]]:
    found = api.engine.store.reader.read_now(lambda c: read_after(c, 0, 1000, types=[type_]))
    return [(entry.subject, entry.data) for entry in found]


async def test_gathered_facts_choose_hosts(web: Api) -> None:
    assert await chosen(web, "os.id=debian") == []

    answers = await gathered(web, "web1", "web2", "web3")

    assert answers["web1"]["facts"] == {"os.id": "debian", "mem_gb": 16.4, "load": 0.5}
    silent = answers["web3"]
    assert (silent["state"], silent["code"]) == ("unreachable", "ConnectionTimeout")
    assert await chosen(web, "os.id=debian,mem_gb>=16") == ["web1"]
    assert await chosen(web, "os.id!=debian") == ["web2"]
    assert await chosen(web, "!has(os.id)") == ["web3"]
    assert entries(web, "facts.gathered") == [("facts", {"hosts": ["web1", "web2"]})]


async def test_a_change_is_history_and_a_journal_entry_and_a_new_load_is_neither(web: Api) -> None:
    await gathered(web, "web1")
    web.hosts.behaviours["web1"] = says(load=7)
    assert (await gathered(web, "web1"))["web1"]["changes"] == []
    web.hosts.behaviours["web1"] = says(cpus=4, **{"kib MemTotal": 32_000_000})

    changes = (await gathered(web, "web1"))["web1"]["changes"]

    expected = [
        {"path": "mem_gb", "before": 16.4, "after": 32.8},
        {"path": "cpus", "before": None, "after": 4},
    ]
    assert changes == expected
    assert entries(web, "host.facts") == [("host/web1", {"changes": expected})]
    known = (await web.get("/hosts/web1/facts")).json()
    assert [span["changes"] for span in known["history"]] == [expected, []]
    assert known["facts"]["cpus"] == 4
    assert known["history"][1]["last_at"] > known["history"][1]["first_at"]
    samples = (await web.get("/hosts/web1/samples")).json()
    assert [sample["facts"]["load"] for sample in samples] == [0.5, 7, 0.5]


async def test_a_run_freezes_the_facts_for_which_its_hosts_were_chosen(web: Api) -> None:
    await gathered(web, "web1", "web2")
    request = command(targets="os.id=debian")
    plan = (await web.post("/plans", {"request": request, "level": "plan"})).json()
    assert plan["facts"] == {
        "names": ["os.id"],
        "oldest_at": (await web.get("/hosts/web1/facts")).json()["at"],
        "hosts": 1,
    }

    run_id = await web.run(request)
    web.hosts.behaviours["web1"] = says(**{"os-release ID": "rhel"})
    await gathered(web, "web1")

    frozen = (await web.get(f"/runs/{run_id}")).json()
    assert frozen["target_count"] == 1
    again = await web.post("/runs", {"plan": plan["id"]})
    assert (again.status_code, again.json()["code"]) == (422, "invalid")  # nobody is debian now


async def test_new_facts_that_choose_the_same_hosts_leave_a_plan_as_it_is(web: Api) -> None:
    await gathered(web, "web1", "web2")
    request = command(targets="mem_gb>8")
    plan = (await web.post("/plans", {"request": request, "level": "plan"})).json()
    web.hosts.behaviours["web1"] = says(**{"kib MemTotal": 32_000_000})
    await gathered(web, "web1")

    assert (await web.post("/runs", {"plan": plan["id"]})).status_code == 202


async def test_what_cannot_be_asked_is_refused_and_changes_nothing(web: Api) -> None:
    before = web.journal_end
    unknown = await web.post("/facts/gather", {"hosts": ["web9"]})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not-found")
    many = await web.post("/facts/gather", {"hosts": [f"h{n}" for n in range(300)]})
    assert many.status_code == 422
    assert (await web.get("/hosts/web9/facts")).status_code == 404
    assert web.journal_end == before


async def test_a_host_in_maintenance_is_left_out_and_said_so(web: Api) -> None:
    answer = await web.post(
        "/hosts/maintenance", {"hosts": ["web1"], "on": True, "reason": "disk", "for_s": 3600}
    )
    [state] = answer.json()
    assert (state["maintenance"]["reason"], state["maintenance"]["actor"]) == ("disk", "ada")

    run_id = await web.run(command(targets="web1,web2"))

    definition = (await web.get(f"/runs/{run_id}")).json()["definition"]
    why = definition["left_out"]["web1"]
    assert definition["hosts"] == "web2"
    assert why.startswith("in maintenance until ")
    assert why.endswith("UTC: disk")
    await web.run(command(targets="web1,web2", include_away=True))
    assert [name for name, _ in web.executor.works] == ["web2", "web1", "web2"]
    nobody = await web.post("/runs", command(targets="web1"))
    assert nobody.status_code == 422
    [problem] = nobody.json()["problems"]
    assert problem["what"].startswith("every host of 'web1' is away; web1: in maintenance")
    assert problem["hint"] == "--include-away takes them all the same"


async def test_a_retry_lets_nothing_onto_a_host_in_maintenance_unless_it_says_so(web: Api) -> None:
    web.hosts.behaviours["web1"] = Behaviour(exit_code=1)
    run_id = await web.run(command(targets="web1,web2"))
    await web.post("/hosts/maintenance", {"hosts": ["web1"], "on": True, "reason": "disk"})
    begun, before = len(web.executor.works), web.journal_end

    refused = await web.post(f"/runs/{run_id}/actions", {"action": "retry"})

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    [problem] = refused.json()["problems"]
    assert (problem["where"], problem["what"]) == ("host web1", "in maintenance: disk")
    assert "--include-away" in problem["hint"]
    assert (len(web.executor.works), web.journal_end) == (begun, before)

    await web.post(f"/runs/{run_id}/actions", {"action": "retry", "include_away": True})
    await web.ended(run_id)
    assert len(web.executor.works) == begun + 1


async def test_maintenance_ends_when_it_is_ended_and_is_on_record(web: Api) -> None:
    await web.post("/hosts/maintenance", {"hosts": ["web1", "web2"], "on": True})
    ended = await web.post("/hosts/maintenance", {"hosts": ["web1", "web3"], "on": False})
    assert [state["maintenance"] for state in ended.json()] == [None, None]
    assert [state["host"] for state in (await web.get("/hosts")).json()] == ["web2"]
    told = [(subject, data["on"]) for subject, data in entries(web, "host.maintenance")]
    assert told == [("host/web1", True), ("host/web2", True), ("host/web1", False)]
    before = web.journal_end
    unknown = await web.post("/hosts/maintenance", {"hosts": ["web1", "web9"], "on": True})
    assert unknown.status_code == 404
    assert web.journal_end == before


async def test_a_source_is_refreshed_and_shown(web: Api, tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("app1 10.0.0.1\n")
    spec = {"file": str(file), "format": "list"}
    await web.apply({"kind": "inventory-source", "name": "site", "spec": spec})
    [never] = (await web.get("/inventory/sources")).json()
    assert (never["source"], never["asked_at"], never["hosts"]) == ("site", None, 0)

    compared = await web.post("/inventory/sources/site/refresh", {})
    applied = await web.post("/inventory/sources/site/refresh", {"apply": True})

    for answer in (compared, applied):
        [change] = answer.json()["changes"]
        assert (change["host"], change["action"], answer.json()["failure"]) == (
            "app1", "create", "",
        )  # fmt: skip
    assert (await web.get("/documents/host/app1")).json()["spec"]["address"] == "10.0.0.1"
    [answered] = (await web.get("/inventory/sources")).json()
    assert answered["asked_at"] == answered["good_at"]
    assert answered["hosts"] == 1
    [kept] = (await web.get("/inventory/sources/site/hosts")).json()
    assert kept["name"] == "app1"
    assert (await web.post("/inventory/sources/nix/refresh", {})).status_code == 404


async def test_notes_on_a_host_are_kept(web: Api) -> None:
    assert (await web.post("/hosts/web1/notes", {"text": "  loud fan "})).status_code == 201
    [note] = (await web.get("/hosts/web1/notes")).json()
    assert (note["text"], note["actor"]) == ("loud fan", "ada")
    assert entries(web, "host.noted") == [("host/web1", {"text": "loud fan"})]
    assert (await web.post("/hosts/web9/notes", {"text": "x"})).status_code == 404


async def test_a_host_that_is_made_anew_begins_anew(web: Api) -> None:
    await gathered(web, "web1")
    await web.post("/hosts/maintenance", {"hosts": ["web1"], "on": True})
    await web.delete("/documents/host/web1")
    await web.apply(host("web1"))

    assert (await web.get("/hosts")).json() == []
    assert (await web.get("/hosts/web1/facts")).json()["at"] is None
    assert await chosen(web, "has(os.id)") == []


async def test_nothing_found_by_facts_says_that_they_are_gathered(web: Api) -> None:
    refused = await web.post("/runs", command(targets="os.id=debian"))
    [problem] = refused.json()["problems"]
    assert problem["hint"] == "facts count once they were gathered: `jobdeck facts gather --on all`"
