"""What runs of a flow have shown about it: measured suggestions, with their evidence.

A rule looks at finished runs of one definition and says something only where the numbers are there;
what would be a guess is left unsaid. Nothing here changes a flow, and nothing knows how runs are
kept: whoever asks describes them as `FinishedRun`s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from core.flow.advice import history, newest
from core.flow.advice.suggestion import SENTENCES, Rule, Suggestion, in_words
from core.flow.advice.timings import FinishedRun, NodeTiming

__all__ = ["SENTENCES", "FinishedRun", "NodeTiming", "Rule", "Suggestion", "advise", "in_words"]

_RULES: tuple[Callable[[Sequence[FinishedRun]], Iterator[Suggestion]], ...] = (
    newest.critical_path,
    newest.side_by_side,
    newest.slow_branch,
    newest.slow_host,
    history.always_retried,
    history.long_timeout,
    history.never_together,
    newest.unused_variables,
)


def advise(runs: Sequence[FinishedRun]) -> tuple[Suggestion, ...]:
    """What the runs show, what saves most first; `runs` from the oldest to the newest.

    How a run went is said of the newest one, what always or never happens of all of them.
    """
    if not runs:
        return ()
    found = [suggestion for rule in _RULES for suggestion in rule(runs)]
    order = list(Rule)
    return tuple(sorted(found, key=lambda each: (-each.saves_s, order.index(each.rule))))
