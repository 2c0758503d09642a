"""Masks streams until a secret leaks: `python -m tests.masking --triples N --seed S`.

A triple is a secret, a form of it, and a cutting of the output that holds it. Prints a line a
round; a leak ends it with the smallest example that Hypothesis finds, and a seed that leads to
the same rounds again.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Iterable

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from core.vault.masking import Masker
from core.vault.secret_forms import FORMS
from tests.support.masking_law import SECRETS, Secret, leaks, maskable, printed


def try_round(number: int, examples: int = 1000, phases: Iterable[Phase] = tuple(Phase)) -> int:
    """Triples of so many sets of secrets that were tried; AssertionError where one leaks."""
    tried = 0

    @seed(number)
    @settings(
        max_examples=examples,
        phases=phases,
        deadline=None,
        database=None,
        suppress_health_check=HealthCheck,
    )
    @given(SECRETS, st.binary(max_size=20), st.binary(max_size=20), st.data())
    def law(known: list[Secret], before: bytes, after: bytes, data: st.DataObject) -> None:
        nonlocal tried
        masker, count = Masker(known), len(set(maskable(known)))
        for form in FORMS:
            assert leaks(masker, printed(known, form), before, after, data) == [], form.__name__
            tried += count

    law()
    return tried


def main() -> int:
    chosen = _arguments()
    print(f"seed {chosen.seed}", flush=True)
    begun, total, number = time.monotonic(), 0, chosen.seed
    while total < chosen.triples:
        total += try_round(number)
        number += 1
        took = time.monotonic() - begun
        print(f"round {number - chosen.seed}, {took:.0f} s: {total} triples, 0 leaks", flush=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.masking", description=__doc__)
    parser.add_argument(
        "--triples", type=int, default=1_000_000, metavar="N", help="at least so many (1000000)"
    )
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**6), metavar="S", help="chance (another)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
