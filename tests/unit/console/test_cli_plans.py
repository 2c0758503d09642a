"""Dry runs and comparisons against a fake API: what is sent, what is shown, how it ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from console.answers import PlanDetail
from console.forms import launching
from console.forms.launching import Work
from console.presenters.launch import dry_run_parts
from console.presenters.text import Table, plain
from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem
from tests.unit.console.test_cli_runs import AT, ID, run_row

PLAN = "01JPLANDEFGHJKMNPQRSTVWXYZ"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def finding(host: str, state: str = "success", **changes: Any) -> dict[str, Any]:
    facts = {
        "user": "deploy", "interpreters": {"sh": "/bin/sh"}, "spool": "/home/deploy/.jobdeck",
        "spool_refusal": "", "free_bytes": 5_000_000_000, "tmp_free_bytes": 2_000_000_000,
        "skew_s": 0, "setsid": True, "tail": "gnu",
    }  # fmt: skip
    facts.update(changes.pop("facts", {}))
    return {
        "ordinal": 0, "host": host, "account": "deploy", "steps": ["install"], "state": state,
        "message": "", "notes": [], "facts": facts if state == "success" else None, **changes,
    }  # fmt: skip


def plan(level: str = "plan", **changes: Any) -> dict[str, Any]:
    """A plan of one job over three hosts, one of them in an environment that asks."""
    return {
        "id": PLAN, "at": AT, "actor": "ann", "level": level, "state": "ready",
        "title": "deploy", "origin": "job/deploy@7", "digest": "d", "target_count": 3,
        "counts": {}, "run_id": None, "targets": "web*", "hosts": "web[1-3]",
        "steps": [
            {
                "step": "install", "kind": "command", "count": 3, "hosts": "web[1-3]",
                "accounts": {"deploy": "web[1-3]"}, "concurrency": 100, "timeout_s": 30,
            },
        ],
        "parameters": {"version": "2"}, "env": {}, "secrets": {"TOKEN": "***"},
        "environments": [
            {
                "environment": "prod", "count": 1, "hosts": "web1", "confirm": True,
                "host_cap": 5, "read_only": False, "change_required": False,
            },
        ],
        "refusals": [], "confirm_hosts": 3, "findings": [], **changes,
    }  # fmt: skip


def test_a_plan_is_made_and_shown_whole(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("POST", "/plans", answer(plan(), 201))

    ended = jobdeck("start", "deploy", "-p", "version=2", "--plan")

    assert ended.code == 0
    request = {"job": "deploy", "parameters": {"version": "2"}}
    assert api.sent("POST", "/plans") == [{"request": request, "level": "plan"}]
    for words in (
        "values   version=2",
        "secrets  TOKEN=***",
        "install  command      3          3       30s  deploy   web[1-3]",
        "prod             1  confirm, at most 5  web1",
        "a start must confirm the number of hosts: --confirm 3",
        "start it: jobdeck start --from-plan 01JPLANDEFGH",
    ):
        assert words in ended.out


def test_what_would_refuse_a_start_is_the_exit_code_of_a_plan(
    jobdeck: Jobdeck, api: FakeApi
) -> None:
    refusal = {"where": "environment prod", "what": "is read-only", "hint": "lift it"}
    api.on("POST", "/plans", answer(plan(refusals=[refusal]), 201))

    ended = jobdeck("start", "deploy", "--plan")

    assert ended.code == 2
    assert "refused: environment prod: is read-only (lift it)" in ended.out
    assert "--from-plan" not in ended.out


PROBED = plan(
    "probe",
    counts={"success": 2, "unreachable": 1},
    findings=[
        finding("web1"),
        finding("web2", notes=["clock-skew"], facts={"skew_s": 90}),
        finding("web3", "unreachable", code="ConnectionFailure", message="web3 does not answer"),
    ],
)


def test_a_probe_is_followed_to_its_end(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("POST", "/plans", answer(plan("probe", state="probing"), 202))
    api.on("GET", f"/plans/{PLAN}", answer(plan("probe", state="probing")), answer(PROBED))

    ended = jobdeck("run", "--on", "all", "--probe", "--", "uptime")

    assert ended.code == 1
    assert "unreachable  1 host  web3\n    web3 does not answer\n" in ended.out
    assert "! its clock is wrong  1 host  web2\n    +90 s from the engine's\n" in ended.out
    assert "✓ 2 ready" in ended.out


def test_a_host_with_several_answers_of_a_check_is_one_host_and_the_steps_are_named(
    jobdeck: Jobdeck, api: FakeApi
) -> None:
    missing = {"code": "FileSourceMissing", "message": "/a is not there"}
    checked = plan(
        "check",
        counts={"file_source_missing": 1},
        findings=[
            finding("web1", steps=["install", "fetch", "share"]),
            finding("web1", "file_source_missing", steps=["fetch"], **missing),
            finding("web1", "file_source_missing", steps=["share"], **missing),
        ],
    )
    api.on("GET", f"/plans/{PLAN}", answer(checked))

    ended = jobdeck("plans", "show", PLAN)

    assert "file_source_missing  1 host  web1  (fetch, share)\n    /a is not there\n" in ended.out


def test_a_probe_can_be_left_to_itself(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("POST", "/plans", answer(plan("probe", state="probing"), 202))

    ended = jobdeck("run", "--on", "all", "--probe", "--detach", "--", "uptime")

    assert (ended.code, ended.out) == (0, f"{PLAN}\n")


def test_every_host_of_a_probe_is_listed_when_asked(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", f"/plans/{PLAN}", answer(PROBED))

    ended = jobdeck("plans", "show", PLAN, "--hosts")

    assert ended.code == 1
    rows = {line.split()[0]: line for line in ended.out.splitlines() if line.startswith("web")}
    assert "deploy  /bin/sh       5.0 GB / 2.0 GB   +0 s" in rows["web1"]
    assert "web3 does not answer" in rows["web3"]


def test_a_plan_as_json_is_the_whole_answer(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("POST", "/plans", answer(plan(), 201))

    ended = jobdeck("start", "deploy", "--plan", "--json")

    assert json.loads(ended.out)["confirm_hosts"] == 3


def test_what_a_plan_refuses_names_the_flag(jobdeck: Jobdeck, api: FakeApi) -> None:
    wrong = [{"where": "request.step.language", "what": "must be a name", "hint": ""}]
    api.on("POST", "/plans", problem(422, "invalid", "the request is not valid", problems=wrong))

    ended = jobdeck("run", "--on", "all", "--plan", "--", "uptime")

    assert (ended.code, ended.err) == (
        2,
        "error: the request is not valid\n  --language: must be a name\n",
    )


def test_plans_are_listed(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/plans", answer({"items": [plan(run_id=ID)]}))

    ended = jobdeck("plans", "list")

    assert ended.code == 0
    assert "01JPLANDEFGH  plan   done" in ended.out
    assert "01JABCDEFGHJ  deploy" in ended.out


def test_a_start_from_a_plan_sends_what_the_plan_does_not_keep(
    jobdeck: Jobdeck, api: FakeApi
) -> None:
    api.on("GET", "/plans", answer({"items": [plan()]}))
    api.on("GET", f"/plans/{PLAN}", answer(plan()))
    api.on("POST", "/runs", answer(run_row("running"), 202))

    ended = jobdeck("start", "--from-plan", "last", "-p", "TOKEN=x", "--confirm", "3", "--detach")

    assert (ended.code, ended.out) == (0, f"{ID}\n")
    assert api.sent("POST", "/runs") == [
        {"plan": PLAN, "confirm_hosts": 3, "parameters": {"TOKEN": "x"}}
    ]


def test_a_plan_that_holds_no_more_is_a_conflict_with_its_reasons(
    jobdeck: Jobdeck, api: FakeApi
) -> None:
    changed = [{"where": "concurrency", "what": "was 100, is 3 now", "hint": ""}]
    stale = problem(409, "plan-out-of-date", "plan 01J is out of date", problems=changed)
    api.on("POST", "/runs", stale)

    ended = jobdeck("run", "--from-plan", PLAN)

    assert ended.code == 4
    assert ended.err == ("error: plan 01J is out of date\n  concurrency: was 100, is 3 now\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "--plan", "--probe", "--on", "all", "--", "id"), "--plan and --probe cannot"),
        (("run", "--from-plan", PLAN, "--plan"), "--plan and --from-plan cannot stand together"),
        (("run", "--from-plan", PLAN, "--on", "all"), "the plan says that already: --on"),
        (("run", "--from-plan", PLAN, "--", "id"), "the plan says that already: COMMAND"),
        (("start", "deploy", "--from-plan", PLAN), "the plan says that already: JOB"),
        (
            ("start", "--from-plan", PLAN, "--env", "A=b", "--allow-empty"),
            "the plan says that already: --allow-empty, --env",
        ),
        (("start",), "JOB is missing"),
        (("runs", "compare", "01JA"), "the second is missing"),
        (("plans", "list", "--limit", "0"), "--limit: '0' does not fit"),
    ],
)
def test_flags_that_say_two_things_are_refused(
    jobdeck: Jobdeck, words: tuple[str, ...], says: str
) -> None:
    ended = jobdeck(*words)

    assert ended.code == 2
    assert says in ended.err


def group(difference: str, hosts: str, a: Any, b: Any) -> dict[str, Any]:
    return {
        "step": "install", "difference": difference, "a": a, "b": b, "count": 1, "folded": hosts,
        "hosts": [hosts],
    }  # fmt: skip


GOOD, BAD = {"state": "success", "exit_code": 0}, {"state": "failed", "exit_code": 3}
COMPARED = {
    "definition": [{"path": "concurrency", "before": 100, "after": 3}],
    "counts": {"only_b": 1, "state": 1, "output": 1, "same": 1},
    "groups": [
        group("only_b", "web4", None, GOOD),
        group("state", "web1", BAD, GOOD),
        group("output", "web2", GOOD, GOOD),
        group("same", "web3", GOOD, GOOD),
    ],
}


def test_two_runs_stand_side_by_side(jobdeck: Jobdeck, api: FakeApi) -> None:
    other = "01JZZZDEFGHJKMNPQRSTVWXYZ0"
    found = {**COMPARED, "a": run_row(), "b": run_row(id=other)}
    api.on("GET", f"/runs/{ID}/comparison", answer(found))

    ended = jobdeck("runs", "compare", ID, other, "--step", "install")

    assert ended.code == 0
    assert api.asked(f"/runs/{ID}/comparison") == {"with": [other], "step": ["install"]}
    assert ended.out.partition("asked")[2] == (
        " differently\n"
        "  concurrency: 100 -> 3\n"
        "step install\n"
        "  + only in B       ✓ success exit 0                     1 host  web4\n"
        "  ~ another state   ✗ failed exit 3 -> ✓ success exit 0  1 host  web1\n"
        "  ~ another output  ✓ success exit 0                     1 host  web2\n"
        "  = same            ✓ success exit 0                     1 host  web3\n"
        "3 of 4 answers differ\n"
    )


def test_the_outputs_of_one_host_are_shown_line_by_line(jobdeck: Jobdeck, api: FakeApi) -> None:
    lines = [{"kind": "removed", "text": "old"}, {"kind": "added", "text": "new"}]
    api.on("GET", f"/runs/{ID}/comparison/output", answer({"lines": lines}))

    ended = jobdeck("runs", "compare", ID, "01JZZZ", "--host", "web1")

    assert ended.out == f"--- web1 ({ID})\n+++ web1 (01JZZZ)\n-old\n+new\n"


def test_a_plan_beside_what_would_run_now_shows_only_what_changed(
    jobdeck: Jobdeck, api: FakeApi
) -> None:
    path = f"/plans/{PLAN}/comparison"
    nothing = {"plan": plan(), "definition": [], "counts": {"same": 3}, "groups": []}
    api.on("GET", path, answer({**nothing, "run_id": None}), answer(
        {**COMPARED, "plan": plan(), "run_id": ID}))  # fmt: skip

    unchanged, ran = (jobdeck("plans", "compare", PLAN) for _ in range(2))

    assert unchanged.out.endswith("B  what would run now\nnothing has changed since\n")
    assert "B  run 01JABCDEFGHJ\n" in ran.out
    assert ran.out.endswith("3 of 4 answers differ\n")


def test_a_plan_names_files_their_place_and_where_they_come_from(
    jobdeck: Jobdeck, api: FakeApi
) -> None:
    web = [f"https://x/{number}" for number in range(10)]
    taken = [
        {"source": "hosts", "files": ["/srv/a", "/srv/b"], "hosts": "role=db"},
        {"source": "web", "files": web},
    ]
    steps = [
        {
            "step": "bring", "kind": "distribute", "count": 3,
            "carried": {"taken": taken, "to": "/srv/in/"},
        },
        {
            "step": "fetch", "kind": "pull", "count": 3,
            "carried": {"taken": [{"source": "target", "files": ["/etc/x"]}], "to": "/found/"},
        },
        {"step": "say", "kind": "command", "count": 3, "carried": None},
    ]  # fmt: skip
    api.on("POST", "/plans", answer(plan(steps=steps), 201))

    assert (
        "STEP   FILES OF   TO            FILES\n"
        "bring  role=db    /srv/in/      /srv/a  /srv/b\n"
        f"bring  the web    /srv/in/      {'  '.join(web[:8])}  and 2 more\n"
        "fetch  each host  /found/HOST/  /etc/x\n"
    ) in jobdeck("start", "deploy", "--plan").out


def test_a_plan_in_a_form_names_fields_where_a_command_line_has_flags() -> None:
    lacking = [
        {
            "where": "environment prod",
            "what": "requires a change number",
            "hint": "--change NUMBER",
        },
        {"where": "rolling.batch", "what": "is missing", "hint": "--batch EXPR"},
    ]
    away = {"where": "web2", "what": "away", "hint": "--include-away takes them all the same"}
    made = plan(refusals=lacking, warnings=[away], acknowledge=["remove-system"])

    lines = dry_run_parts(msgspec.convert(made, PlanDetail), NOW)

    text = "\n".join(plain(each) for each in lines if not isinstance(each, Table))
    assert "--" not in text
    for words in (
        "requires a change number (change NUMBER)",
        "is missing (rolling.batch EXPR)",
        "away (include_away takes them all the same)",
        "type the number of hosts: 3",
        "remove-system. A start asks for each",
    ):
        assert words in text


def test_every_flag_that_is_told_has_its_field() -> None:
    fields = launching.schema_of(Work(), {}, {})["properties"]

    for flag in ("--on", "--batch", "--change", "--include-away", "--override"):
        name, _dot, inside = launching.in_fields(flag).partition(".")
        assert name in fields, flag
        assert not inside or inside in fields[name]["properties"], flag


def test_what_is_no_flag_stays() -> None:
    for text in ("a--b", "repeat -- now", "---", "jobdeck engine unfreeze", "-x"):
        assert launching.in_fields(text) == text
