"""A suggestion: which rule found it, whom it concerns, what speaks for it, and its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from core.domain.expressions.values import duration_text


class Rule(StrEnum):
    """What is looked for; stable words that programs may rely on."""

    CRITICAL_PATH = "critical-path"
    SIDE_BY_SIDE = "side-by-side"
    SLOW_BRANCH = "slow-branch"
    SLOW_HOST = "slow-host"
    ALWAYS_RETRIED = "always-retried"
    LONG_TIMEOUT = "long-timeout"
    NEVER_TOGETHER = "never-together"
    UNUSED_VARIABLES = "unused-variables"


SENTENCES: Mapping[Rule, str] = {
    Rule.CRITICAL_PATH: "{path} took {path_s} of the run's {run_s}; {longest} alone took {longest_s}",
    Rule.SIDE_BY_SIDE: "{nodes} ran one after the other and share neither data nor hosts; side by side"
    " they take {saves_s} less",
    Rule.SLOW_BRANCH: "{node} waited {saves_s} for {branch} alone, after everything else it waits for"
    " had ended",
    Rule.SLOW_HOST: "{node} waited {saves_s} for {host} alone: {slowest_s}, and {next_s} on the next"
    " slowest of {hosts} hosts",
    Rule.ALWAYS_RETRIED: "{node} needed more than one attempt in each of {runs} runs, {attempts} on"
    " average; find what the first one stumbles over, or wait for it before",
    Rule.LONG_TIMEOUT: "{node} may take {timeout_s}, and 99 of 100 times it took no more than {p99_s}"
    " ({samples} seen); {proposed_s} would tell sooner that it hangs",
    Rule.NEVER_TOGETHER: "{one} failed in {one_runs} and {other} in {other_runs} of {runs} runs, and"
    " never both; they fail for different reasons, and a failure of one need not hold up the other",
    Rule.UNUSED_VARIABLES: "nothing refers to {variables}",
}
"""Rule -> its sentence, with places for the evidence."""

Evidence: TypeAlias = Mapping[str, float | str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing that was seen, and what speaks for it."""

    rule: Rule
    nodes: tuple[str, ...]
    """Whom it concerns, in the order of the run."""
    evidence: Evidence
    """Numbers and names by the places of the rule's sentence; names that end in `_s` are seconds."""

    @property
    def saves_s(self) -> float:
        """Seconds of a run that it is worth; 0 where it is worth something else."""
        found = self.evidence.get("saves_s", 0.0)
        assert isinstance(found, float)
        return found

    @property
    def sentence(self) -> str:
        """In English, without a full stop."""
        return SENTENCES[self.rule].format_map(in_words(self.evidence))


def in_words(evidence: Evidence) -> dict[str, str]:
    """The evidence as people read it: durations with their units, lists with commas."""
    return {name: _word(name, value) for name, value in evidence.items()}


def _word(name: str, value: float | str | tuple[str, ...]) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return ", ".join(value)
    if name.endswith("_s"):
        return (
            f"{_decimal(value)}s" if value < 10 else duration_text(timedelta(seconds=round(value)))
        )
    return _decimal(value)


def _decimal(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def evidence(**found: float | str | tuple[str, ...]) -> Evidence:
    """What was found, by the places of a rule's sentence."""
    return MappingProxyType(
        {name: float(value) if isinstance(value, int) else value for name, value in found.items()}
    )
