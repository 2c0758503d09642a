"""Textual's updates of the screen as pieces, and our own update in their place.

WORKAROUND(textual 8.2): an application has no public say in what is written to its terminal, so
`JobdeckApp._display` hands each update to `frugal`. A test compares what arrives at a terminal in
memory with what Textual itself would have painted.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.color import ColorSystem
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate

from console.tui.shown import Piece, Shown


class FrugalUpdate(CompositorUpdate):
    """Pieces of the screen, of which only what differs is sent."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Never asked: an update of Textual's is sent by `render_segments`."""
        raise NotImplementedError

    def __init__(
        self, shown: Shown, pieces: Iterator[Piece], size: tuple[int, int], most: ColorSystem
    ) -> None:
        self._shown, self._pieces, self._size, self._most = shown, pieces, size, most

    def render_segments(self, console: Console) -> str:
        has = _SYSTEMS.get(console.color_system or "")
        system = None if has is None else min(has, self._most)
        return self._shown.change(self._pieces, self._size, system)


_SYSTEMS = {
    "standard": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
}
"""By Rich's names; a terminal that is not among them is sent no colours."""


def frugal(
    shown: Shown,
    update: RenderableType | None,
    size: tuple[int, int],
    most: ColorSystem = ColorSystem.TRUECOLOR,
) -> RenderableType | None:
    """An update that sends less; what is no update of the screen's cells stays as it is.

    `most`: colours are sent as one of so many at the most.
    """
    if isinstance(update, LayoutUpdate):
        return FrugalUpdate(shown, _of_layout(update), size, most)
    if isinstance(update, ChopsUpdate):
        return FrugalUpdate(shown, _of_chops(update), size, most)
    return update


def _of_layout(update: LayoutUpdate) -> Iterator[Piece]:
    for y, strips in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in strips:
            yield y, x, strip
            x += strip.cell_length


def _of_chops(update: ChopsUpdate) -> Iterator[Piece]:
    for y, first, last in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x <= last and end > first:
                yield y, x, strip.crop(0, min(end, last) - x)
