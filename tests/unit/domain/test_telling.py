"""Who is told of a node, at which ends and when it takes long."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from pydantic import ValidationError

from core.domain.telling import MOST_REMINDERS, Telling


def telling(**fields: Any) -> Telling:
    return Telling.model_validate({"channels": ["ops"], **fields})


def test_without_times_nobody_is_reminded() -> None:
    assert list(telling().moments()) == []


def test_reminders_come_once_or_again_and_again_and_escalation_comes_between() -> None:
    assert [m.after_s for m in telling(remind_after_s=60).moments()] == [60]
    told = telling(
        remind_after_s=60, remind_every_s=30, escalate_after_s=100, escalate_to=["chief"]
    )
    assert list(islice(told.moments(), 4)) == [
        (60, "reminder/1", ("ops",)),
        (90, "reminder/2", ("ops",)),
        (100, "escalation", ("chief",)),
        (120, "reminder/3", ("ops",)),
    ]


def test_reminders_come_to_an_end_and_each_has_its_own_name() -> None:
    moments = list(telling(remind_after_s=1, remind_every_s=1).moments())
    assert len(moments) == len({moment.name for moment in moments}) == MOST_REMINDERS


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"channels": []}, "at least 1 item"),
        ({"on": ["running"]}, "no node ends as running"),
        ({"remind_every_s": 60}, "`remind_every_s` belongs to `remind_after_s`"),
        ({"escalate_after_s": 60}, "`escalate_after_s` and `escalate_to` belong together"),
        ({"escalate_to": ["chief"]}, "`escalate_after_s` and `escalate_to` belong together"),
        ({"remind_after_s": 0}, "greater than 0"),
    ],
)
def test_what_does_not_fit_together_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        telling(**fields)
