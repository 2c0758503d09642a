"""Cold and warm commands on many hosts: raw asyncssh and Jobdeck's whole path, side by side.

All meet the same sshd, one after the other, each in a fresh process and with 100
hosts at the same time. A first host is run beforehand and not counted, so imports
are no cost of a host. Warm commands run on the connections that the cold ones left:
a second, third ... command on the same hosts, as an operator types them. Jobdeck is
measured in three ways: direct and detached, left alone and without worker processes; and as
it comes, detached, with workers and a console that follows to the end. Then once more with
many hosts: does memory grow? The CPU of workers counts as the engine's.

The hosts are this machine too: what a claim starts on its host takes turns with the engine on
the same cores. How much of what detached work costs the engine comes from that, the table
does not say.
"""

from __future__ import annotations

import getpass
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
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


def rows(*, rounds: int, hosts: int, warm_rounds: int, many: int) -> list[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory(prefix="jd-bench-") as name:
        folder = Path(name)
        # One listener on everything; the addresses need no sshd each.
        with Sshd(folder / "sshd", ["0.0.0.0"], config="LogLevel ERROR\nMaxSessions 100") as sshd:
            few = _rounds(folder / "few", sshd, rounds, hosts, warm_rounds)
            more = _rounds(folder / "many", sshd, 1, many, 0)
    return [*_table(few, hosts, hosts * warm_rounds), *_growth(few, more, many)]


def _rounds(
    folder: Path, sshd: Sshd, rounds: int, hosts: int, warm_rounds: int
) -> dict[str, list[Figures]]:
    """Way -> its figures, one set a round."""
    found: dict[str, list[Figures]] = {name: [] for name in ("raw", *WAYS)}
    addresses = loopback(hosts + 1, network=71)
    for number in range(rounds):
        place = folder / str(number)
        place.mkdir(parents=True)
        found["raw"].append(_raw(place, sshd, addresses, warm_rounds))
        for name, (settings, perform) in WAYS.items():
            home = place / name
            found[name].append(_jobdeck(home, settings, sshd, addresses, warm_rounds, perform))
    return found


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
    home: Path,
    settings: str,
    sshd: Sshd,
    addresses: Sequence[str],
    warm_rounds: int,
    perform: Perform,
) -> Figures:
    with engine.running(home, settings) as under_test:
        names = define_hosts(under_test, sshd, addresses)
        perform(under_test, names[:1])
        cold = _measured(under_test, names[1:], perform)
        warm = [_measured(under_test, names[1:], perform) for _ in range(warm_rounds)]
        return {
            **{f"cold_{name}": value for name, value in cold.items()},
            **{f"warm_{name}": sum(run[name] for run in warm) for name in cold},
            "peak_bytes": measure.peak_memory_bytes(under_test.pid),
            "workers_bytes": measure.workers_memory_bytes(under_test.pid),
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


def _leave_alone(under_test: engine.RunningEngine, names: Sequence[str], execution: str) -> float:
    """As a schedule does it: nobody looks, but for a glance at whether it has ended."""
    step = {"kind": "command", "name": "main", "command": COMMAND, "execution": execution}
    run_id = under_test.call("POST", "/runs", {"hosts": names, "step": step})["id"]
    while (run := under_test.call("GET", f"/runs/{run_id}"))["finished_at"] is None:
        time.sleep(_LOOK_S)
    if run["counts"] != {"success": len(names)}:
        raise RuntimeError(f"the run ended with {run['counts']}")
    return 0.0


WAYS: Mapping[str, tuple[str, Perform]] = {
    "direct": ("workers = 0\n", partial(_leave_alone, execution="direct")),
    "detached": ("workers = 0\n", partial(_leave_alone, execution="detached")),
    "followed": ("", _follow),
}
"""Name -> settings of the engine, and how the command is run."""


def _middle(of: Sequence[Figures], name: str, scale: float = 1) -> float:
    return statistics.median(figures[name] for figures in of) * scale


def _table(found: Mapping[str, Sequence[Figures]], cold: int, warm: int) -> list[Row]:
    raw, followed = found["raw"], found["followed"]

    def part(name: str, title: str, count: int, goals: tuple[str, str]) -> list[Row]:
        each_ms = 1000 / count
        yardstick = _middle(raw, f"{name}_cpu_s", each_ms)

        def cpu(way: str, words: str, goal: str) -> Row:
            ours = _middle(found[way], f"{name}_cpu_s", each_ms)
            return Row(f"{title}, {words}", ours, "ms", yardstick, goal)

        console = _middle(followed, f"{name}_console_cpu_s", each_ms)
        walls = [_middle(of, f"{name}_wall_s") for of in (followed, raw)]
        return [
            cpu("direct", "direct", goals[0]),
            cpu("detached", "detached", goals[1]),
            cpu("followed", "with workers and followed", ""),
            Row("  the console's own CPU", console, "ms"),
            Row("  wall time of all, mostly sshd's", walls[0], "s", walls[1]),
        ]

    return [
        *part("cold", f"{cold:,} cold hosts: CPU per host", cold, ("1.35 x raw", "1.6 x raw")),
        *part("warm", f"{warm:,} warm commands: CPU each", warm, ("0.8 ms", "")),
    ]


def _growth(
    few: Mapping[str, Sequence[Figures]], more: Mapping[str, Sequence[Figures]], many: int
) -> list[Row]:
    """What many hosts cost, and memory against that of few."""
    each_ms = 1000 / many
    yardstick = _middle(more["raw"], "cold_cpu_s", each_ms)
    rows = []
    for way in ("direct", "detached"):
        ours = _middle(more[way], "cold_cpu_s", each_ms)
        rows.append(Row(f"{many:,} cold hosts: CPU per host, {way}", ours, "ms", yardstick))
    for way in ("direct", "detached"):
        peaks = [_middle(of[way], "peak_bytes", 2**-20) for of in (more, few)]
        title = f"  peak memory, {way}, against that of the fewer"
        rows.append(Row(title, peaks[0], "MiB", peaks[1], "1.2 x"))
    workers = [_middle(of["followed"], "workers_bytes", 2**-20) for of in (more, few)]
    rows.append(Row("  memory of the workers together, the same", workers[0], "MiB", workers[1]))
    return rows
