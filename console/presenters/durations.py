"""Times, durations and sizes as people read them; local time, short, of steady width."""

from __future__ import annotations

from datetime import datetime, tzinfo

_SCALES = ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s"))
"""Seconds, unit, seconds of the part shown beside it, unit of that part; largest first."""

_UNITS = ("B", "KB", "MB", "GB", "TB")


def parse_time(text: str) -> datetime:
    """A time of the API (ISO 8601, UTC)."""
    return datetime.fromisoformat(text)


def clock_time(text: str | None, now: datetime, zone: tzinfo | None = None) -> str:
    """A moment in local time: `14:02:11` today, `01-30 14:02` this year, else with its date.

    "" for none. `zone` is the machine's own when None.
    """
    if not text:
        return ""
    at = parse_time(text).astimezone(zone)
    here = now.astimezone(zone)
    if at.date() == here.date():
        return at.strftime("%H:%M:%S")
    return at.strftime("%m-%d %H:%M" if at.year == here.year else "%Y-%m-%d")


def full_time(text: str | None, zone: tzinfo | None = None) -> str:
    """A moment in local time with its date and offset: `2026-01-31 14:02:11 +01:00`."""
    if not text:
        return ""
    at = parse_time(text).astimezone(zone)
    return at.strftime("%Y-%m-%d %H:%M:%S ") + at.strftime("%z")[:3] + ":" + at.strftime("%z")[3:5]


def span_of(started_at: str | None, ended_at: str | None, now: datetime) -> float | None:
    """Seconds between two moments of the API; until `now` while the second is missing."""
    if not started_at:
        return None
    end = parse_time(ended_at) if ended_at else now
    return max((end - parse_time(started_at)).total_seconds(), 0.0)


def duration(seconds: float | None) -> str:
    """`0.42s`, `1.3s`, `12s`, `3m 05s`, `2h 04m`, `3d 04h`; "" for None."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{seconds:.2f}s" if seconds < 0.995 else f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    size, unit, part_size, part = next(scale for scale in _SCALES if whole >= scale[0])
    return f"{whole // size}{unit} {whole % size // part_size:02d}{part}"


def size(count: int) -> str:
    """Bytes as `512 B`, `1.4 KB`, `20 MB` (powers of 1000)."""
    value = float(count)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            digits = 1 if value < 10 and unit != "B" else 0
            return f"{value:.{digits}f} {unit}"
        value /= 1000
    raise AssertionError("the last unit takes every size")


def number(count: int) -> str:
    """A count with its thousands apart: `12,345`."""
    return f"{count:,}"
