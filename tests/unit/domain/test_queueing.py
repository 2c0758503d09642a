"""What people say about when a run may begin, and how it is laid together."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from core.domain.job import JobSpec
from core.domain.priorities import HostLock, LockMode, Priority
from core.domain.queueing import LoadLimits, Lock, locks_together

SHARED, EXCLUSIVE = LockMode.SHARED, LockMode.EXCLUSIVE
STEP = {"kind": "command", "name": "s", "command": "id"}


def test_the_stronger_mode_of_a_lock_holds_whoever_asks_for_it() -> None:
    request = (Lock(name="b", mode=SHARED), Lock(name="a", mode=SHARED))
    step = (Lock(name="b"),)
    assert locks_together(request, (), step) == {"a": SHARED, "b": EXCLUSIVE}
    assert locks_together(step, request) == {"a": SHARED, "b": EXCLUSIVE}


def test_of_two_limits_the_stricter_holds_and_nothing_is_no_limit() -> None:
    job, environment = LoadLimits(max_load_per_cpu=4), LoadLimits(max_load_per_cpu=2)
    assert job.stricter(environment).max_load_per_cpu == 2
    assert job.stricter(LoadLimits(min_free_mem_mb=10)) == LoadLimits(
        max_load_per_cpu=4, min_free_mem_mb=10
    )
    both = LoadLimits(min_free_mem_mb=10).stricter(LoadLimits(min_free_mem_mb=20))
    assert both.min_free_mem_mb == 20
    assert LoadLimits().is_open
    assert not job.is_open


def test_a_job_locks_nothing_and_is_as_urgent_as_any_unless_it_says_so() -> None:
    job = JobSpec.model_validate({"steps": [STEP]})
    assert (job.priority, job.locks, job.lock_hosts) == (Priority.NORMAL, (), HostLock.NONE)
    assert HostLock.NONE.mode is None
    assert HostLock.SHARED.mode is SHARED


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"locks": [{"name": "a"}, {"name": "a"}]}, "a stands twice"),
        ({"locks": [{"name": "no name"}]}, "locks.0.name"),
        ({"max_runs": 0}, "greater than or equal to 1"),
        ({"max_load_per_cpu": 0}, "greater than 0"),
        ({"priority": "now"}, "urgent"),
        ({"lock_hosts": "all"}, "exclusive"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, object], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        JobSpec.model_validate({"steps": [STEP], **changes})


def test_the_classes_are_in_order() -> None:
    assert [each.rank for each in Priority] == [0, 1, 2, 3, 4]
