"""The bench: `python -m tests.bench`. Prints one table and judges nothing.

Figures of Jobdeck and of its yardstick come from the same minutes on the same
machine; only their ratio means much on another one. Needs Linux and sshd.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping

from tests.bench import (
    connections,
    files,
    flow,
    latency,
    logs,
    masking,
    measure,
    output,
    queue,
    results,
    run_list,
    schedules,
    start_up,
    tui,
)
from tests.bench.table import Row, markdown

PARTS: Mapping[str, Callable[[argparse.Namespace], list[Row]]] = {
    "connections": lambda chosen: connections.rows(
        rounds=chosen.rounds,
        hosts=chosen.hosts,
        warm_rounds=chosen.warm_rounds,
        many=chosen.many,
    ),
    "latency": lambda chosen: latency.rows(lines=chosen.seen),
    "results": lambda chosen: results.rows(targets=chosen.targets, intents=chosen.intents),
    "output": lambda chosen: output.rows(
        rounds=chosen.rounds, lines=chosen.lines, results=chosen.results
    ),
    "logs": lambda chosen: logs.rows(lines=chosen.lines),
    "files": lambda chosen: files.rows(
        rounds=chosen.rounds,
        big_mb=chosen.big_mb,
        small_mb=chosen.small_mb,
        hosts=chosen.file_hosts,
    ),
    "masking": lambda chosen: masking.rows(megabytes=chosen.megabytes),
    "runs": lambda chosen: run_list.rows(runs=chosen.runs, calls=chosen.calls),
    "flow": lambda chosen: flow.rows(nodes=chosen.nodes, rounds=chosen.rounds),
    "queue": lambda chosen: queue.rows(items=chosen.queued, decisions=chosen.decisions),
    "schedules": lambda chosen: schedules.rows(schedules=chosen.schedules, seconds=chosen.fired_s),
    "start": lambda chosen: start_up.rows(rounds=chosen.starts),
    "tui": lambda chosen: tui.rows(runs=chosen.listed, starts=chosen.starts, keys=chosen.keys),
}


def main() -> int:
    chosen = _arguments()
    rows = []
    for name in chosen.only or PARTS:
        print(f"measuring: {name} ...", file=sys.stderr, flush=True)
        rows += PARTS[name](chosen)
    print(f"Measured on {measure.machine()}.\n")
    print(markdown(rows))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, help="leave out the other parts")
    for name, default, meaning in (
        ("rounds", 3, "times that hosts are measured; the table shows medians"),
        ("hosts", 500, "cold hosts"),
        ("warm-rounds", 4, "commands on each host while its connection is warm"),
        ("many", 2000, "cold hosts for the look at memory"),
        ("seen", 100, "lines that a console waits for"),
        ("targets", 10_000, "scripted hosts that give a result"),
        ("intents", 1000, "intents that a lost engine leaves open"),
        ("lines", 1_000_000, "lines of output of one host"),
        ("results", 20_000, "targets whose results are recorded"),
        ("big-mb", 1000, "megabytes that one host is sent"),
        ("small-mb", 10, "megabytes that many hosts are sent"),
        ("file-hosts", 50, "hosts that are sent a file"),
        ("megabytes", 20, "output that goes through the masker"),
        ("runs", 100_000, "stored runs"),
        ("calls", 100, "pages asked for with each filter"),
        ("nodes", 1000, "nodes of a flow that do nothing"),
        ("queued", 100_000, "runs that wait"),
        ("decisions", 2000, "times that one of them begins"),
        ("schedules", 10_000, "schedules of one engine"),
        ("fired-s", 20, "seconds of 100 fires each"),
        ("starts", 15, "starts of the command line, and of the terminal UI"),
        ("listed", 10_000, "runs in the terminal UI's list"),
        ("keys", 60, "keys of each sort that the terminal UI is sent"),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"{meaning} ({default})"
        )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
