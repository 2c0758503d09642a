"""One calm line a step: what is being done, then how long it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Failure(Exception):
    """Ends the command; the text says what went wrong and what to try."""


def say(line: str) -> None:
    print(line, flush=True)


def seconds(duration_s: float) -> str:
    """`0.4 s`, `12 s`, `2 min 5 s`."""
    if duration_s < 10:
        return f"{duration_s:.1f} s"
    minutes, rest = divmod(round(duration_s), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print `title`, do the work, add its duration to the same line."""
    started = time.monotonic()
    sys.stdout.write(f"  {title} ... ")
    sys.stdout.flush()
    try:
        yield
    except BaseException:
        say("stopped")
        raise
    say(seconds(time.monotonic() - started))
