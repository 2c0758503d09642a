"""Suggestions for flows and jobs as sentences, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.i18n import _
from console.presenters.text import Column, Span, Table, Tone
from core.flow.advice import Rule, Suggestion, in_words


def sentences() -> Mapping[Rule, str]:
    """Rule -> its sentence, with places for the evidence; in English as the core says it."""
    return {
        Rule.CRITICAL_PATH: _(
            "{path} took {path_s} of the run's {run_s}; {longest} alone took {longest_s}"
        ),
        Rule.SIDE_BY_SIDE: _(
            "{nodes} ran one after the other and share neither data nor hosts; side by side they"
            " take {saves_s} less"
        ),
        Rule.SLOW_BRANCH: _(
            "{node} waited {saves_s} for {branch} alone, after everything else it waits for had"
            " ended"
        ),
        Rule.SLOW_HOST: _(
            "{node} waited {saves_s} for {host} alone: {slowest_s}, and {next_s} on the next"
            " slowest of {hosts} hosts"
        ),
        Rule.ALWAYS_RETRIED: _(
            "{node} needed more than one attempt in each of {runs} runs, {attempts} on average;"
            " find what the first one stumbles over, or wait for it before"
        ),
        Rule.LONG_TIMEOUT: _(
            "{node} may take {timeout_s}, and 99 of 100 times it took no more than {p99_s}"
            " ({samples} seen); {proposed_s} would tell sooner that it hangs"
        ),
        Rule.NEVER_TOGETHER: _(
            "{one} failed in {one_runs} and {other} in {other_runs} of {runs} runs, and never"
            " both; they fail for different reasons, and a failure of one need not hold up the"
            " other"
        ),
        Rule.UNUSED_VARIABLES: _("nothing refers to {variables}"),
    }


def advice_table(found: Sequence[Suggestion]) -> Table:
    """A row for each suggestion, what saves most first."""
    columns = (Column(_("RULE")), Column(_("WHAT WAS SEEN"), elastic=True, wraps=True))
    return Table(
        columns,
        tuple((Span(each.rule, Tone.STRONG), Span(sentence(each))) for each in found),
    )


def sentence(suggestion: Suggestion) -> str:
    """What was seen, with its numbers."""
    return sentences()[suggestion.rule].format_map(in_words(suggestion.evidence))
