"""Laws of checking flows, on random ones: no flow crashes the checker, and a good one can begin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core.domain.access import AccountSpec, EnvironmentSpec
from core.domain.command_rules import CommandRuleSpec
from core.domain.documents import parse
from core.domain.flow import Draft, FlowSpec, check_draft
from core.domain.inventory import HostSpec
from core.domain.job import JobSpec, ScriptSpec
from core.domain.targets import HostView, Inventory
from core.errors import Invalid
from core.flow import machine
from core.flow.definition import RunRequest
from core.flow.events import Started
from core.flow.planning import plan

NAMES = ["a", "b", "c", "d", "e"]
EXPRESSIONS = ["true", "1", "vars.x = 1", "[1, 2]", "nodes.a.state = 'failed'", "params.p", "1 +"]
_names = st.sampled_from(NAMES)
_expressions = st.sampled_from(EXPRESSIONS)


def _node(kind: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"kind": st.just(kind), "name": _names, **more})


_nested = {"job": st.just("j")}
NODES = st.one_of(
    _node("command", command=st.just("true")),
    _node("command", command=st.just("true"), undo=_names),
    _node("command", command=st.just("true"), targets=st.sampled_from(["LAST_FAIL", "h", "h["])),
    *(_node(kind) for kind in ("start", "end", "exclusive", "parallel", "inclusive")),
    _node("converge", wait_for=st.sampled_from(["all", "any", 1, 2, 9, 0])),
    _node("note", text=st.just("words")),
    _node("set", variables=st.dictionaries(_names, _expressions, min_size=1, max_size=2)),
    _node("wait", event=_expressions),
    _node("approval", message=st.sampled_from(["Go?", "${ vars.x }", "${ no }", "${"])),
    _node("run", **_nested),
    _node("for-each", items=_expressions, **_nested),
    _node("loop", repeat_until=_expressions, most=st.integers(0, 2), **_nested),
)
_ends = st.lists(_names, min_size=1, max_size=2, unique=True).map(", ".join)
_said = st.one_of(
    st.just(""),
    st.sampled_from([" otherwise", " on failure", " on always", " on tag red", " on", " if"]),
    _expressions.map(lambda text: f" if {text}"),
)
LINES = st.one_of(
    st.builds("{} -> {}{}".format, _ends, _ends, _said),
    st.builds("{} -> {} -> {}".format, _ends, _ends, _ends),
    st.text(st.sampled_from("ab ->,on"), max_size=12),
)


@st.composite
def _orderly(draw: st.DrawFn) -> dict[str, Any]:
    """Specs that have a chance to pass: names differ, and edges lead to later nodes."""
    nodes = [
        {**node, "name": name}
        for node, name in zip(draw(st.lists(NODES, min_size=1, max_size=5)), NAMES, strict=False)
    ]
    edges = []
    for number in range(1, len(nodes)):
        sources = draw(st.sets(st.integers(0, number - 1), min_size=1, max_size=2))
        edges += [f"{NAMES[each]} -> {NAMES[number]}{draw(_said)}" for each in sorted(sources)]
    return {"targets": "h", "nodes": nodes, "edges": edges}


_wild = st.fixed_dictionaries(
    {"targets": st.just("h"), "nodes": st.lists(NODES, max_size=6)},
    optional={"edges": st.lists(LINES, max_size=6)},
)


@dataclass
class Documents:
    """One host, one job, and the flow in question."""

    spec: FlowSpec
    hosts: dict[str, HostSpec] = field(
        default_factory=lambda: {"h": HostSpec.model_validate({"account": "deploy"})}
    )
    groups: dict[str, Any] = field(default_factory=dict)
    accounts: dict[str, AccountSpec] = field(
        default_factory=lambda: {"deploy": AccountSpec(user="deploy")}
    )
    environments: dict[str, EnvironmentSpec] = field(default_factory=dict)
    command_rules: dict[str, CommandRuleSpec] = field(default_factory=dict)

    @property
    def inventory(self) -> Inventory:
        return Inventory(hosts={"h": HostView(name="h", labels={})}, groups={})

    def job(self, name: str, revision: int | None = None) -> tuple[JobSpec, int]:
        step = {"kind": "command", "name": "s", "command": "true"}
        return JobSpec.model_validate({"targets": "h", "steps": [step]}), 1

    def flow(self, name: str, revision: int | None = None) -> tuple[FlowSpec, int]:
        return self.spec, 1

    def script(self, name: str, revision: int | None) -> tuple[ScriptSpec, int]:
        raise AssertionError("no node uses a script")


def _checked(spec: dict[str, Any]) -> FlowSpec | None:
    """The flow where it may be saved; where not, it has said why, each time on one line."""
    refused: Invalid | None = None
    try:
        found = parse({"kind": "flow", "name": "f", "spec": spec}).spec
    except Invalid as error:
        refused = error
    if refused is None:
        assert isinstance(found, FlowSpec)
        return found
    assert refused.problems
    assert all(problem.where for problem in refused.problems)
    assert all(problem.what for problem in refused.problems)
    assert all("\n" not in str(problem) for problem in refused.problems)
    return None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_wild | _orderly())
def test_no_flow_crashes_the_checker_and_every_refusal_says_where_and_why(
    spec: dict[str, Any],
) -> None:
    _checked(spec)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(_orderly(), st.data())
def test_what_cannot_be_read_of_a_good_flow_makes_nothing_else_of_it_wrong(
    spec: dict[str, Any], data: st.DataObject
) -> None:
    assume(_checked(spec) is not None)
    breaks = data.draw(st.sampled_from(["kind", "name", *(["edge"] if spec["edges"] else [])]))
    parts = spec["edges"] if breaks == "edge" else spec["nodes"]
    index = data.draw(st.integers(0, len(parts) - 1))
    parts[index] = "->" if breaks == "edge" else {**parts[index], breaks: 0}
    assert check_draft(Draft.read(spec)) == []


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(_orderly())
def test_a_flow_that_may_be_saved_can_be_planned_and_begins_in_one_place(
    spec: dict[str, Any],
) -> None:
    flow = _checked(spec)
    assume(flow is not None)
    assert flow is not None
    definition = plan(RunRequest(flow="f"), Documents(flow))
    assert len(definition.graph.starts) == 1
    assert machine.fold(definition.graph, [Started()]).steps
