"""Three minutes of steady work: memory, descriptors, threads, log and claims stay as they are.

`python -m tests.soak --minutes 30` is the same for longer.
"""

from __future__ import annotations

import sys

import pytest

from tests.soak.soaking import soak


@pytest.mark.slow
@pytest.mark.needs("sshd", "seq")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.timeout(400)
def test_three_minutes_of_steady_work_leave_nothing_growing() -> None:
    report = soak(3, 20261125, print)

    print("\n".join(report.lines()))
    assert report.wrong == []
    assert report.grown() == []
    assert report.runs > 50
    first, last = report.p99_ms()
    assert last < 5 * first + 1000
