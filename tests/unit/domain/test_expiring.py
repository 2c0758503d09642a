"""Accounts that expire: said in time, nearest first, and nothing else."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from core.domain.access import AccountSpec
from core.domain.expiring import expiring

TODAY = date(2027, 3, 1)


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (-1, "its last day was 2027-02-28"),
        (0, "its last day is 2027-03-01: today"),
        (14, "its last day is 2027-03-15: in 14 days"),
        (15, None),
        (None, None),
    ],
)
def test_an_account_is_named_from_two_weeks_before_its_last_day_on(
    days: int | None, says: str | None
) -> None:
    last = None if days is None else TODAY + timedelta(days=days)
    found = [each.what for each in expiring({"a": AccountSpec(user="u", expires=last)}, TODAY)]
    assert found == ([] if says is None else [says])


def test_the_nearest_day_comes_first() -> None:
    accounts = {
        name: AccountSpec(user="u", expires=TODAY + timedelta(days=days))
        for name, days in (("late", 9), ("far", 90), ("gone", -9), ("soon", 1))
    }
    found = [each.where for each in expiring(accounts, TODAY)]
    assert found == ["account gone", "account soon", "account late"]
