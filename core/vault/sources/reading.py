"""Which sources the engine asks, and how it asks them: all at once, in threads, in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from core.domain.values import SecretSource, SourceKind
from core.errors import EnvironmentFault, Forbidden

Read = Callable[[SecretSource], str]
"""The text behind a source of one kind, without its last line end. It may block for `TIMEOUT_S`;
EnvironmentFault says why there is none, and never holds any of it.
"""

TIMEOUT_S = 20.0
MOST_BYTES = 1 << 16
"""Of one secret."""
_THREADS = 4


class Sources:
    """Reads what the settings permit; nothing by default."""

    def __init__(
        self, permitted: Collection[SourceKind] = (), readers: Mapping[SourceKind, Read] = {}
    ) -> None:
        self._permitted = frozenset(permitted)
        self._readers = readers
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="jobdeck-source")

    async def read(self, wanted: Iterable[SecretSource]) -> Mapping[SecretSource, str]:
        """The text behind each, each asked once.

        Forbidden for a kind that the settings do not permit; EnvironmentFault when one has none.
        """
        sources = list(dict.fromkeys(wanted))
        for source in sources:
            self._check_permitted(source)
        loop = asyncio.get_running_loop()
        texts = await asyncio.gather(
            *(loop.run_in_executor(self._threads, self._text, source) for source in sources)
        )
        return dict(zip(sources, texts, strict=True))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _text(self, source: SecretSource) -> str:
        text = self._readers[source.kind](source)
        if not text:
            raise EnvironmentFault(f"the secret from {source} is empty")
        return text

    def _check_permitted(self, source: SecretSource) -> None:
        if source.kind not in self._permitted:
            raise Forbidden(
                f"this engine reads no secret from {source}",
                hint=f'permit it in settings.toml: secret_sources = ["{source.kind.value}"]',
            )


def without_line_end(text: str) -> str:
    """What editors and programs put behind a text is no part of it."""
    return text.removesuffix("\n").removesuffix("\r")
