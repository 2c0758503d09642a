"""Streams that mean harm, painted: `python -m tests.hostile --streams N --seed S`.

Each is cut into chunks anywhere, laid out in a window of some size, and rendered as a terminal
would be sent it. The first wrong byte or width ends it, with the seed that leads to it again.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time

from tests.support.hostile import wrongs

_ROUND = 10_000


def main() -> int:
    chosen = _arguments()
    print(f"seed {chosen.seed}", flush=True)
    begun = time.monotonic()
    for number in range(chosen.streams):
        if found := wrongs(chosen.seed + number):
            print("\n".join(found))
            return 1
        if (number + 1) % _ROUND == 0 or number + 1 == chosen.streams:
            took = time.monotonic() - begun
            print(f"{number + 1} streams, {took:.0f} s: 0 bytes that a terminal obeys", flush=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--streams", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
