"""Output without its escape sequences, and where each byte of it stands: colours and other
marks may be put inside a secret, and people read it all the same. Pure.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from operator import sub

MOST_SEQUENCE_BYTES = 1100
"""No sequence that is left out is longer."""

_ESCAPE = re.compile(
    rb"\x1b(?:"
    rb"\[[0-?]{0,64}[ -/]{0,4}(?:[@-~]|\Z)"  # CSI (ECMA-48, 5.4): colours, movements
    rb"|[]PX^_][^\x07\x1b]{0,1024}(?:\x07|\x1b\\|\x1b?\Z)"  # OSC and its like: titles, links
    rb"|[ -/]{0,4}(?:[0-OQ-WYZ\\`-~]|\Z)"  # the others; an end that is cut off counts as one
    rb")"
)


class PlainView:
    """`data` without escape sequences; one that is cut off at its end is left out too."""

    def __init__(self, data: bytes) -> None:
        self._whole = data
        self.data = _ESCAPE.sub(b"", data)

    def place(self, at: int) -> int:
        """Where the byte at `at` stands in the output itself."""
        number = bisect_right(self._places, at) - 1
        return self._begins[number] + at - self._places[number]

    @cached_property
    def _begins(self) -> Sequence[int]:
        """Where each stretch between two sequences begins in the output itself."""
        return [0, *(hit.end() for hit in _ESCAPE.finditer(self._whole))]

    @cached_property
    def _places(self) -> Sequence[int]:
        """The same in `data`."""
        ends = [hit.start() for hit in _ESCAPE.finditer(self._whole)]
        lengths = map(sub, ends, self._begins)
        return [0, *accumulate(lengths)]
