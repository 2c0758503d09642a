"""The one source of identifiers and of randomness that is not cryptographic.

Ids are ULIDs (26 characters of Crockford's base 32: 48 bits of milliseconds,
80 bits of randomness), so they sort by creation time and never need a server.
Source: the ULID specification, "monotonicity" section.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Protocol

from core.clock import Clock

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_RANDOM_BITS = 80


class Ids(Protocol):
    """Makes identifiers that are unique and sort by the time they were made."""

    def new(self) -> str: ...


class UlidSource:
    """Monotonic ULIDs: within one millisecond the random part counts up."""

    def __init__(self, clock: Clock, randbits: Callable[[int], int] = secrets.randbits) -> None:
        self._clock = clock
        self._randbits = randbits
        self._last_ms = -1
        self._last_random = 0

    def new(self) -> str:
        now_ms = int(self._clock.now().timestamp() * 1000)
        if now_ms > self._last_ms:
            self._last_ms = now_ms
            # One bit is left free so that counting up within a millisecond cannot overflow.
            self._last_random = self._randbits(_RANDOM_BITS - 1)
        else:
            self._last_random += 1
        return encode_ulid(self._last_ms, self._last_random)


class SequentialIds:
    """Predictable ids (00…01, 00…02); for tests and simulations."""

    def __init__(self) -> None:
        self._count = 0

    def new(self) -> str:
        self._count += 1
        return encode_ulid(0, self._count)


def encode_ulid(time_ms: int, random: int) -> str:
    """The 26 characters of one ULID."""
    value = (time_ms << _RANDOM_BITS) | random
    return "".join([_PAIRS[value >> bits & 1023] for bits in range(120, -1, -10)])
