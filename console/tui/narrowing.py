"""Which of the items that are there a filter lets through, beyond what the engine was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import Any

from console.presenters.text import Table
from console.tui.filters import Filter, every

Labels = Callable[[Any], Mapping[str, str]]


class Narrowing:
    """The items of a list, and the texts of their rows, made when they are first looked in."""

    def __init__(self, present: Callable[[Sequence[Any]], Table], labels_of: Labels) -> None:
        self._present, self._labels_of = present, labels_of
        self.items: Sequence[Any] = ()
        self._texts: Sequence[str] | None = None

    def take(self, items: Sequence[Any]) -> None:
        """These are the items now."""
        if items is not self.items:
            self._texts = None
        self.items = items

    def through(self, wanted: Filter) -> Sequence[Any]:
        """Those that fit. May raise BadFilter."""
        if wanted.labels:
            pairs = [each.partition("=") for each in wanted.labels.split(",")]
            return [item for item in self.items if _has(self._labels_of(item), pairs)]
        if wanted.keep is every:
            return self.items
        if self._texts is None:
            rows = self._present(self.items).rows
            self._texts = [" ".join(cell.text for cell in row) for row in rows]
        return list(compress(self.items, wanted.keep(self._texts)))


def _has(labels: Mapping[str, str], wanted: Sequence[tuple[str, str, str]]) -> bool:
    """Whether labels fit `key=value` (or only `key`), every one of them."""
    return all(
        labels.get(key.strip()) == value.strip() if sign else key.strip() in labels
        for key, sign, value in wanted
    )
