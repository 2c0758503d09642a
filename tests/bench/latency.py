"""From the moment a host prints a line to the moment a console has it.

The work prints the time, the console follows the run's output as every screen does, and both
read the same machine's clock.
"""

from __future__ import annotations

import getpass
import json
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench import engine, measure
from tests.bench.table import Row
from tests.support.sshd import Sshd

_PAUSE_S = 0.1
_CLOCK = "n=0; while [ $n -lt {lines} ]; do date +%s.%N; sleep {pause}; n=$((n+1)); done"


def rows(*, lines: int) -> list[Row]:
    """The rows of the table."""
    found = []
    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        folder = Path(name)
        with Sshd(folder / "sshd") as sshd, engine.running(folder / "j") as under_test:
            _define(under_test, sshd)
            for execution, goal in (("direct", ""), ("detached", "100 ms")):
                delays_ms = _delays_ms(under_test, execution, lines)
                title = f"output to console, {execution}: median of {len(delays_ms)} lines"
                found.append(Row(title, statistics.median(delays_ms), "ms", None, goal))
                found.append(Row("  95 of 100", measure.percentile(delays_ms, 95), "ms"))
    return found


def _define(under_test: engine.RunningEngine, sshd: Sshd) -> None:
    key = sshd.client_key.export_private_key("openssh").decode()
    account = {"user": getpass.getuser(), "key": key}
    host = {"address": "127.0.0.1", "port": sshd.port, "account": "bench"}
    documents = [
        {"kind": "account", "name": "bench", "spec": account},
        {"kind": "host", "name": "h", "spec": host},
    ]
    under_test.call("POST", "/apply", {"documents": documents})
    line = f"[127.0.0.1]:{sshd.port} {sshd.public_host_key()}"
    under_test.call("POST", "/host-keys/import", {"known_hosts": line})


def _delays_ms(under_test: engine.RunningEngine, execution: str, lines: int) -> list[float]:
    command = _CLOCK.format(lines=lines, pause=_PAUSE_S)
    step = {"kind": "command", "name": "main", "command": command, "execution": execution}
    run = under_test.call("POST", "/runs", {"hosts": ["h"], "step": step})
    delays = []
    with engine.connection(under_test.home) as line:
        line.request(
            "GET",
            f"/api/v1/runs/{run['id']}/output/stream",
            headers={"Accept": "text/event-stream"},
        )
        answer = line.getresponse()
        for raw in answer:
            now = time.time()
            if raw.startswith(b"event: end"):
                break
            if raw.startswith(b"data: ") and b'"out"' in raw:
                text = json.loads(raw.removeprefix(b"data: "))["text"]
                delays += [(now - float(word)) * 1000 for word in text.split()]
        answer.close()
    if len(delays) != lines:
        raise RuntimeError(f"{len(delays)} of {lines} lines came")
    return delays[1:]  # the first one waits for the connection
