"""Settings of a console as rows: what holds, and every action with its keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.i18n import CHINESE, ENGLISH, _
from console.presenters.text import Column, Span, Table, Tone


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set."""

    id: str
    """`theme`, `language`, or the id of an action whose keys are set."""
    title: str
    value: str
    """As people read it."""
    meaning: str = ""
    is_own: bool = False
    """Whether this person has changed it."""
    is_in_force: bool = True
    """Whether what they have changed it to can be."""

    @property
    def whose(self) -> Span:
        if not self.is_own:
            return Span("")
        if self.is_in_force:
            return Span(_("changed"), Tone.BUSY)
        return Span(_("not in force"), Tone.WARNING)


def settings_table(settings: Sequence[Setting]) -> Table:
    """Settings and their values; those that were changed are marked."""
    return Table(
        columns=(
            Column(_("SETTING")),
            Column(_("VALUE"), whole=True),
            Column(_("YOURS")),
            Column(_("WHAT IT IS"), elastic=True),
        ),
        rows=tuple(
            (
                Span(each.title, Tone.STRONG),
                Span(each.value),
                each.whose,
                Span(each.meaning, Tone.QUIET),
            )
            for each in settings
        ),
        empty=_("no setting fits"),
    )


def language_name(language: str) -> str:
    """A language by its own name, so that whoever wants it can read it."""
    return {ENGLISH: "English", CHINESE: "简体中文"}.get(language, language)
