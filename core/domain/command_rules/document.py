"""The document that people write rules as, and the rules that hold with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from core.domain import timebox
from core.domain.approvers import ApprovalRules
from core.domain.command_rules.builtin import BUILTIN
from core.domain.command_rules.rule import Rule
from core.domain.command_rules.values import Language, Level, Operation
from core.domain.values import EnvironmentName, JobName, TargetText, Value
from core.errors import nearest

TimedRegex = Annotated[
    str, StringConstraints(min_length=1, max_length=2000), AfterValidator(timebox.check)
]
"""A regular expression whose searches are ended when they take too long."""
_NOT_ALLOWED = "is not among the commands that are allowed here"
PathGlob = Annotated[str, StringConstraints(pattern=r"^[/~].*$", max_length=1000)]


def _known_builtin(name: str) -> str:
    if name not in BUILTIN:
        near = nearest(name, list(BUILTIN))
        suggestion = f"did you mean {near}?" if near else f"one of {', '.join(BUILTIN)}"
        raise ValueError(f"there is no built-in rule {name!r}; {suggestion}")
    return name


class CommandRuleSpec(Value):
    """A rule for dangerous commands or paths. One with the name of a built-in rule replaces it.

    A seat belt against mistakes, not a sandbox: who wants around it finds a way.
    """

    description: str = ""
    enabled: bool = True
    level: Level = Field(Level.CONFIRM, description="what a hit asks for")
    message: str = Field("", max_length=500, description="what people read who are held up by it")
    pattern: TimedRegex | None = Field(
        None, description="regular expression, looked for in every command and every line"
    )
    words: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(
        (), max_length=1000, description="whole words, instead of a pattern"
    )
    builtin: Annotated[str, AfterValidator(_known_builtin)] | None = Field(
        None, description="finds what the built-in rule of this name finds, instead of a pattern"
    )
    paths: tuple[PathGlob, ...] = Field(
        (),
        max_length=1000,
        description="paths of file steps, instead of a pattern: /etc/**; * stops at a slash",
    )
    allow: tuple[TimedRegex, ...] = Field(
        (),
        max_length=200,
        description="regular expressions, instead of a pattern: every command must fit one of them"
        " whole, and all others meet the rule",
    )
    operations: tuple[Operation, ...] = Field(
        (Operation.WRITE, Operation.DELETE), min_length=1, description="on `paths`"
    )
    ignore_case: bool = Field(False, description="of `pattern`, `words` and `allow`")
    languages: tuple[Language, ...] = Field((), description="of texts; empty: all")
    environments: tuple[EnvironmentName, ...] = Field(
        (), description="only on their hosts; empty: everywhere"
    )
    targets: TargetText | None = Field(None, description="only on these hosts: a target expression")
    exempt: tuple[JobName, ...] = Field((), description="jobs that it says nothing about")
    approval: ApprovalRules = Field(
        default_factory=ApprovalRules,
        description="with level review: who decides whether the run begins, and by when",
    )

    @model_validator(mode="after")
    def _one_way_to_find(self) -> Self:
        ways = (
            self.pattern is not None,
            self.builtin is not None,
            self.words != (),
            self.paths != (),
            self.allow != (),
        )
        if sum(ways) != 1:
            raise ValueError(
                "give `pattern`, `words`, `builtin`, `paths` or `allow`, one of the five"
            )
        if "operations" in self.model_fields_set and not self.paths:
            raise ValueError("`operations` belong to `paths`")
        if self.level is not Level.REVIEW and "approval" in self.model_fields_set:
            raise ValueError("`approval` belongs to level review")
        if self.languages and self.paths:
            raise ValueError("paths have no language; drop `languages`")
        return self

    @property
    def is_scoped(self) -> bool:
        """Whether it concerns some hosts only."""
        return bool(self.environments) or self.targets is not None


def rules_of(documents: Mapping[str, CommandRuleSpec]) -> list[Rule]:
    """The rules that hold: the built-in ones that no document replaces, and the documents'."""
    kept = [rule for rule in BUILTIN.values() if rule.name not in documents]
    return kept + [_rule(name, spec) for name, spec in documents.items() if spec.enabled]


def _rule(name: str, spec: CommandRuleSpec) -> Rule:
    languages = frozenset(spec.languages or Language)
    message = spec.message or spec.description
    if spec.builtin is not None:
        base = BUILTIN[spec.builtin]
        return replace(
            base,
            name=name,
            level=spec.level,
            message=message or base.message,
            languages=base.languages & languages,
        )
    return Rule(
        name=name,
        level=spec.level,
        message=message or (_NOT_ALLOWED if spec.allow else "a rule of this engine matches"),
        languages=languages,
        pattern=spec.pattern or _any_word(spec.words),
        allow=spec.allow,
        ignore_case=spec.ignore_case,
        paths=spec.paths,
        operations=frozenset(spec.operations) if spec.paths else frozenset(),
    )


def _any_word(words: Sequence[str]) -> str:
    """A pattern that matches any of the words where it stands alone."""
    if not words:
        return ""
    return rf"(?<![\w-])(?:{'|'.join(re.escape(word) for word in words)})(?![\w-])"
