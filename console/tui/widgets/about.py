"""What there is to say of the field under the cursor: what it is for, and what the engine knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from console.forms.fields import Path, Shape
from console.i18n import _
from console.presenters.forms import Filled, field_lines, problem_line
from console.presenters.text import Line, line
from console.tui.widgets.dialogs import Text
from core.errors import Problem


class About(Text):
    """It owns what it was told: names of documents by kind, and lines about one field."""

    DEFAULT_CSS = """
    About { height: auto; min-height: 3; max-height: 50%; padding: 0 1;
            border-top: solid $tone-rule; }
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__([], **kwargs)
        self._names: dict[str, list[str]] = {}
        self._told: tuple[Path, Sequence[Line]] = ((), ())

    def names(self, kind: str) -> list[str] | None:
        """Names of documents of a kind; None where nobody has told them."""
        return self._names.get(kind)

    def offer(self, kind: str, names: Iterable[str]) -> None:
        self._names[kind] = list(names)

    def tell(self, path: Path, lines: Sequence[Line]) -> None:
        """Something about one field, until something else is told."""
        self._told = (path, lines)

    def explain(
        self, filled: Filled | None, typed: str | None, problems: Sequence[Problem]
    ) -> None:
        """Show what there is to say. `typed`: the text that is being typed; None: none is.

        `problems` are about the whole.
        """
        lines = [problem_line(each) for each in problems]
        if filled is not None:
            place = filled.row.field
            lines += field_lines(filled, self._fitting_names(place.refers_to, typed or ""))
            if place.shape is Shape.SECRET and typed is not None:
                lines.append(line(_("type it, or @FILE for what a file holds")))
            path, told = self._told
            lines += told if path == filled.row.path else ()
        self.show(lines)

    def _fitting_names(self, kind: str, typed: str) -> list[str]:
        return [each for each in self._names.get(kind, ()) if typed.casefold() in each.casefold()]
