"""A vote: what it is about, a reason, and the fields of the form that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from console.i18n import _
from console.presenters.text import Line, Span, Table, Tone, line
from console.tui.widgets.dialogs import Text


@dataclass(frozen=True, slots=True)
class Ballot:
    """What was filled in."""

    reason: str
    form: Mapping[str, str]
    """Field -> text; those left empty are not in it."""


class BallotScreen(ModalScreen[Ballot | None]):
    """Answers what was filled in, or None for no vote.

    Enter goes from field to field; on the last one it votes.
    """

    DEFAULT_CSS = """
    BallotScreen { align: center middle; background: transparent; }
    BallotScreen > Vertical {
        width: 84; max-width: 96%; height: auto; max-height: 94%; padding: 1 2;
        background: $surface; border: solid $panel; overflow-y: auto;
    }
    BallotScreen Text { margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "no", show=False)]

    def __init__(
        self,
        deed: str,
        told: Sequence[Line | Table],
        fields: Sequence[Mapping[str, Any]],
        *,
        must_say_why: bool,
    ) -> None:
        """`fields`: those of the approval's form, as the API gives them."""
        super().__init__()
        self._deed, self._told, self._fields = deed, told, fields
        self._must_say_why = must_say_why

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Text([line(Span(self._deed, Tone.STRONG)), line(""), *self._told])
            why = _("reason (required)") if self._must_say_why else _("reason")
            yield from _asked("", why, "")
            for field in self._fields:
                default = field.get("default")
                kept = "" if default is None else str(default)
                is_secret = field.get("type") == "secret"
                yield from _asked(field["name"], _label(field), kept, is_secret=is_secret)
            yield Text(
                [
                    line(
                        Span("enter ", Tone.STRONG),
                        Span(self._deed, Tone.QUIET),
                        Span("   tab ", Tone.STRONG),
                        Span(_("next field"), Tone.QUIET),
                        Span("   esc ", Tone.STRONG),
                        Span(_("do not vote"), Tone.QUIET),
                    )
                ]
            )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        fields = list(self.query(Input))
        empty = [each for each in fields if self._is_missing(each)]
        if event.input is not fields[-1]:
            fields[fields.index(event.input) + 1].focus()
        elif empty:
            self.app.bell()
            empty[0].focus()
        else:
            reason, *others = (each.value.strip() for each in fields)
            names = [str(field["name"]) for field in self._fields]
            form = {name: text for name, text in zip(names, others, strict=True) if text}
            self.dismiss(Ballot(reason, form))

    def _is_missing(self, field: Input) -> bool:
        if field.value.strip():
            return False
        if not field.name:
            return self._must_say_why
        return any(each["name"] == field.name and each.get("required") for each in self._fields)

    def action_no(self) -> None:
        self.dismiss(None)


def _asked(name: str, label: str, default: str, *, is_secret: bool = False) -> ComposeResult:
    yield Text([line(Span(label, Tone.QUIET))])
    field = Input(default, name=name, password=is_secret)
    field.cursor_blink = False
    yield field


def _label(field: Mapping[str, Any]) -> str:
    """`WINDOW: when it may begin (required)`."""
    parts = [str(field["name"])]
    if field.get("description"):
        parts.append(f": {field['description']}")
    if field.get("required"):
        parts.append(f" ({_('required')})")
    if choices := field.get("choices"):
        parts.append(f"  [{', '.join(map(str, choices))}]")
    return "".join(parts)
