"""A dry run as it is answered: steps, guard rails, and what a probe saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import Field

from core.api.dangers import StepDanger, step_dangers
from core.api.problems import FieldProblem
from core.api.run_batches import BatchPlan, batch_plans
from core.api.values import Answer, Page
from core.domain.access import AccountSpec
from core.domain.expiring import expiring
from core.domain.files.carried import Carried
from core.domain.flow import Nested
from core.domain.flow.nodes import Approval
from core.domain.probing import Note, Stage
from core.domain.run import TargetCode, TargetState
from core.domain.steps import StepBase
from core.domain.targets import fold
from core.flow import dangers, dryrun, expecting, guards
from core.flow.awaiting import awaited
from core.flow.comparing import HIDDEN
from core.flow.definition import FrozenHost, FrozenWork
from core.flow.dryrun import PlanLevel, PlanState
from core.runtime.certificatefiles import certificate_files
from core.runtime.plans import Plan


class PlanOut(Answer):
    """One dry run, as lists show it."""

    id: str
    at: str
    actor: str
    level: PlanLevel
    state: PlanState
    title: str
    origin: str
    digest: str = Field(description="the same for requests that would do the same")
    target_count: int = Field(description="hosts that it is about")
    counts: dict[str, int] = Field(description="state of a target -> hosts that were probed")
    run_id: str | None = Field(description="the run that was started from it")


class PlanPage(Page[PlanOut]):
    """A part of the list of dry runs."""


class PlanStep(Answer):
    """What one step would do, and where."""

    step: str
    kind: str
    count: int
    hosts: str = Field(description="folded, such as `web[01-40]`")
    accounts: dict[str, str] = Field(
        description="account -> hosts, folded; an empty name is the engine's own user"
    )
    concurrency: int
    timeout_s: float | None
    batches: list[BatchPlan] = Field(description="in order; none where the step does not roll")
    script: str | None = Field(description="`NAME@REVISION`, where it uses a script document")
    probed: bool = Field(description="whether a probe says if it could begin; else nobody can tell")
    checked: bool = Field(
        description="whether a check tries it without an effect; else nobody can predict what it does"
    )
    awaits: dict[str, str] = Field(
        description="values that it uses and an earlier step sets -> that step; then no check tries it"
    )
    carried: Carried | None = Field(description="which files go where; null: it carries none")
    settings: dict[str, Any] = Field(description="the step as it would run, defaults left out")


class PlanNode(Answer):
    """A node of a flow, and where it leads."""

    node: str
    kind: str
    leads_to: list[str] = Field(description="such as `deploy if params.count > 10`")
    runs: str = Field(description="what its runs do: `job/NAME@REVISION`; empty: it has none")
    count: int = Field(description="hosts that its runs are known to touch")
    hosts: str = Field(description="the same, folded")
    asks: str = Field(description="what people are asked; empty: it asks nobody")
    typical_s: float | None = Field(description="what it usually took; null: it never ran")


class EnvironmentTouched(Answer):
    """Hosts of one environment that it would touch; an empty name: they belong to none."""

    environment: str
    count: int
    hosts: str
    read_only: bool
    confirm: bool
    host_cap: int | None
    change_required: bool


class FactsOut(Answer):
    """What a host said about itself."""

    user: str
    interpreters: dict[str, str] = Field(description="interpreter -> its path; empty: missing")
    spool: str = Field(description="folder that would keep claims")
    spool_refusal: str = Field(description="why it cannot; empty: it can")
    free_bytes: int | None
    tmp_free_bytes: int | None
    skew_s: int | None = Field(description="the host's clock minus the engine's")
    setsid: bool
    tail: str


class FindingOut(Answer):
    """What a probe found out about one host; `success` is a host that is ready."""

    ordinal: int
    host: str
    account: str | None
    steps: list[str]
    state: TargetState
    code: TargetCode | None
    message: str
    notes: list[Note]
    facts: FactsOut | None
    path: list[str] = Field(description="jump hosts, nearest first, and the host itself")
    stopped_at: Stage | None = Field(description="where the way to it stopped; null: it is ready")
    reached_ms: int | None = Field(description="until the login was done; null: it was not")
    took_ms: int | None
    changes: str = Field(description="what would become of files there, line by line")


class FactsUsed(Answer):
    """The facts that the choice of hosts made use of."""

    names: list[str]
    oldest_at: str = Field(description="when the oldest of them was observed")
    hosts: int = Field(description="chosen hosts of which any of them is known")


class PlanDetail(PlanOut):
    """What a start would do."""

    targets: str = Field(description="the expression or the list that was given")
    hosts: str = Field(description="folded, such as `web[01-40]`")
    left_out: dict[str, str] = Field(description="hosts that were chosen and are away: why")
    facts: FactsUsed | None = Field(description="null: the choice asked for none")
    steps: list[PlanStep]
    nodes: list[PlanNode] = Field(description="of a flow, its steps among them; else none")
    expected_s: float | None = Field(
        description="by earlier runs, along the longest way; null: nothing is known"
    )
    parameters: dict[str, Any]
    env: dict[str, str]
    secrets: dict[str, str] = Field(description="names of secrets; the values are never shown")
    environments: list[EnvironmentTouched] = Field(description="their guard rails as they are now")
    refusals: list[FieldProblem] = Field(description="what would refuse a start now")
    warnings: list[FieldProblem] = Field(description="what refuses nothing: accounts that expire")
    confirm_hosts: int | None = Field(
        description="the number that a start must confirm; null: none"
    )
    dangers: list[StepDanger] = Field(
        description="rules for dangerous commands that it meets, by the rules of now"
    )
    acknowledge: list[str] = Field(description="rules that a start must acknowledge")
    review: list[str] = Field(description="rules of which others are asked before a start begins")
    findings: list[FindingOut] = Field(description="level probe: what is known so far, by host")


def detail_of(plan: Plan, today: date) -> PlanDetail:
    """All of it, as it is today."""
    definition, change = plan.definition, plan.definition.change
    asked = guards.unconfirmed(plan.rails, None)
    return PlanDetail(
        **PlanOut.model_validate(plan.row).model_dump(),
        targets=definition.targets,
        hosts=fold(host.name for host in definition.hosts),
        left_out=definition.left_out,
        facts=_facts(definition.hosts),
        steps=[_step(plan, step) for step in definition.graph.steps],
        nodes=_nodes(plan) if definition.origin.startswith("flow/") else [],
        expected_s=expecting.longest_way_s(definition.graph, plan.typical_s),
        parameters=definition.parameters,
        env=definition.env,
        secrets=dict.fromkeys(definition.secrets, HIDDEN),
        environments=[_environment(place) for place in plan.rails],
        refusals=[
            FieldProblem(where=problem.where, what=problem.what, hint=problem.hint)
            for problem in [*guards.refusals(plan.rails, change), *dangers.refusals(plan.dangers)]
        ],
        warnings=warnings_of(definition.accounts, today),
        confirm_hosts=guards.host_count(plan.rails) if asked else None,
        dangers=step_dangers(plan.dangers),
        acknowledge=list(
            dict.fromkeys(each.hit.rule for each in dangers.to_acknowledge(plan.dangers, ()))
        ),
        review=list(dangers.to_review(plan.dangers)),
        findings=[FindingOut.model_validate(finding) for finding in plan.findings],
    )


def _facts(hosts: Sequence[FrozenHost]) -> FactsUsed | None:
    known = [host for host in hosts if host.facts_at]
    if not known:
        return None
    return FactsUsed(
        names=sorted({name for host in known for name in host.facts}),
        oldest_at=min(host.facts_at for host in known),
        hosts=len(known),
    )


def warnings_of(accounts: Mapping[str, AccountSpec], today: date) -> list[FieldProblem]:
    """What to know of accounts that expire. It may read files: see `has_files`."""
    return [
        FieldProblem(where=problem.where, what=problem.what, hint=problem.hint)
        for problem in expiring(accounts, today, certificate_files(accounts))
    ]


def _step(plan: Plan, step: StepBase) -> PlanStep:
    definition = plan.definition
    hosts = [definition.hosts[ordinal] for ordinal in definition.step_hosts[step.name]]
    accounts: dict[str, list[str]] = {}
    for host in hosts if step.logs_in else ():
        account = definition.account_for(step, host)
        accounts.setdefault(account or "", []).append(host.name)
    script = definition.scripts.get(step.name)
    return PlanStep(
        step=step.name,
        kind=getattr(step, "kind", ""),
        count=len(hosts),
        hosts=fold(host.name for host in hosts),
        accounts={name: fold(names) for name, names in accounts.items()},
        concurrency=step.concurrency or definition.concurrency,
        timeout_s=step.timeout_s or definition.timeout_s,
        batches=batch_plans(definition, step.name),
        script=None if script is None else f"{script.name}@{script.revision}",
        probed=step.access is None,
        checked=dryrun.is_rehearsed(definition, step),
        awaits=dict(awaited(definition, step)),
        carried=step.carried,
        settings=step.model_dump(mode="json", exclude_defaults=True, exclude={"name", "kind"}),
    )


def _nodes(plan: Plan) -> list[PlanNode]:
    graph, works = plan.definition.graph, plan.definition.works
    found = []
    for node in graph.nodes:
        work = works.get(node.name, FrozenWork())
        named = "/".join(node.work or ()) if isinstance(node, Nested) else ""
        edges = (graph.edges[index] for index in graph.out[node.name])
        found.append(
            PlanNode(
                node=node.name,
                kind=node.kind,
                leads_to=[f"{edge.target} {edge.label}".rstrip() for edge in edges],
                runs=f"{named}@{work.revision}" if named else "",
                count=len(work.hosts),
                hosts=fold(work.hosts),
                asks=node.message if isinstance(node, Approval) else "",
                typical_s=plan.typical_s.get(node.name),
            )
        )
    return found


def _environment(place: guards.Touched) -> EnvironmentTouched:
    return EnvironmentTouched(
        environment=place.environment,
        count=len(place.hosts),
        hosts=fold(place.hosts),
        read_only=place.rails.read_only,
        confirm=place.rails.confirm,
        host_cap=place.rails.host_cap,
        change_required=place.rails.change_required,
    )
