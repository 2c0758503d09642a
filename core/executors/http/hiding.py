"""A sink that hides what a request was given on its way: tokens that no vault holds."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import msgspec

from core.domain.http_rules import Answer
from core.executors.protocol import Outcome, Sink, Stream
from core.vault.masking import Masker, MaskStream


@runtime_checkable
class AnswerSink(Sink, Protocol):
    """A sink that is told of the answer before its body."""

    def begins(self, answer: Answer) -> None:
        """The body of `answer`, which is without it, follows. TargetError: it is not wanted."""


class HidingSink:
    """Passes output on, with the hidden texts masked; nothing is hidden at first."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._masker = Masker()
        self._masks = _masks(self._masker)
        self._hidden: list[str] = []

    def hide_from_now_on(self, text: str) -> None:
        """Mask this too; call it before anything that may hold it arrives."""
        self.flush()
        self._hidden.append(text)
        self._masker = Masker(self._hidden)
        self._masks = _masks(self._masker)

    def begins(self, answer: Answer) -> None:
        """Tell whoever wants to know of the answer whose body follows."""
        if isinstance(self._sink, AnswerSink):
            self._sink.begins(answer)

    def write(self, stream: Stream, data: bytes) -> bool:
        return self._sink.write(stream, self._masks[stream].feed(data))

    async def ready(self) -> None:
        await self._sink.ready()

    async def unclaimed(self, reason: str) -> None:
        await self._sink.unclaimed(reason)

    def flush(self) -> None:
        """Pass on what is held back; call it at the end."""
        for stream, mask in self._masks.items():
            if held := mask.flush():
                self._sink.write(stream, held)

    def hide(self, outcome: Outcome) -> Outcome:
        """The outcome, with the hidden texts masked in all that it says."""
        file = outcome.outputs_file
        return msgspec.structs.replace(
            outcome,
            message=self._masker.mask_text(outcome.message),
            outputs_file=None if file is None else self._masker.mask(file),
        )


def _masks(masker: Masker) -> dict[Stream, MaskStream]:
    return {stream: MaskStream(masker) for stream in Stream}
