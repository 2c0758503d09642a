"""How fast secrets are hidden in output: by how many of them, plain and coloured."""

from __future__ import annotations

import random
import time

from core.vault.masking import Masker, MaskStream
from tests.bench.table import Row

_SECRETS = (1, 50, 500)
_PIECE_BYTES = 64 << 10
_GOAL = {500: "20 MB/s"}


def rows(*, megabytes: int) -> list[Row]:
    """The rows of the table."""
    chance = random.Random(1)
    secrets = [chance.randbytes(12).hex() + "/+'" for _ in range(max(_SECRETS))]
    line = "2027-03-01T12:00:00Z web42 nginx[{n}]: GET /index.html?id={n} 200 {n} bytes"
    plain = "".join(f"{line}\n".format(n=n) for n in range(20_000)).encode()
    coloured = plain.replace(b"nginx", b"\x1b[1;32mnginx\x1b[0m")
    found = []
    for count in _SECRETS:
        masker = Masker(secrets[:count])
        for name, sample in (("plain", plain), ("coloured", coloured)):
            output = sample * (megabytes * 1_000_000 // len(sample) + 1)
            text = f"output through the masker, {count} secrets, {name}"
            found.append(Row(text, _rate(masker, output), "MB/s", None, _GOAL.get(count, "")))
    return found


def _rate(masker: Masker, output: bytes) -> float:
    """Megabytes a second, in the pieces in which output comes."""
    stream = MaskStream(masker)
    began_s = time.perf_counter()
    for at in range(0, len(output), _PIECE_BYTES):
        stream.feed(output[at : at + _PIECE_BYTES])
    stream.flush()
    return len(output) / (time.perf_counter() - began_s) / 1e6
