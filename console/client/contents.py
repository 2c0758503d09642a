"""Files that belong to jobs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from console import answers
from console.client import paths
from console.client.calls import ENDLESS, Calls

_BLOCK_BYTES = 1 << 20


class ContentCalls(Calls):
    """Files that belong to jobs."""

    def contents(self, begins: str = "") -> Iterator[answers.Content]:
        """Contents whose SHA-256 begins so."""
        return self._all(answers.Content, "/contents", {"begins": begins})

    def content(self, sha256: str) -> answers.Content:
        return self._get(answers.Content, f"/contents/{paths.part(sha256)}")

    def verify_content(self, sha256: str) -> answers.ContentVerdict:
        """Whether a content is what it was; all of it is read."""
        path = f"/contents/{paths.part(sha256)}/verify"
        return self._decode(answers.ContentVerdict, self._call("GET", path, timeout=ENDLESS))

    def read_content(self, sha256: str) -> Iterator[bytes]:
        """The exact bytes of a content."""
        with self._stream(f"/contents/{paths.part(sha256)}/bytes", {}, {}) as response:
            yield from response.iter_bytes()

    def put_content(self, sha256: str, file: BinaryIO) -> answers.Content:
        """Have the engine keep what can be read from `file`; Conflict where it is something else."""
        blocks = iter(partial(file.read, _BLOCK_BYTES), b"")
        done = self._put_bytes(f"/contents/{paths.part(sha256)}/bytes", blocks)
        return self._decode(answers.Content, done)
