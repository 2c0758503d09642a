"""Rules for dangerous commands that a document meets when it is saved. Pure.

A rule that blocks everywhere refuses the document. Every other one is told: who starts the
job will be asked, and a rule that holds on some hosts only may not concern it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.domain.command_rules import (
    CommandRuleSpec,
    CommandText,
    Hit,
    Level,
    Rule,
    judge,
    language_of,
    rules_of,
)
from core.domain.documents import Document
from core.domain.job import JobSpec, ScriptSpec
from core.domain.steps import Given
from core.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingRules:
    """The rules that hold when documents are saved."""

    rules: Sequence[Rule]
    exempt: Mapping[str, frozenset[str]]
    """Rule -> jobs that it says nothing about."""
    scoped: frozenset[str]
    """Rules that hold on some hosts only."""


def rules(specs: Mapping[str, CommandRuleSpec]) -> SavingRules:
    """What `specs` and the built-in rules say."""
    return SavingRules(
        rules=rules_of(specs),
        exempt={name: frozenset(spec.exempt) for name, spec in specs.items()},
        scoped=frozenset(name for name, spec in specs.items() if spec.is_scoped),
    )


def may_meet(document: Document) -> bool:
    """Whether a document holds anything that rules judge."""
    return isinstance(document.spec, JobSpec | ScriptSpec)


def find(document: Document, known: SavingRules) -> tuple[Hit, ...]:
    """Every rule that the document meets; the level of one that may not concern it is `scan`."""
    spec = document.spec
    if isinstance(spec, ScriptSpec):
        text = CommandText(language=language_of(spec.language), text=spec.text, where="spec.text")
        # A script's jobs may be exempt, so nobody is held up by it alone.
        return tuple(_milder(hit) for hit in judge(text, known.rules))
    if not isinstance(spec, JobSpec):
        return ()
    applying = [
        rule for rule in known.rules if document.name not in known.exempt.get(rule.name, ())
    ]
    found: list[Hit] = []
    for index, step in enumerate(spec.steps):
        if step.script_used() is not None:
            continue
        for judged in step.judged(Given(script=None, env=step.env)):
            placed = replace(judged, where=f"spec.steps[{index}].{judged.where}")
            found += judge(placed, applying, step.env, step.begins_in)
    return tuple(_milder(hit) if hit.rule in known.scoped else hit for hit in found)


def _milder(hit: Hit) -> Hit:
    return replace(hit, level=Level.SCAN) if hit.level is Level.BLOCK else hit


def refusals(found: Iterable[Hit]) -> list[Problem]:
    """Why a document cannot be saved."""
    return [
        Problem(
            where=f"{hit.where} line {hit.line}, column {hit.column}",
            what=f"rule {hit.rule}: `{hit.command}` {hit.message}",
            hint="change the command; who keeps the rule may exempt the job",
        )
        for hit in found
        if hit.level is Level.BLOCK
    ]
