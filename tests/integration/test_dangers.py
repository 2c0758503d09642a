"""Rules for dangerous commands through every door, on a real engine with scripted hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.domain.actions import Retry
from core.domain.run import TargetState
from core.errors import AcknowledgementRequired, Forbidden
from core.executors.protocol import Stream, Target, Work
from core.executors.scripted import Behaviour
from core.flow.definition import RunRequest
from core.flow.dryrun import PlanLevel
from core.runtime.engine import Engine
from core.storage import dangers, journal
from tests.support.runtime import INVENTORY, ended, engine, save, start, targets_of, well

LAB: list[dict[str, Any]] = [
    {"kind": "environment", "name": "prod", "spec": {}},
    {"kind": "host", "name": "p1", "labels": {"role": "db"}, "spec": {"account": "deploy",
                                                       "environment": "prod"}},
]  # fmt: skip


def command(text: str) -> dict[str, Any]:
    return {"kind": "command", "name": "command", "command": text}


def job(name: str, *steps: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"kind": "job", "name": name, "spec": {"steps": list(steps), "targets": "h1", **spec}}


def rule(name: str, **spec: Any) -> dict[str, Any]:
    return {"kind": "command-rule", "name": name, "spec": spec}


async def met(opened: Engine, run_id: str) -> list[tuple[str, str, str]]:
    rows = await opened.store.reader.read(lambda c: dangers.of_run(c, run_id))
    return [(row.rule, row.decision, row.hosts) for row in rows]


async def refusals(opened: Engine) -> list[tuple[str, str]]:
    """Refused starts in the journal: what was to be started, and the first rule."""
    entries = await opened.store.reader.read(lambda c: journal.read_after(c, 0, 1000))
    return [
        (entry.subject, entry.data["hits"][0]["rule"])
        for entry in entries
        if entry.type == "start.refused"
    ]


async def test_command_lines_are_judged_in_the_language_of_the_host(tmp_path: Path) -> None:
    async with engine(tmp_path) as (opened, hosts):
        windows = {"address": "10.9.9.9", "protocol": "winrm", "account": "admin"}
        await save(
            opened,
            *INVENTORY,
            {"kind": "account", "name": "admin", "spec": {"user": "admin", "password": "pw-77"}},
            {"kind": "host", "name": "w1", "spec": windows},
            {"kind": "host", "name": "w2", "spec": {**windows, "winrm": {"shell": "cmd"}}},
        )
        remove = command("Remove-Item -Recurse -Force C:\\Windows")
        with pytest.raises(Forbidden) as refused:
            await start(opened, step=remove, targets="h1,w1,w2")
        assert "rule remove-drive" in refused.value.problems[0].what
        for text, name in (("Restart-Computer", "w1"), ("shutdown /r", "w2")):
            with pytest.raises(AcknowledgementRequired) as asked:
                await start(opened, step=command(text), targets=name)
            assert asked.value.rules == ("stop-windows",)
        step = {**command("${WHAT}"), "env": {"WHAT": "reboot"}}
        with pytest.raises(AcknowledgementRequired) as asked:
            await start(opened, step=step, targets="h1,w1")
        assert asked.value.rules == ("stop-machine",)
        assert hosts.works == []


async def test_a_blocked_command_starts_nothing_and_is_remembered(tmp_path: Path) -> None:
    async with engine(tmp_path) as (opened, hosts):
        await save(opened, *INVENTORY)

        with pytest.raises(Forbidden) as refused:
            await start(opened, step=command("uptime; sudo rm -rf /"), targets="h[1-3]")

        (problem,) = refused.value.problems
        assert problem.where == "step command: command line 1, column 9"
        assert "rule remove-system: `sudo rm -rf /`" in problem.what
        assert hosts.most_running == 0
        assert await refusals(opened) == [("adhoc", "remove-system")]


async def test_a_rule_to_confirm_is_acknowledged_by_name(tmp_path: Path) -> None:
    async with engine(tmp_path) as (opened, _):
        await save(opened, *INVENTORY)

        with pytest.raises(AcknowledgementRequired) as asked:
            await start(opened, step=command("reboot"), acknowledge=["drop-table"])
        assert asked.value.rules == ("stop-machine",)
        done = await ended(
            opened,
            (await start(opened, step=command("reboot"), acknowledge=["stop-machine"])).id,
        )

        assert done.state == "succeeded"
        assert await met(opened, done.id) == [("stop-machine", "acknowledged", "h[1-8]")]


async def test_a_command_is_read_as_the_shell_of_each_host_reads_it(tmp_path: Path) -> None:
    windows = {"protocol": "winrm", "address": "10.0.0.9", "account": "deploy"}
    wipe = "Remove-Item -Recurse -Force C:\\Windows"
    async with engine(tmp_path) as (opened, _):
        await save(opened, *INVENTORY, {"kind": "host", "name": "win", "spec": windows})

        done = await ended(opened, (await start(opened, step=command(wipe), targets="h1")).id)
        with pytest.raises(Forbidden) as refused:
            await start(opened, step=command(wipe), targets="h1,win")

        assert await met(opened, done.id) == []
        assert "rule remove-drive" in refused.value.problems[0].what


async def test_a_rule_that_only_looks_holds_nobody_up(tmp_path: Path) -> None:
    async with engine(tmp_path) as (opened, _):
        await save(opened, *INVENTORY, rule("noisy", words=["uptime"], level="scan"))

        done = await ended(opened, (await start(opened, step=command("uptime"), targets="h1")).id)

        assert await met(opened, done.id) == [("noisy", "noted", "h1")]


async def test_a_rule_holds_where_it_says_and_not_for_exempt_jobs(tmp_path: Path) -> None:
    async with engine(tmp_path) as (opened, _):
        await save(
            opened,
            *INVENTORY,
            *LAB,
            job("free", {**command("deploy"), "name": "s"}, targets="all"),
            rule("prod-only", words=["deploy"], level="block", environments=["prod"],
                 exempt=["free"]),
            rule("db-only", words=["vacuum"], level="block", targets="role=db"),
        )  # fmt: skip

        assert (await start(opened, step=command("deploy"), targets="h1")).id
        assert (await start(opened, step=command("vacuum"), targets="h1")).id
        assert (await start(opened, job="free", targets=None)).id
        for text in ("deploy", "vacuum"):
            with pytest.raises(Forbidden):
                await start(opened, step=command(text), targets="h1 | p1")


async def test_parameters_are_put_in_before_a_start_is_judged(tmp_path: Path) -> None:
    step = {"kind": "script", "name": "clean", "text": 'rm -rf "$FOLDER"'}
    async with engine(tmp_path) as (opened, _):
        await save(opened, *INVENTORY, job("clean", step, parameters=[{"name": "FOLDER"}]))

        assert (await start(opened, job="clean", targets="h1", parameters={"FOLDER": "/tmp/x"})).id
        with pytest.raises(Forbidden) as refused:
            await start(opened, job="clean", targets="h1", parameters={"FOLDER": "/usr/"})

        assert "(it means rm -rf /usr/)" in refused.value.problems[0].what


async def test_values_of_earlier_steps_are_judged_on_the_target(tmp_path: Path) -> None:
    def script(target: Target, work: Work | None) -> Behaviour:
        if work is not None and work.env["JOBDECK_STEP"] == "find":
            folder = "/" if target.host == "h1" else "/tmp/x"
            return Behaviour(output=((Stream.OUT, f"::set FOLDER={folder}::\n".encode()),))
        return well(target, work)

    first = {**command("find-it"), "name": "find", "host_outputs": ["FOLDER"]}
    then = {**command('rm -rf "$FOLDER"'), "name": "remove"}
    async with engine(tmp_path, script) as (opened, _):
        await save(opened, *INVENTORY, job("two", first, then, targets="h[1-2]"))

        done = await ended(opened, (await start(opened, job="two", targets=None)).id)

        states = {row.host: row for row in await targets_of(opened, done.id, step="remove")}
        assert states["h1"].state is TargetState.SUBMIT_FAILED
        assert "meets the rule remove-system (block)" in states["h1"].message
        assert states["h2"].state is TargetState.SUCCESS
        assert await met(opened, done.id) == [("remove-system", "refused", "h1")]


async def test_a_secret_never_stands_in_a_hit(tmp_path: Path) -> None:
    async with engine(tmp_path) as (opened, _):
        await save(opened, *INVENTORY, rule("seen", pattern="login .+", level="scan"))

        run = await start(
            opened, step=command('login "$TOKEN"'), targets="h1", secrets={"TOKEN": "s3cr3t-value"}
        )
        await ended(opened, run.id)

        rows = await opened.store.reader.read(lambda c: dangers.of_run(c, run.id))
        assert rows != []
        assert "s3cr3t-value" not in repr(rows)


async def test_a_retry_is_judged_by_the_rules_of_now(tmp_path: Path) -> None:
    def fails(target: Target, work: Work | None) -> Behaviour:
        return Behaviour(exit_code=1)

    async with engine(tmp_path, fails) as (opened, _):
        await save(opened, *INVENTORY)
        run = await ended(opened, (await start(opened, step=command("purge"), targets="h1")).id)
        await save(opened, rule("no-purge", words=["purge"], level="confirm"))

        with pytest.raises(AcknowledgementRequired):
            await opened.runs.act(run.id, Retry(), "test")
        await opened.runs.act(run.id, Retry(acknowledge=("no-purge",)), "test")
        await ended(opened, run.id)

        assert await met(opened, run.id) == [("no-purge", "acknowledged", "h1")]
        assert await refusals(opened) == [(run.id, "no-purge")]


async def test_health_checks_are_acknowledged_with_the_run_that_asks_for_them(
    tmp_path: Path,
) -> None:
    async with engine(tmp_path) as (opened, _):
        await save(opened, *INVENTORY, job("check", {**command("reboot"), "name": "s"}))
        rolling = {"batch": "4", "health": "check"}

        with pytest.raises(AcknowledgementRequired):
            await start(opened, rolling=rolling)
        run = await start(opened, rolling=rolling, acknowledge=["stop-machine"])

        assert (await ended(opened, run.id)).state == "succeeded"


async def test_a_plan_shows_what_it_meets_and_a_start_from_it_is_judged(tmp_path: Path) -> None:
    async with engine(tmp_path) as (opened, _):
        await save(opened, *INVENTORY)
        request = RunRequest(step=command("reboot"), targets="h1")

        plan = await opened.plans.make(request, PlanLevel.PLAN, "test")

        assert [each.hit.rule for each in plan.dangers] == ["stop-machine"]
        with pytest.raises(AcknowledgementRequired):
            await opened.runs.start(RunRequest(plan=plan.row.id), "test", None)
        acknowledged = RunRequest(plan=plan.row.id, acknowledge=("stop-machine",))
        assert (await opened.runs.start(acknowledged, "test", None)).id


@pytest.mark.parametrize(
    "step",
    [
        command("uptime"),
        {"kind": "script", "name": "s", "text": "uptime"},
        {"kind": "http", "name": "h", "url": "http://127.0.0.1:9/"},
        {"kind": "sql", "name": "q", "database": "sqlite", "path": "x.db", "text": "select 1"},
    ],
    ids=lambda step: step["kind"],
)
async def test_guard_rails_of_environments_hold_for_every_kind_of_step(
    step: dict[str, Any], tmp_path: Path
) -> None:
    read_only = {"kind": "environment", "name": "prod", "spec": {"read_only": True}}
    async with engine(tmp_path) as (opened, _):
        await save(opened, *INVENTORY, *LAB)
        await save(opened, read_only)

        with pytest.raises(Forbidden) as refused:
            await start(opened, step=step, targets="p1")

        assert "is read-only" in refused.value.problems[0].what
