"""Which parts of a form are open, and whether what few people need is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.forms import outline, values
from console.forms.draft import Draft
from console.forms.fields import Path
from console.forms.outline import Row


class Folding:
    """It knows paths only, so that it holds for a draft and for every change of it."""

    def __init__(self, kept: Mapping[str, Any]) -> None:
        """As `kept` says, which `memory` of an earlier one has said."""
        self._opened: set[Path] = {tuple(path) for path in kept.get("opened", ())}
        self._everything = bool(kept.get("everything"))

    def memory(self) -> dict[str, Any]:
        return {"opened": [list(path) for path in self._opened], "everything": self._everything}

    def rows(self, draft: Draft) -> list[Row]:
        """What is seen of a draft."""
        return list(outline.rows(draft.root, draft.body, self._opened, everything=self._everything))

    def is_open(self, path: Path) -> bool:
        return path in self._opened

    def open(self, *paths: Path) -> None:
        self._opened.update(paths)

    def close(self, path: Path) -> None:
        self._opened.discard(path)

    def open_to(self, path: Path, draft: Draft) -> None:
        """Open what is around a field, so that it has a row."""
        self.open(*(path[:end] for end in range(1, len(path))))
        place = values.field_at(draft.root, draft.body, path)
        self._everything |= not outline.is_shown(place, draft.value(path))

    def toggle_everything(self) -> None:
        self._everything = not self._everything
