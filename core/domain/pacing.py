"""When a channel's notices go, and which of them together. Pure.

Whatever is not sent now is sent later: nothing here drops a notice. There are never more
messages in a stretch of time than the channel bears; what is more waits and goes as a digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.domain.channel import ChannelSpec, Quiet

MOST_IN_A_DIGEST = 50

_FIRST_PAUSE_S = 10.0
_LONGEST_PAUSE_S = 900.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice that is to be sent."""

    id: str
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send now, each message with its notices, and when to look again."""

    messages: tuple[tuple[str, ...], ...] = ()
    again_at: datetime | None = None
    """None: when there is something new."""


def plan(
    channel: ChannelSpec, waiting: Sequence[Waiting], sent: Sequence[datetime], now: datetime
) -> Plan:
    """What a channel sends at a moment; `sent`: when its last messages went, in any order."""
    if not channel.enabled:
        return Plan()
    quiet_until = None if channel.quiet is None else quiet_end(channel.quiet, now)
    ready = [each for each in waiting if each.urgent or quiet_until is None]
    ready.sort(key=lambda each: not each.urgent)  # stable: else in the order in which they came
    held = len(waiting) - len(ready)
    span = timedelta(seconds=channel.rate.per_s)
    recent = sorted(moment for moment in sent if moment > now - span)
    room = channel.rate.messages - len(recent)
    if not ready:
        return Plan(again_at=quiet_until if held else None)
    if room <= 0:
        return Plan(again_at=recent[-channel.rate.messages] + span)
    ids = [each.id for each in ready]
    if len(ids) <= room:
        messages: tuple[tuple[str, ...], ...] = tuple((id_,) for id_ in ids)
    else:
        # The last message that there is room for carries what would go too often.
        alone, together = ids[: room - 1], ids[room - 1 :][:MOST_IN_A_DIGEST]
        messages = (*((id_,) for id_ in alone), tuple(together))
    left = len(ids) - sum(map(len, messages))
    again = (recent[0] if recent else now) + span if left else quiet_until if held else None
    return Plan(messages=messages, again_at=again)


def quiet_end(quiet: Quiet, now: datetime) -> datetime | None:
    """When the quiet hours end that `now` lies in; None where it lies in none."""
    zone = ZoneInfo(quiet.time_zone)
    local = now.astimezone(zone)
    begins, ends = time.fromisoformat(quiet.begins), time.fromisoformat(quiet.ends)
    clock = local.time()
    overnight = begins > ends
    inside = clock >= begins or clock < ends if overnight else begins <= clock < ends
    if not inside:
        return None
    day = local.date() + timedelta(days=overnight and clock >= begins)
    return datetime.combine(day, ends, zone).astimezone(UTC)


def pause_s(tries: int) -> float:
    """How long to wait after so many tries that failed: longer each time, up to a bound."""
    return float(min(_FIRST_PAUSE_S * 2 ** min(tries - 1, 20), _LONGEST_PAUSE_S))


def together(subjects: Sequence[str], bodies: Sequence[str]) -> tuple[str, str]:
    """Subject and body of a message that carries these notices."""
    if len(subjects) == 1:
        return subjects[0], bodies[0]
    parts = [f"{subject}\n{body}".rstrip() for subject, body in zip(subjects, bodies, strict=True)]
    return f"Jobdeck: {len(subjects)} notices", "\n\n".join(parts)
