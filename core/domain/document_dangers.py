"""Rules for dangerous commands that a document meets as it is written. Pure.

What is met is told whenever a document is saved. Saving is refused only where it is certain
that no start could be taken: a job that meets a rule which blocks on every host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.domain import targets
from core.domain.command_rules import (
    CommandRuleSpec,
    CommandText,
    Hit,
    Judged,
    Level,
    Rule,
    judge,
    language_of,
    rules_of,
)
from core.domain.documents import Document
from core.domain.flow import FlowSpec
from core.domain.flow.nodes import ForEach, Nested
from core.domain.inventory import GroupSpec, HostSpec
from core.domain.job import JobSpec, ScriptSpec
from core.domain.steps import Given, StepBase
from core.domain.targets import GroupView, HostView, Inventory
from core.errors import OpsError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRules:
    """The rules that hold for documents as they are written."""

    rules: Sequence[Rule]
    exempt: Mapping[str, frozenset[str]]
    """Rule -> jobs that it says nothing about."""
    scoped: frozenset[str]
    """Rules that hold on some hosts only."""


def rules(specs: Mapping[str, CommandRuleSpec]) -> WrittenRules:
    """What `specs` and the built-in rules say."""
    return WrittenRules(
        rules=rules_of(specs),
        exempt={name: frozenset(spec.exempt) for name, spec in specs.items()},
        scoped=frozenset(name for name, spec in specs.items() if spec.is_scoped),
    )


_NESTED = "step"
"""Field of a node that holds a step of its own."""
ANY_SHELL = "sh"
"""What reads command lines where nobody knows the hosts."""
Shells = Callable[[str | None], frozenset[str]]
"""Target expression -> what reads command lines on its hosts; empty: nobody knows."""


def no_hosts(_expression: str | None) -> frozenset[str]:
    """Where no inventory is at hand."""
    return frozenset()


def shells_by(special: Mapping[str, str], inventory: Callable[[], Inventory]) -> Shells:
    """What reads command lines on the hosts of expressions.

    `special`: hosts with another shell than sh; where there is none, nobody asks the inventory.
    """

    def shells(expression: str | None) -> frozenset[str]:
        if expression is None or not special:
            return frozenset()
        try:
            chosen = targets.resolve(targets.parse(expression), inventory())
        except OpsError:
            return frozenset()  # a reference that is broken is said elsewhere
        return frozenset(special.get(name, ANY_SHELL) for name in chosen)

    return shells


def shells_among(documents: Iterable[Document]) -> Shells:
    """The same for the hosts and groups among some documents."""
    every = list(documents)
    hosts = {each.name: each for each in every if isinstance(each.spec, HostSpec)}

    def inventory() -> Inventory:
        return Inventory(
            hosts={name: HostView(name, host.labels) for name, host in hosts.items()},
            groups={
                each.name: GroupView(each.spec.hosts, each.spec.expression)
                for each in every
                if isinstance(each.spec, GroupSpec)
            },
        )

    special = {name: host.spec.shell for name, host in hosts.items()}
    return shells_by({name: s for name, s in special.items() if s != ANY_SHELL}, inventory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One text of a document as one shell reads it, and what is known of where it will run."""

    judged: Judged
    """Its `where` is a place in the document, such as `spec.steps[0].command`."""
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None


def texts(document: Document, shells: Shells = no_hosts) -> Iterator[Written]:
    """Everything in a document that rules judge; a script's text belongs to its own document.

    What several shells may read stands there once for each that reads it in its own way.
    """
    spec = document.spec
    if isinstance(spec, ScriptSpec):
        language = language_of(spec.language)
        yield Written(judged=CommandText(language=language, text=spec.text, where="spec.text"))
        return
    for place, step, expression in steps_of(spec):
        if step.script_used() is not None:
            continue
        known = shells(expression) or {ANY_SHELL}
        readings = [
            judged
            for shell in sorted(known)
            for judged in step.judged(Given(script=None, env=step.env, shell=shell))
        ]
        for judged in dict.fromkeys(readings):
            where = f"{place}.{judged.where}"
            yield Written(judged=replace(judged, where=where), env=step.env, cwd=step.begins_in)


def steps_of(spec: Any) -> Iterator[tuple[str, StepBase, str | None]]:
    """Every step of a job or a flow: its place, and the target expression that holds for it."""
    if isinstance(spec, JobSpec):
        for index, step in enumerate(spec.steps):
            yield f"spec.steps[{index}]", step, step.targets or spec.targets
    elif isinstance(spec, FlowSpec):
        for index, node in enumerate(spec.nodes):
            if isinstance(node, StepBase):
                yield f"spec.nodes[{index}]", node, node.targets or spec.targets
            elif isinstance(node, Nested) and node.step is not None:
                own = node.hosts if isinstance(node, ForEach) else node.targets
                expression = node.step.targets or own or spec.targets
                yield f"spec.nodes[{index}].{_NESTED}", node.step, expression


def find(document: Document, known: WrittenRules, shells: Shells = no_hosts) -> tuple[Hit, ...]:
    """Every rule that the document meets, text by text, in whatever shell."""
    hits = (hit for _, found in _by_reading(document, known, shells) for hit in found)
    return tuple(dict.fromkeys(hits))


def _by_reading(
    document: Document, known: WrittenRules, shells: Shells
) -> Iterator[tuple[Written, list[Hit]]]:
    applying = [
        rule for rule in known.rules if document.name not in known.exempt.get(rule.name, ())
    ]
    for each in texts(document, shells):
        yield each, judge(each.judged, applying, each.env, each.cwd)


def refusals(
    document: Document, found: Iterable[Hit], known: WrittenRules, shells: Shells = no_hosts
) -> list[Problem]:
    """Why a document cannot be saved: a job or a flow that could never be started.

    That is one with a text that is blocked in whatever shell reads it, on every host. What a node
    repeats is judged when that is started: it may never be.
    """
    if not isinstance(document.spec, JobSpec | FlowSpec):
        return []
    passing = {
        each.judged.where
        for each, hits in _by_reading(document, known, shells)
        if not any(_stops(hit, known) for hit in hits)
    }
    return [
        Problem(
            where=f"{hit.where} line {hit.line}, column {hit.column}",
            what=f"rule {hit.rule}: `{hit.command}`: {hit.message}",
            hint="change the command; who keeps the rule may exempt the job",
        )
        for hit in found
        if _stops(hit, known) and hit.where not in passing and f".{_NESTED}." not in hit.where
    ]


def _stops(hit: Hit, known: WrittenRules) -> bool:
    """Whether nothing that meets it can be started, anywhere."""
    return hit.level is Level.BLOCK and hit.rule not in known.scoped
