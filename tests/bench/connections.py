"""Cold and warm commands on many hosts: raw asyncssh and Jobdeck's whole path, side by side.

All meet the same sshd, one after the other, each in a fresh process and with 100
hosts at the same time. A first host is run beforehand and not counted, so imports
are no cost of a host. Warm commands run on the connections that the cold ones left:
a second, third ... command on the same hosts, as an operator types them. Jobdeck is
measured twice: followed by a console to the end, and left alone.
"""

from __future__ import annotations

import getpass
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import engine, measure
from tests.bench.raw import COMMAND
from tests.bench.table import Row
from tests.support.sshd import Sshd, loopback

_CONCURRENCY = 100
_SETTLE_S = 0.7
"""After a run its output is indexed in the background; that is part of its cost."""
_LOOK_S = 0.5
"""Between two looks at a run that no console follows."""
_USER = getpass.getuser()

Figures = Mapping[str, float]
Perform = Callable[[engine.RunningEngine, Sequence[str]], float]
"""Runs the command on the named hosts to the end; CPU seconds of the console."""


def rows(*, rounds: int, hosts: int, warm_rounds: int) -> list[Row]:
    """The rows of the table."""
    raw, followed, alone = list[Figures](), list[Figures](), list[Figures]()
    addresses = loopback(hosts + 1, network=71)
    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        folder = Path(name)
        # One listener on everything; the addresses need no sshd each.
        with Sshd(folder / "sshd", ["0.0.0.0"], config="LogLevel ERROR\nMaxSessions 100") as sshd:
            for number in range(rounds):
                raw.append(_raw(folder, sshd, addresses, warm_rounds))
                for found, perform in ((followed, _follow), (alone, _leave_alone)):
                    home = folder / f"{perform.__name__}{number}"
                    found.append(_jobdeck(home, sshd, addresses, warm_rounds, perform))
    return _table(raw, followed, alone, hosts, hosts * warm_rounds)


def _raw(folder: Path, sshd: Sshd, addresses: Sequence[str], warm_rounds: int) -> Figures:
    hosts, key, host_key = folder / "hosts", folder / "key", folder / "host_key.pub"
    hosts.write_text("\n".join(addresses), encoding="utf-8")
    key.write_bytes(sshd.client_key.export_private_key("openssh"))
    host_key.write_text(sshd.public_host_key() + "\n", encoding="utf-8")
    numbers = (str(sshd.port), _USER, str(key), str(host_key), str(_CONCURRENCY))
    module = [sys.executable, "-m", "tests.bench.raw"]
    done = measure.run([*module, *numbers, str(warm_rounds), str(hosts)])
    figures: Figures = json.loads(done.output)
    return figures


def _jobdeck(
    home: Path, sshd: Sshd, addresses: Sequence[str], warm_rounds: int, perform: Perform
) -> Figures:
    with engine.running(home) as under_test:
        names = define_hosts(under_test, sshd, addresses)
        perform(under_test, names[:1])
        cold = _measured(under_test, names[1:], perform)
        warm = [_measured(under_test, names[1:], perform) for _ in range(warm_rounds)]
        return {
            **{f"cold_{name}": value for name, value in cold.items()},
            **{f"warm_{name}": sum(run[name] for run in warm) for name in cold},
            "peak_bytes": measure.peak_memory_bytes(under_test.pid),
        }


def define_hosts(
    under_test: engine.RunningEngine, sshd: Sshd, addresses: Sequence[str]
) -> list[str]:
    """The hosts as documents, their keys approved; the hosts' names."""
    names = [f"h{number:04}" for number in range(len(addresses))]
    key = sshd.client_key.export_private_key("openssh").decode()
    documents: list[dict[str, Any]] = [
        {"kind": "account", "name": "bench", "spec": {"user": _USER, "key": key}}
    ]
    for name, address in zip(names, addresses, strict=True):
        spec = {"address": address, "port": sshd.port, "account": "bench"}
        documents.append({"kind": "host", "name": name, "spec": spec})
    under_test.call("POST", "/apply", {"documents": documents})
    lines = [f"[{address}]:{sshd.port} {sshd.public_host_key()}" for address in addresses]
    under_test.call("POST", "/host-keys/import", {"known_hosts": "\n".join(lines)})
    return names


def _measured(
    under_test: engine.RunningEngine, names: Sequence[str], perform: Perform
) -> dict[str, float]:
    cpu_s, started = measure.cpu_s(under_test.pid), time.perf_counter()
    console_cpu_s = perform(under_test, names)
    wall_s = time.perf_counter() - started
    time.sleep(_SETTLE_S)
    return {
        "cpu_s": measure.cpu_s(under_test.pid) - cpu_s,
        "wall_s": wall_s,
        "console_cpu_s": console_cpu_s,
    }


def _follow(under_test: engine.RunningEngine, names: Sequence[str]) -> float:
    """As people do it: the command line starts the run and stays until it has succeeded."""
    hosts = ",".join(names)
    return under_test.jobdeck("run", "--quiet", "--hosts", hosts, "--", COMMAND).cpu_s


def _leave_alone(under_test: engine.RunningEngine, names: Sequence[str]) -> float:
    """As a schedule does it: nobody looks, but for a glance at whether it has ended."""
    hosts = ",".join(names)
    console = under_test.jobdeck("run", "--detach", "--hosts", hosts, "--", COMMAND)
    while (run := under_test.call("GET", "/runs?limit=1")["items"][0])["finished_at"] is None:
        time.sleep(_LOOK_S)
    if run["counts"] != {"success": len(names)}:
        raise RuntimeError(f"the run ended with {run['counts']}")
    return console.cpu_s


def _table(
    raw: Sequence[Figures],
    followed: Sequence[Figures],
    alone: Sequence[Figures],
    cold: int,
    warm: int,
) -> list[Row]:
    def middle(of: Sequence[Figures], name: str, scale: float) -> float:
        return statistics.median(figures[name] for figures in of) * scale

    def part(name: str, title: str, count: int, goal: str) -> list[Row]:
        each_ms = 1000 / count
        yardstick = middle(raw, f"{name}_cpu_s", each_ms)
        console = middle(followed, f"{name}_console_cpu_s", each_ms)
        walls = (middle(of, f"{name}_wall_s", 1) for of in (followed, raw))
        return [
            Row(title, middle(followed, f"{name}_cpu_s", each_ms), "ms", yardstick, goal),
            Row("  nobody watching", middle(alone, f"{name}_cpu_s", each_ms), "ms", yardstick),
            Row("  the console's own CPU", console, "ms"),
            Row("  wall time of all, mostly sshd's", next(walls), "s", next(walls)),
        ]

    return [
        *part("cold", f"{cold:,} cold hosts: engine CPU per host", cold, "1.35 x raw"),
        *part("warm", f"{warm:,} warm commands: engine CPU per command", warm, "0.8 ms"),
        Row(
            "peak memory",
            middle(followed, "peak_bytes", 2**-20),
            "MiB",
            middle(raw, "peak_bytes", 2**-20),
        ),
    ]
