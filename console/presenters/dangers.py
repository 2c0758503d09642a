"""Rules for dangerous commands that something meets: lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from console.answers import Danger
from console.i18n import _
from console.presenters.durations import clock_time
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.sentences import said
from core.domain.caret import excerpt

if TYPE_CHECKING:  # what loads the documents is loaded by the command that needs it
    from core.domain.command_rules import Hit, Rule

_TONES = {"scan": Tone.QUIET, "confirm": Tone.WARNING, "review": Tone.WARNING, "block": Tone.BAD}


def level_word(level: str) -> str:
    """What a hit asks for."""
    return {
        "scan": _("recorded"),
        "confirm": _("to acknowledge"),
        "review": _("needs a reviewer"),
        "block": _("forbidden"),
    }.get(level, level)


def danger_lines(found: Iterable[Danger]) -> Iterator[Line]:
    """Each hit in two lines: the rule and the place, then the command."""
    for each in found:
        tone = _TONES.get(each.level, Tone.WARNING)
        place = ", ".join(filter(None, (each.step, each.where, f"{each.line}:{each.column}")))
        where = f"  ({each.hosts})" if each.hosts else ""
        yield line(
            Span(f"! {level_word(each.level)}  ", tone),
            Span(each.rule, Tone.STRONG),
            f"  {place}{where}: {said(each.message)}",
        )
        yield line("    ", each.command)
        if each.meaning:
            meaning = _("it means {command}").format(command=each.meaning)
            yield line("    ", Span(meaning, Tone.QUIET))


def found_lines(place: str, hit: Hit, text: str) -> Iterator[Line]:
    """One hit with the line that it is in, and a caret under its beginning."""
    yield line(
        Span(f"! {level_word(hit.level)}  ", _TONES.get(hit.level, Tone.WARNING)),
        Span(hit.rule, Tone.STRONG),
        f"  {place} {hit.line}:{hit.column}: {said(hit.message)}",
    )
    for each in excerpt(text, hit.column - 1).splitlines():
        yield line("  ", each)
    if hit.meaning:
        yield line("    ", Span(_("it means {command}").format(command=hit.meaning), Tone.QUIET))


def rules_table(rules: Sequence[Rule]) -> Table:
    """Rules with their level, as documents say it; their sentences are the engine's own."""
    return Table(
        columns=(
            Column(_("RULE")),
            Column(_("LEVEL")),
            Column(_("WHAT IT DOES"), elastic=True, wraps=True),
        ),
        rows=tuple(
            (
                Span(rule.name, Tone.STRONG),
                Span(rule.level, _TONES.get(rule.level, Tone.WARNING)),
                Span(said(rule.message)),
            )
            for rule in rules
        ),
    )


def dangers_table(found: Sequence[Danger], now: datetime) -> Table:
    """What a run met of the rules, and what came of it."""
    words = {
        "noted": _("recorded"),
        "acknowledged": _("acknowledged"),
        "asked": _("others were asked"),
        "refused": _("refused"),
    }
    return Table(
        columns=(
            Column(_("RULE")),
            Column(_("DECISION")),
            Column(_("BY")),
            Column(_("AT")),
            Column(_("STEP")),
            Column(_("HOSTS")),
            Column(_("COMMAND"), elastic=True, wraps=True),
        ),
        rows=tuple(
            (
                Span(each.rule, Tone.STRONG),
                Span(words.get(each.decision, each.decision)),
                Span(each.actor),
                Span(clock_time(each.at, now)),
                Span(f"{each.step} {each.line}:{each.column}"),
                Span(each.hosts),
                Span(each.command + (f" = {each.meaning}" if each.meaning else "")),
            )
            for each in found
        ),
    )
