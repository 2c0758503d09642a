"""Dry runs: what is kept of a request, who is probed, and when a plan holds no more."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from core.domain.flow import Edge
from core.domain.flow.nodes import Approval, Call, SetVariables
from core.domain.inventory import Protocol
from core.domain.steps import CommandStep, Execution, HttpStep, LocalStep, PushStep, ScriptStep
from core.errors import PlanOutOfDate
from core.flow import dryrun
from core.flow.awaiting import awaited
from core.flow.definition import (
    ENGINE_HOST,
    FrozenHost,
    FrozenScript,
    RunDefinition,
    RunRequest,
)
from core.flow.graph import Graph, chain


def request(**fields: Any) -> RunRequest:
    return RunRequest.model_validate({"job": "deploy", "targets": "web*", **fields})


def test_a_start_from_a_plan_adds_what_the_plan_does_not_keep() -> None:
    kept = request(parameters={"version": "1"})
    planned = definition(command("one"), request=kept, change="CHG-1", seed="dice")
    given = RunRequest.model_validate(
        {"plan": "01K", "parameters": {"TOKEN": "x"}, "secrets": {"A": "y"}, "confirm_hosts": 3}
    )
    whole = dryrun.from_plan(planned, given)
    assert (whole.job, whole.targets, whole.plan, whole.seed) == ("deploy", "web*", "01K", "dice")
    assert whole.parameters == {"version": "1", "TOKEN": "x"}
    assert (whole.secrets, whole.confirm_hosts) == (given.secrets, 3)
    assert whole.change == "CHG-1"


def test_a_whole_request_that_names_a_plan_stays_as_it_is() -> None:
    given = request(plan="01K")
    assert dryrun.from_plan(definition(command("one")), given) == given


@pytest.mark.parametrize(
    "fields",
    [{"plan": "01K", "targets": "web1"}, {"plan": "01K", "env": {"A": "b"}}, {"change": "CHG-1"}],
)
def test_a_start_from_a_plan_says_nothing_that_the_plan_says(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"the plan says that already|give one of"):
        RunRequest.model_validate(fields)


def definition(*steps: Any, **more: Any) -> RunDefinition:
    hosts = (
        FrozenHost(name="web1", address="web1", account="deploy"),
        FrozenHost(name="web2", address="web2", account="root"),
        FrozenHost(name=ENGINE_HOST, address="", protocol=Protocol.LOCAL),
    )
    everywhere = {step.name: (2,) if isinstance(step, LocalStep) else (0, 1) for step in steps}
    fields: dict[str, Any] = {
        "title": "t",
        "origin": "adhoc",
        "graph": chain(steps),
        "hosts": hosts,
        "step_hosts": everywhere,
        **more,
    }
    return RunDefinition(**fields)


def test_what_an_earlier_step_sets_keeps_a_check_from_a_false_answer() -> None:
    login = HttpStep.model_validate(
        {"kind": "http", "name": "login", "url": "http://x/", "capture": {"TOKEN": {"header": "T"}}}
    )
    ask = command("ask", "echo ::set VERSION=$(cat v)::")
    scripted = ScriptStep.model_validate({"kind": "script", "name": "s", "script": {"name": "s"}})

    def push(name: str, **spec: Any) -> PushStep:
        return PushStep.model_validate({"kind": "push", "name": name, **spec})

    placed = push("placed", text="x", to="/srv/${VERSION}/a")
    told = push("told", text="${TOKEN} $${VERSION}", to="/a", template=True)
    fixed = push("fixed", text="x", to="/srv/${VERSION}/a", env={"VERSION": "1"})
    plain = push("plain", text="x", to="/a")
    files = push("files", files=["/t"], to="/a/", template=True)
    planned = definition(
        push("before", text="x", to="/srv/${VERSION}/a"),
        *(login, ask, scripted, placed, told, fixed, plain, files),
        parameters={"VERSION": "0", "MODE": "a"},
        scripts={
            "s": FrozenScript(name="s", revision=1, language="sh", text="echo ::set MODE=b::")
        },
    )

    found = {step.name: awaited(planned, step) for step in planned.graph.nodes}

    assert found["placed"] == {"VERSION": "ask"}
    assert found["told"] == {"TOKEN": "login"}
    assert found["files"] == {"TOKEN": "login", "VERSION": "ask", "MODE": "s"}
    assert [name for name, values in found.items() if values] == ["placed", "told", "files"]
    tried = [step.name for step in planned.graph.nodes if dryrun.is_rehearsed(planned, step)]
    assert tried == ["before", "login", "fixed", "plain"]


def test_nodes_of_a_flow_set_values_too_and_those_beside_a_step_do_not() -> None:
    def push(name: str, to: str) -> PushStep:
        return PushStep.model_validate({"kind": "push", "name": name, "text": "x", "to": to})

    form = [{"name": "WHERE", "default": "a"}]
    nodes = (
        SetVariables.model_validate({"kind": "set", "name": "give", "variables": {"A": "'1'"}}),
        Approval.model_validate(
            {
                "kind": "approval",
                "name": "ask",
                "message": "?",
                "approvers": {"users": ["ada"]},
                "form": form,
            }
        ),
        Call.model_validate({"kind": "run", "name": "call", "job": "other"}),
        push("after", "/${A}/${WHERE}"),
        push("behind", "/${B}/${JOBDECK_HOST}"),
        push("beside", "/${A}"),
    )
    joined = (("give", "ask"), ("ask", "after"), ("call", "behind"))
    edges = tuple(Edge(source=source, target=target) for source, target in joined)
    steps = [node for node in nodes if isinstance(node, PushStep)]
    planned = definition(*steps).model_copy(update={"graph": Graph(nodes=nodes, edges=edges)})

    assert [dict(awaited(planned, step)) for step in steps] == [
        {"A": "give", "WHERE": "ask"},
        {"B": "call"},
        {},
    ]


def command(name: str, text: str = "true", **more: Any) -> CommandStep:
    return CommandStep(kind="command", name=name, command=text, **more)


def test_every_login_is_probed_once_with_all_that_it_needs() -> None:
    planned = definition(
        command("one"),
        ScriptStep(kind="script", name="two", text="x", language="python3"),
        ScriptStep.model_validate({"kind": "script", "name": "three", "script": {"name": "s"}}),
        LocalStep(kind="local", name="four", command="true"),
        run_as={"three": "root"},
        scripts={"three": FrozenScript(name="s", revision=1, language="bash", text="x")},
    )
    found = [
        (probe.ordinal, probe.account, [step.name for step in probe.steps], probe.interpreters)
        for probe in dryrun.probes(planned)
    ]
    assert found == [
        (0, "deploy", ["one", "two"], ("sh", "python3")),
        (0, "root", ["three"], ("bash",)),
        (1, "root", ["one", "two", "three"], ("sh", "python3", "bash")),
        (2, None, ["four"], ("sh",)),
    ]


def test_claims_matter_where_a_step_is_detached() -> None:
    direct = command("one", execution=Execution.DIRECT)
    assert [p.is_detached for p in dryrun.probes(definition(direct))] == [False, False]
    assert all(p.is_detached for p in dryrun.probes(definition(direct, command("two"))))


def test_a_plan_holds_while_the_same_would_be_done() -> None:
    planned = definition(command("one"))
    dryrun.check_fresh("01K", planned, definition(command("one"), title="x", change="CHG-1"))


@pytest.mark.parametrize(
    ("now", "where", "what"),
    [
        (definition(command("one", "id")), "steps.one.command", "was true, is id now"),
        (definition(command("one", "x" * 99)), "steps.one.command", "is another text now"),
        (definition(command("one"), concurrency=3), "concurrency", "was 100, is 3 now"),
        (
            dryrun.with_secret_names(definition(command("one")), ["TOKEN"]),
            "secrets.TOKEN",
            "was nothing, is *** now",
        ),
        (
            definition(command("one"), step_hosts={"one": (1, 0)}),
            "steps",
            "the hosts are the same, in another order",
        ),
    ],
)
def test_a_plan_that_holds_no_more_says_what_changed(
    now: RunDefinition, where: str, what: str
) -> None:
    with pytest.raises(PlanOutOfDate) as refused:
        dryrun.check_fresh("01K", definition(command("one")), now)
    assert [(problem.where, problem.what) for problem in refused.value.problems] == [(where, what)]
