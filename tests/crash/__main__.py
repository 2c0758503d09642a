"""Breaks real engines until something is wrong: `python -m tests.crash --kills N --seed S`.

Prints a line a round. A failure prints its seed, which leads to the same requests and the
same troubles; the instants are the machine's own. `--hits K` kills at every failpoint
instead, from its first to its K-th hit. `--flows` breaks engines inside flows, either way.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Iterator

from tests.crash import flows
from tests.crash.flows import Flows
from tests.crash.rounds import Total, failpoint_rounds, random_rounds


def main() -> int:
    chosen = _arguments()
    print(f"seed {chosen.seed}", flush=True)
    begun = time.monotonic()
    complaints: list[str] = []
    for number, total in enumerate(_rounds(chosen), 1):
        took = time.monotonic() - begun
        print(f"round {number}, {took:.0f} s: {total.line()}", flush=True)
        complaints = total.complaints
    for line in complaints:
        print(f"seed {chosen.seed}: {line}", file=sys.stderr)
    return 1 if complaints else 0


def _rounds(chosen: argparse.Namespace) -> Iterator[Total] | Iterator[Flows]:
    if chosen.flows:
        if chosen.hits:
            return flows.failpoint_rounds(chosen.seed, chosen.hits)
        return flows.random_rounds(chosen.seed, chosen.kills)
    if chosen.hits:
        return failpoint_rounds(chosen.seed, chosen.hits)
    return random_rounds(chosen.seed, chosen.kills)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument(
        "--kills", type=int, default=1000, metavar="N", help="engines' lives (1000)"
    )
    parser.add_argument(
        "--hits",
        type=int,
        default=0,
        metavar="K",
        help="kill at failpoints instead, up to this hit",
    )
    parser.add_argument("--flows", action="store_true", help="engines that carry out flows")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**6), metavar="S", help="chance (another)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
