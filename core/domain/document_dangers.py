"""Rules for dangerous commands that a document meets as it is written. Pure.

What is met is told whenever a document is saved. Saving is refused only where it is certain
that no start could be taken: a job that meets a rule which blocks on every host.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from core.domain.job import JobSpec, ScriptSpec
from core.domain.steps import Given
from core.errors import Problem


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One text of a document, and what is known of where it will run."""

    judged: Judged
    """Its `where` is a place in the document, such as `spec.steps[0].command`."""
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None


def texts(document: Document) -> Iterator[Written]:
    """Everything in a document that rules judge; a script's text belongs to its own document."""
    spec = document.spec
    if isinstance(spec, ScriptSpec):
        language = language_of(spec.language)
        yield Written(judged=CommandText(language=language, text=spec.text, where="spec.text"))
    elif isinstance(spec, JobSpec):
        for index, step in enumerate(spec.steps):
            if step.script_used() is not None:
                continue
            for judged in step.judged(Given(script=None, env=step.env)):
                where = f"spec.steps[{index}].{judged.where}"
                yield Written(judged=replace(judged, where=where), env=step.env, cwd=step.begins_in)


def find(document: Document, known: WrittenRules) -> tuple[Hit, ...]:
    """Every rule that the document meets, text by text."""
    applying = [
        rule for rule in known.rules if document.name not in known.exempt.get(rule.name, ())
    ]
    return tuple(
        hit for each in texts(document) for hit in judge(each.judged, applying, each.env, each.cwd)
    )


def refusals(document: Document, found: Iterable[Hit], known: WrittenRules) -> list[Problem]:
    """Why a document cannot be saved: a job that could never be started."""
    if not isinstance(document.spec, JobSpec):
        return []
    return [
        Problem(
            where=f"{hit.where} line {hit.line}, column {hit.column}",
            what=f"rule {hit.rule}: `{hit.command}`: {hit.message}",
            hint="change the command; who keeps the rule may exempt the job",
        )
        for hit in found
        if hit.level is Level.BLOCK and hit.rule not in known.scoped
    ]
