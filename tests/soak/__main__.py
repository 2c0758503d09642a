"""`python -m tests.soak --minutes 30`: steady work, and whether anything grows."""

from __future__ import annotations

import argparse
import secrets
import sys

from tests.soak.soaking import soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="how long (30)")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**6), metavar="S", help="chance (another)"
    )
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    report = soak(chosen.minutes, chosen.seed, lambda line: print(line, flush=True))
    complaints = report.wrong + report.grown()
    for line in complaints:
        print(f"seed {chosen.seed}: {line}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
