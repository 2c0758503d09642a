"""Cron expressions at changes of clocks: another seed a run, over all zones; and judges that see."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.scheduling import zones
from tests.simulation import cronpairs
from tests.simulation.cronpairs import JUDGES, ZONES, Edge

PARTS = 4
PAIRS = 24_500
"""More than are wanted of each judge: libraries are not asked at odd changes."""
WANTED = 20_000


@pytest.mark.parametrize("part", range(PARTS))
def test_every_judge_finds_our_slots_at_a_change_of_each_zones_clock(part: int) -> None:
    seed = secrets.randbelow(10**6)

    tally = cronpairs.run(seed, PAIRS // PARTS, ZONES[part::PARTS])

    assert tally.complaints == []
    assert tally.zones == {*ZONES[part::PARTS]}
    assert {judge: tally.judged[judge] >= WANTED // PARTS for judge in JUDGES} == dict.fromkeys(
        JUDGES, True
    ), f"seed {seed}: {tally.judged}"


def test_there_are_all_zones() -> None:
    assert len(ZONES) > 590


@pytest.mark.parametrize("zone", ["Australia/LHI", "NZ-CHAT", "Pacific/Apia", "Antarctica/Troll"])
def test_clocks_that_are_put_oddly_are_judged_by_the_scan(zone: str) -> None:
    tally = cronpairs.run(5, 200, [zone])

    assert tally.complaints == []
    assert tally.judged["scan"] == 200


Reader = Callable[[datetime, ZoneInfo, bool], Iterator[datetime]]
_honest: Reader = zones._all
MISTAKES: Mapping[str, tuple[Reader, set[str]]] = {
    "every time comes once": (
        lambda wall, where, _repeats: _honest(wall, where, False),
        {"scan", "cronsim"},
    ),
    "every time follows the clock": (
        lambda wall, where, _repeats: _honest(wall, where, True),
        {"scan", "cronsim"},
    ),
    "every time is a minute late": (
        lambda wall, where, repeats: _honest(wall + timedelta(minutes=1), where, repeats),
        {"scan", "cronsim", "croniter"},
    ),
}
"""What is read wrongly on days of a change: the reading, and who must find it."""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_clock_that_is_read_wrongly_is_found(
    monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    wrong, finders = MISTAKES[mistake]
    monkeypatch.setattr(zones, "_all", wrong)

    tally = cronpairs.run(7, 120, ["Europe/Berlin", "America/New_York", "Asia/Gaza"])

    assert {line.split(": ")[2].split(" ")[0] for line in tally.complaints} >= finders


def test_the_scan_reads_gap_and_overlap_as_people_do() -> None:
    spring = Edge("Europe/Berlin", datetime(2026, 3, 28, 22, tzinfo=UTC))
    autumn = Edge("Europe/Berlin", datetime(2026, 10, 24, 22, tzinfo=UTC))

    def shown(expression: str, edge: Edge) -> list[str]:
        return [f"{at:%d %H:%M}" for at in cronpairs.scanned(expression, edge)]

    assert shown("30 2 * * *", spring) == ["29 01:00", "30 00:30"]
    assert shown("30 2 * * *", autumn) == ["25 00:30", "26 01:30"]
    assert shown("30 */2 * * 0", autumn)[:4] == ["24 22:30", "25 00:30", "25 01:30", "25 03:30"]
