"""Dangerous commands of a run: what its steps meet, and what a start has to say about it. Pure.

Judged before every start and before work is let onto hosts again, by the rules of this
moment; and once more on each target, by the rules that the run was started under, when
every value is known.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.domain import targets, variables
from core.domain.approval import MOST_MESSAGE_CHARACTERS, ApprovalSpec
from core.domain.command_rules import (
    CommandRuleSpec,
    CommandText,
    Hit,
    Level,
    Rule,
    judge,
    rules_of,
)
from core.domain.inventory import HostSpec
from core.domain.job import JobSpec, ScriptSpec
from core.domain.steps import FrozenScript, Given, StepBase
from core.domain.targets import Inventory, fold
from core.errors import AcknowledgementRequired, NotFound, Problem
from core.flow.definition import ENGINE_HOST, FrozenRule, RunDefinition

_MOST_VARIANTS = 50
"""Sets of values that a step is judged with before its start; each target judges its own again."""
_MOST_IN_A_MESSAGE = 10
"""Commands that whoever approves reads; the run's record has them all."""
_NAMED = re.compile(r"\$\{?([A-Za-z_]\w*)", re.ASCII)


class Documents(Protocol):
    """The documents that say what is dangerous, and where."""

    @property
    def hosts(self) -> Mapping[str, HostSpec]: ...
    @property
    def command_rules(self) -> Mapping[str, CommandRuleSpec]: ...
    @property
    def inventory(self) -> Inventory: ...
    def job(self, name: str, revision: int | None = None) -> tuple[JobSpec, int]: ...
    def script(self, name: str, revision: int | None) -> tuple[ScriptSpec, int]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepHit:
    """A rule that one step meets, and the hosts where it does."""

    step: str
    hit: Hit
    hosts: tuple[str, ...]

    @property
    def problem(self) -> Problem:
        hit = self.hit
        place = f"{hit.where} line {hit.line}, column {hit.column}".strip()
        meaning = f" (it means {hit.meaning})" if hit.meaning else ""
        return Problem(
            where=f"step {self.step}: {place}",
            what=f"rule {hit.rule}: `{hit.command}`{meaning}: {hit.message}",
            hint=_HINTS[hit.level].format(rule=hit.rule),
        )


_HINTS: Mapping[Level, str] = {
    Level.SCAN: "",
    Level.CONFIRM: "--acknowledge {rule}",
    Level.REVIEW: "others approve it where a run starts: start it anew",
    Level.BLOCK: "change the command; who keeps the rule may exempt the job",
}


def frozen_rules(definition: RunDefinition, documents: Documents) -> dict[str, FrozenRule]:
    """The documents' rules that concern the run, and on which of its hosts.

    A rule that is switched off or exempts the job is kept as switched off: it may stand in
    the place of a built-in one.
    """
    job = None if definition.request is None else definition.request.job
    found = {}
    for name, spec in documents.command_rules.items():
        is_exempt = job is not None and job in spec.exempt
        found[name] = FrozenRule(
            spec=spec.model_copy(update={"enabled": False}) if is_exempt else spec,
            hosts=_scope(spec, definition, documents) if spec.is_scoped else None,
        )
    return found


def _scope(
    spec: CommandRuleSpec, definition: RunDefinition, documents: Documents
) -> tuple[int, ...]:
    """Ordinals of the run's hosts that a rule concerns."""
    wanted: Collection[str] | None = None
    if spec.targets is not None:
        wanted = frozenset(targets.resolve(targets.parse(spec.targets), documents.inventory))
    found = []
    for ordinal, host in enumerate(definition.hosts):
        now = documents.hosts.get(host.name)
        environment = host.environment if now is None else now.environment
        if (
            host.name != ENGINE_HOST
            and (wanted is None or host.name in wanted)
            and (not spec.environments or environment in spec.environments)
        ):
            found.append(ordinal)
    return tuple(found)


class Judges:
    """Rules that hold for a run, by host."""

    def __init__(self, frozen: Mapping[str, FrozenRule]) -> None:
        self._rules = rules_of({name: rule.spec for name, rule in frozen.items()})
        self._hosts = {
            name: frozenset(rule.hosts) for name, rule in frozen.items() if rule.hosts is not None
        }

    def judge(self, step: StepBase, given: Given) -> list[Hit]:
        """Every rule that a step meets with these values, wherever the rule holds."""
        return [
            hit
            for text in step.judged(given)
            for hit in judge(text, self._rules, given.env, step.begins_in)
        ]

    def concerns(self, hit: Hit, ordinal: int) -> bool:
        """Whether the rule holds on this host."""
        hosts = self._hosts.get(hit.rule)
        return hosts is None or ordinal in hosts

    @property
    def rules(self) -> Sequence[Rule]:
        return self._rules


def mentioned(step: StepBase, script: FrozenScript | None) -> frozenset[str]:
    """Names of variables that the step's texts and paths speak of."""
    judged = step.judged(Given(script=script, env={}))
    texts = [each.text if isinstance(each, CommandText) else each.path for each in judged]
    return frozenset(name for text in texts for name in _NAMED.findall(text))


def find(
    definition: RunDefinition,
    documents: Documents,
    *,
    ahead: Mapping[str, Sequence[int]] | None = None,
) -> list[StepHit]:
    """Every rule that the run's steps meet, as far as their values are known.

    `ahead`: only these steps, on these targets. Jobs that look after batches are judged with
    the step that they belong to.
    """
    ahead = definition.step_hosts if ahead is None else ahead
    frozen = frozen_rules(definition, documents)
    judges = Judges(frozen)
    found: list[StepHit] = []
    for step in definition.graph.steps:
        own = ahead.get(step.name, ())
        script = definition.scripts.get(step.name)
        found += _of_step(step.name, step, script, definition, own, judges)
        if step.rolling and step.rolling.health:
            found += _of_health(step, definition, documents, own, judges)
    return found


def _of_step(
    title: str,
    step: StepBase,
    script: FrozenScript | None,
    definition: RunDefinition,
    ordinals: Sequence[int],
    judges: Judges,
) -> list[StepHit]:
    names = mentioned(step, script)
    variants: dict[tuple[str, tuple[tuple[str, str], ...]], list[int]] = {}
    for ordinal in ordinals:
        env = _known(definition, step, ordinal) if names else {}
        values = tuple((name, env[name]) for name in sorted(names & env.keys()))
        key = (definition.hosts[ordinal].shell, values)
        if key in variants or len(variants) < _MOST_VARIANTS:
            variants.setdefault(key, []).append(ordinal)
    where: dict[Hit, list[str]] = {}
    for (shell, values), members in variants.items():
        for hit in judges.judge(step, Given(script=script, env=dict(values), shell=shell)):
            hosts = [definition.hosts[n].name for n in members if judges.concerns(hit, n)]
            if hosts:
                where.setdefault(hit, []).extend(hosts)
    return [StepHit(step=title, hit=hit, hosts=tuple(hosts)) for hit, hosts in where.items()]


def _known(definition: RunDefinition, step: StepBase, ordinal: int) -> dict[str, str]:
    """Values of the step's environment that are known before its start; weakest first."""
    return {
        **definition.hosts[ordinal].variables,
        **{name: variables.as_text(value) for name, value in definition.parameters.items()},
        **step.env,
        **definition.env,
    }


def _of_health(
    step: StepBase,
    definition: RunDefinition,
    documents: Documents,
    ordinals: Sequence[int],
    judges: Judges,
) -> Iterator[StepHit]:
    assert step.rolling is not None
    assert step.rolling.health is not None
    try:
        job, _ = documents.job(step.rolling.health)
    except NotFound:
        return  # its start will say so
    for each in job.steps:
        script = None
        if used := each.script_used():
            spec, revision = documents.script(used.name, used.revision)
            script = FrozenScript(
                name=used.name, revision=revision, language=spec.language, text=spec.text
            )
        title = f"{step.name}, health check {each.name}"
        yield from _of_step(title, each, script, definition, ordinals, judges)


def refusals(found: Iterable[StepHit]) -> list[Problem]:
    """What nothing lets through."""
    return [each.problem for each in found if each.hit.level is Level.BLOCK]


def unreviewed(found: Iterable[StepHit], reviewed: Collection[str]) -> list[Problem]:
    """What others would have to approve, where only a start may ask them.

    `reviewed`: rules that the start has asked about.
    """
    return [
        each.problem
        for each in found
        if each.hit.level is Level.REVIEW and each.hit.rule not in reviewed
    ]


def to_review(found: Iterable[StepHit]) -> Mapping[str, Sequence[StepHit]]:
    """Rule -> what meets it, of the rules of which others are asked."""
    hits: dict[str, list[StepHit]] = {}
    for each in found:
        if each.hit.level is Level.REVIEW:
            hits.setdefault(each.hit.rule, []).append(each)
    return hits


def reviews(found: Iterable[StepHit], documents: Documents, title: str) -> dict[str, ApprovalSpec]:
    """Rule -> what others are asked before the run called `title` may begin."""
    hits = to_review(found)
    return {rule: _review(rule, own, documents, title) for rule, own in hits.items()}


def _review(rule: str, found: Sequence[StepHit], documents: Documents, title: str) -> ApprovalSpec:
    spec = documents.command_rules.get(rule)
    asked = {} if spec is None else dict(spec.approval)
    lines = [f"{title}: it meets the rule {rule}: {found[0].hit.message}"]
    for each in found[:_MOST_IN_A_MESSAGE]:
        on = f" on {hosts}" if (hosts := hosts_word(each.hosts)) else ""
        lines.append(f"step {each.step}{on}: {each.hit.command}")
    if len(found) > _MOST_IN_A_MESSAGE:
        lines.append(f"and {len(found) - _MOST_IN_A_MESSAGE} more")
    return ApprovalSpec(message="\n".join(lines)[:MOST_MESSAGE_CHARACTERS], **asked)


def to_acknowledge(found: Iterable[StepHit], acknowledged: Collection[str]) -> list[StepHit]:
    """What somebody has to acknowledge, and has not."""
    return [
        each
        for each in found
        if each.hit.level is Level.CONFIRM and each.hit.rule not in acknowledged
    ]


def check_acknowledged(found: Sequence[StepHit], acknowledged: Collection[str]) -> None:
    """AcknowledgementRequired with every hit that somebody has to acknowledge and has not."""
    missing = to_acknowledge(found, acknowledged)
    if not missing:
        return
    rules = tuple(dict.fromkeys(each.hit.rule for each in missing))
    raise AcknowledgementRequired(
        f"it meets rules for dangerous commands that must be acknowledged: {', '.join(rules)}",
        rules=rules,
        problems=[each.problem for each in missing],
        hint="repeat with " + " ".join(f"--acknowledge {rule}" for rule in rules),
    )


def let_on(
    definition: RunDefinition,
    documents: Documents,
    found: Iterable[StepHit],
    acknowledged: Sequence[str],
) -> RunDefinition:
    """The definition of a run that may start: with its rules, and what is known to meet them."""
    found = list(found)
    to_ask = [each for each in found if each.hit.level is Level.REVIEW]
    foreseen: dict[str, set[str]] = {}
    for each in found:
        foreseen.setdefault(each.step, set()).add(each.hit.rule)
    return definition.model_copy(
        update={
            "command_rules": frozen_rules(definition, documents),
            "foreseen": {step: tuple(sorted(rules)) for step, rules in foreseen.items()},
            "acknowledged": tuple(acknowledged),
            "reviewed": tuple(sorted({each.hit.rule for each in to_ask})),
        }
    )


def hosts_word(hosts: Sequence[str]) -> str:
    """Names of hosts, folded; "" for what runs on none."""
    return fold(host for host in hosts if host != ENGINE_HOST)
