"""Ending the processes of a work, by the text that does it on a host."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from core.executors.ending import ending_text


def test_the_grace_is_measured_by_the_clock_however_long_a_look_takes(tmp_path: Path) -> None:
    """A slow host is made by a `sleep` that takes half a second; thirty rounds would take 15 s."""
    slow = tmp_path / "sleep"
    slow.write_text("#!/bin/sh\nexec /bin/sleep 0.5\n")
    slow.chmod(0o755)
    with subprocess.Popen(
        ["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do /bin/sleep 1; done"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as stubborn:
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        began_s = time.monotonic()  # noqa: TID251 - a real program is timed
        done = subprocess.run(
            ["/bin/sh", "-c", ending_text(stubborn.pid, 1.0, "token")],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)},
            capture_output=True,
            check=True,
        )
        took_s = time.monotonic() - began_s  # noqa: TID251 - a real program is timed
        assert done.stdout == b"gone\n"
        assert took_s < 10
        assert stubborn.wait(5) == -signal.SIGKILL
