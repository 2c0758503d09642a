"""Progress of a run in one line: counts by state, hosts a second, time left.

Pure: the caller says what time it is. The rate is that of the last seconds, so
that a slow beginning does not spoil the estimate for ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from console.answers import Lost
from console.i18n import _, ngettext
from console.presenters.durations import duration, number
from console.presenters.states import ORDER, TARGET_SIGNS, WAITING, word
from console.presenters.text import Line, Span, Tone, line
from core.domain.run import LIVE_TARGET_STATES, TargetState

_WINDOW_S = 10.0
"""How far back the rate looks."""
_LEAST_S = 1.0
"""No rate and no estimate before this much has passed."""


class Meter:
    """Turns samples of counts into a rate and an estimate."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def feed(self, at_s: float, done: int) -> None:
        """Record that `done` targets had ended at `at_s` (a clock that never goes back)."""
        if self._samples and done < self._samples[-1][1]:
            self._samples.clear()  # the next attempt or step counts from the beginning
        self._samples.append((at_s, done))
        while len(self._samples) > 2 and at_s - self._samples[1][0] > _WINDOW_S:
            self._samples.popleft()

    @property
    def rate(self) -> float | None:
        """Targets that ended a second; None while there is too little to say."""
        if len(self._samples) < 2:
            return None
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        if last_s - first_s < _LEAST_S or last == first:
            return None
        return (last - first) / (last_s - first_s)

    def time_left_s(self, remaining: int) -> float | None:
        """Seconds until `remaining` more targets will have ended; None where nobody knows."""
        return None if not remaining or self.rate is None else remaining / self.rate


def ended(counts: Mapping[str, int]) -> int:
    """Targets that have ended, in any way."""
    return sum(count for state, count in counts.items() if state not in LIVE_TARGET_STATES)


def count_spans(counts: Mapping[str, int]) -> list[Span]:
    """`✓ 12 success` for each state that occurs, what needs a person first."""
    spans = []
    for state in sorted(counts, key=lambda state: ORDER.get(state, 0)):
        symbol, tone = TARGET_SIGNS.get(TargetState(state), WAITING)
        if counts[state]:
            spans.append(Span(f"{symbol} {number(counts[state])} {word(state)}", tone))
    return spans


def lost_text(lost: Lost) -> str:
    """`1 line lost, looking for it for 12s`; "" where no line is lost."""
    if not lost.count:
        return ""
    return ngettext(
        "{count} line lost, looking for it for {duration}",
        "{count} lines lost, looking for them for {duration}",
        lost.count,
    ).format(count=number(lost.count), duration=duration(max(lost.longest_s, 1.0)))


def progress_line(
    counts: Mapping[str, int],
    total: int,
    meter: Meter,
    *,
    step: str = "",
    elapsed_s: float | None = None,
    lost: Lost | None = None,
) -> Line:
    """`12/40  ✗ 1 failed  ▸ 8 running  ✓ 11 success  5.2 hosts/s  6s left`.

    A line that is lost stands in the place of the rate, which says nothing then.
    """
    done = ended(counts)
    pieces: list[str | Span] = [f"{step}  "] if step else []
    pieces.append(f"{number(done)}/{number(total)}")
    # How many still wait follows from the numbers before; the line has to fit 80 cells.
    shown = {state: count for state, count in counts.items() if state != TargetState.WAITING}
    for span in count_spans(shown):
        pieces += ["  ", span]
    if lost is not None and lost.count:
        return line(*pieces, "  ", Span(lost_text(lost), Tone.WARNING))
    if meter.rate is not None:
        pieces.append(
            "  " + _("{rate} hosts/s").format(rate=f"{meter.rate:.{_digits(meter.rate)}f}")
        )
    left_s = meter.time_left_s(total - done)
    if left_s is not None:
        pieces.append("  " + _("{duration} left").format(duration=duration(max(left_s, 1))))
    elif elapsed_s is not None:
        pieces.append(f"  {duration(elapsed_s)}")
    return line(*pieces)


def _digits(rate: float) -> int:
    return 0 if rate >= 10 else 1
