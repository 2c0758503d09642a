"""Tests of connections, facts, health and maintenance of hosts against a fake API."""

from __future__ import annotations

import json

from tests.unit.console.fake_api import FakeApi, Jobdeck, answer
from tests.unit.console.test_cli_plans import PLAN, finding, plan


def test_a_connection_test_says_where_the_way_stopped(jobdeck: Jobdeck, api: FakeApi) -> None:
    stopped = finding(
        "web2", "auth_failed", code="AuthenticationFailure", message="web2 does not let us in",
        path=["bastion", "web2"], stopped_at="login", took_ms=1200,
    )  # fmt: skip
    well = finding("web1", path=["web1"], reached_ms=310, took_ms=420, notes=["clock-skew"])
    probing = plan("probe", state="probing")
    api.on("POST", "/plans", answer(probing, 202))
    api.on("GET", f"/plans/{PLAN}", answer({**probing, "state": "ready", "findings": [well, stopped]}))  # fmt: skip

    ended = jobdeck("hosts", "test", "web*", "--as", "ops")

    assert ended.code == 1
    assert ended.out.splitlines() == [
        "HOST  STATE          STOPPED AT  LOGIN AFTER   TOOK  USER    PATH",
        "web1  ✓ ready                          0.31s  0.42s  deploy  web1",
        "web2  ! auth_failed  login                     1.2s          bastion > web2",
        "",
        "web1: ! its clock is wrong  +0 s from the engine's",
        "web2: web2 does not let us in",
    ]
    assert ended.err == "✓ 1 ready  ! 1 auth_failed  \n"
    [sent] = api.sent("POST", "/plans")
    assert (sent["level"], sent["request"]["targets"], sent["request"]["run_as"]) == (
        "probe", "web*", "ops",
    )  # fmt: skip
    assert [item["host"] for item in json.loads(jobdeck("hosts", "test", "all", "--json").out)] == [
        "web1", "web2",
    ]  # fmt: skip
    assert jobdeck("probe", "web*", "--as", "ops").out == ended.out


def test_facts_are_gathered_part_by_part(jobdeck: Jobdeck, api: FakeApi) -> None:
    hosts = [f"web{number}" for number in range(1, 71)]
    api.on("POST", "/targets/resolve", answer({"hosts": hosts, "count": 70, "folded": ""}))
    change = {"path": "cpus", "before": 2, "after": 4}
    well = {"host": "web1", "state": "success", "facts": {"kernel": "6.1", "cpus": 4},
            "changes": [change]}  # fmt: skip
    silent = {"host": "web65", "state": "unreachable", "message": "web65 does not answer"}
    api.on("POST", "/facts/gather", answer([well]), answer([silent]))

    ended = jobdeck("facts", "gather", "--on", "web*")

    assert ended.code == 1
    assert ended.out.splitlines()[1:] == [
        "web1          6.1        4",
        "web1: changed",
        "    cpus: 2 -> 4",
        "! unreachable  web65: web65 does not answer",
    ]
    assert ended.err == "! 1 unreachable  ✓ 1 success  1 changed\n"
    sent = api.sent("POST", "/facts/gather")
    assert [len(each["hosts"]) for each in sent] == [64, 6]


def test_facts_of_a_host_come_with_their_age_and_history(jobdeck: Jobdeck, api: FakeApi) -> None:
    span = {"first_at": "2020-02-01T10:00:00.000000Z", "last_at": "2020-03-01T10:00:00.000000Z"}
    change = {"path": "os.version", "before": "11", "after": "12"}
    known = {
        "host": "web1", "at": span["last_at"], "facts": {"os.id": "debian", "shells": ["ash", "sh"]},
        "history": [{**span, "changes": [change]}, {**span, "changes": []}],
    }  # fmt: skip
    api.on("GET", "/hosts/web1/facts", answer(known))

    shown = jobdeck("hosts", "facts", "web1").out

    assert "os.id     debian\nshells    ash, sh\n" in shown
    assert " ago\n" in shown
    assert jobdeck("hosts", "facts", "web1", "--history").out.splitlines() == [
        "2020-02-01 to 2020-03-01",
        "    os.version: 11 -> 12",
        "2020-02-01 to 2020-03-01",
        "    the oldest that is kept",
    ]
    api.on("GET", "/hosts/web2/facts", answer({"host": "web2"}))
    assert "jobdeck facts gather --on web2" in jobdeck("hosts", "facts", "web2").err


def test_a_list_of_hosts_says_how_they_stand(jobdeck: Jobdeck, api: FakeApi) -> None:
    names = ["web1", "web2", "web3", "web4"]
    hosts = [{"kind": "host", "name": name, "spec": {}} for name in names]
    at = "2020-02-01T10:00:00.000000Z"
    known = [
        {"host": "web1", "health": {"state": "down", "since": at}},
        {"host": "web2", "maintenance": {"at": at, "until": at, "reason": "disk"}},
        {"host": "web3", "vanished_at": at, "source": "cloud"},
    ]
    api.on("GET", "/documents/host", answer({"items": hosts}))
    api.on("POST", "/targets/resolve", answer({"hosts": names, "count": 4, "folded": "web[1-4]"}))
    api.on("GET", "/hosts", answer(known))

    rows = jobdeck("hosts", "list").out.splitlines()

    assert [row.split("  ")[-1].strip() for row in rows[:4]] == [
        "STATE", "✗ down since 2020-02-01", "◦ maintenance until 2020-02-01", "? vanished 2020-02-01",
    ]  # fmt: skip
    assert json.loads(jobdeck("hosts", "list", "--json").out)[0]["state"]["health"]["since"] == at
    api.on("GET", "/hosts", answer([{"host": "web1", "source": "cloud"}]))
    assert "STATE" not in jobdeck("hosts", "list").out, "of none is there anything to say"


def test_hosts_go_into_maintenance_and_out_of_it(jobdeck: Jobdeck, api: FakeApi) -> None:
    state = {"host": "web1", "maintenance": {"at": "2020-02-01T10:00:00.000000Z"}}
    api.on("POST", "/hosts/maintenance", answer([state]), answer([{"host": "web1"}]))

    on = jobdeck("hosts", "maintenance", "web[1-2]", "on", "--for", "2h", "--reason", "disk")

    assert on.out == "web1  ◦ maintenance\n"
    assert jobdeck("hosts", "maintenance", "web1", "off").out == "web1  in use\n"
    assert api.sent("POST", "/hosts/maintenance") == [
        {"hosts": ["web1", "web2"], "on": True, "reason": "disk", "for_s": 7200},
        {"hosts": ["web1"], "on": False, "reason": "", "for_s": None},
    ]
    for wrong in (("web1", "maybe"), ("web1", "off", "--for", "2h"), ("web1", "on", "--for", "x")):
        assert jobdeck("hosts", "maintenance", *wrong).code == 2


def test_notes_on_a_host(jobdeck: Jobdeck, api: FakeApi) -> None:
    noted = {"id": 1, "at": "2020-02-01T10:00:00.000000Z", "actor": "ada", "text": "loud fan"}
    api.on("POST", "/hosts/web1/notes", answer(noted, 201))
    api.on("GET", "/hosts/web1/notes", answer([noted]))

    assert jobdeck("hosts", "note", "web1", "loud fan").err == "noted\n"
    assert "ada  loud fan" in jobdeck("hosts", "note", "web1").out
    assert jobdeck("hosts", "note", "web1", " ").code == 2


def test_sources_are_refreshed_one_after_the_other(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/inventory/sources", answer([{"source": "cloud"}, {"source": "site"}]))
    moved = {"path": "spec.port", "before": 22, "after": 2222}
    changes = [
        {"host": "web1", "action": "create"},
        {"host": "web2", "action": "change", "diff": [moved]},
        {"host": "web3", "action": "vanish"},
        {"host": "web4", "action": "keep", "why": "a person changed it"},
        {"host": "web5", "action": "unchanged"},
    ]
    cloud = {"source": "cloud", "changes": changes, "notices": ["group left out"], "applied": False}
    site = {"source": "site", "failure": "no answer came"}
    api.on("POST", "/inventory/sources/cloud/refresh", answer(cloud))
    api.on("POST", "/inventory/sources/site/refresh", answer(site))

    ended = jobdeck("inventory", "refresh")

    assert ended.code == 1
    assert ended.out.splitlines() == [
        "+ create  web1",
        "~ change  web2",
        "    spec.port: 22 -> 2222",
        "? vanished  web3",
        "= kept  web4  a person changed it",
        "cloud  1 create, 1 change, 1 vanished, 1 kept, 1 unchanged: nothing was changed; --apply does it",
        "site  ✗ failed  no answer came",
    ]  # fmt: skip
    assert ended.err == "left out: cloud: group left out\n"
    jobdeck("inventory", "refresh", "cloud", "--apply", "--overwrite")
    assert api.sent("POST", "/inventory/sources/cloud/refresh") == [
        {"apply": False, "overwrite": False},
        {"apply": True, "overwrite": True},
    ]


def test_a_list_of_sources_says_which_fail(jobdeck: Jobdeck, api: FakeApi) -> None:
    at = "2020-02-01T10:00:00.000000Z"
    failing = {"source": "cloud", "asked_at": at, "good_at": at, "failure": "gone", "vanished": 2}
    api.on("GET", "/inventory/sources", answer([failing]), answer([]))

    shown = jobdeck("inventory", "list").out.splitlines()[1]
    assert shown.split() == ["cloud", "✗", "failed", "2020-02-01", "2020-02-01", "0", "2", "gone"]
    assert "jobdeck explain inventory-source" in jobdeck("inventory", "refresh").err


def test_samples_are_listed_with_what_passes(jobdeck: Jobdeck, api: FakeApi) -> None:
    at = "2020-02-01T10:00:00.000000Z"
    api.on("GET", "/hosts/web1/samples", answer([{"at": at, "facts": {"load": 0.5, "skew_s": -2}}]))

    ended = jobdeck("hosts", "samples", "web1", "--limit", "7")

    assert ended.out.splitlines()[1].split() == ["2020-02-01", "0.5", "-2"]
    assert api.asked("/hosts/web1/samples") == {"limit": ["7"]}
