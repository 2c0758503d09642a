"""What is said of an output that somebody looks at."""

from __future__ import annotations

from dataclasses import dataclass

from console.answers import Target
from console.i18n import _, ngettext
from console.presenters import states
from console.presenters.durations import number, size
from console.presenters.text import Line, Span, Tone, line


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """How a viewer stands."""

    line: int
    lines: int
    size_bytes: int
    follows: bool = False
    only: str = ""
    """The one stream that is shown."""
    words: str = ""
    """What is looked for."""
    match: int | None = None
    """Which place of it one is at."""
    matches: int = 0
    is_counted: bool = True
    marked: int = 0


def stand_line(stand: Stand) -> Line:
    """The line below an output."""
    spans: list[str | Span] = []
    place = _("line {line} of {lines}").format(line=number(stand.line), lines=number(stand.lines))
    spans += [f" {place}", Span(f"   {size(stand.size_bytes)}", Tone.QUIET)]
    if stand.follows:
        spans.append(Span("   " + _("following"), Tone.BUSY))
    if stand.only:
        word = {"err": _("only standard error"), "out": _("only standard output")}
        spans.append(Span("   " + word.get(stand.only, _("only notes")), Tone.WARNING))
    if stand.words:
        spans.append(Span(f"   /{stand.words} ", Tone.BUSY))
        spans.append(_matches_words(stand))
    if stand.marked:
        marked = _("{count} marked").format(count=number(stand.marked))
        spans.append(Span(f"   * {marked}", Tone.STRONG))
    return line(*spans)


def _matches_words(stand: Stand) -> Span:
    if not stand.matches:
        text = _("no match") if stand.is_counted else _("looking ...")
        return Span(text, Tone.WARNING if stand.is_counted else Tone.QUIET)
    total = number(stand.matches) + ("" if stand.is_counted else "+")
    if stand.match is None:
        found = ngettext("{count} match", "{count} matches", stand.matches)
        return Span(found.format(count=total))
    return Span(_("match {match} of {count}").format(match=number(stand.match), count=total))


def host_line(target: Target) -> Line:
    """Who printed it, and how that host ended."""
    pieces: list[str | Span] = [Span(target.host, Tone.STRONG), "  "]
    pieces.append(states.target_state(target.state, target.resolved_by))
    if target.exit_code is not None:
        pieces.append("  " + _("exit {code}").format(code=target.exit_code))
    if target.dropped_bytes:
        note = _("{size} of output over the limit were not kept")
        pieces.append(Span("  " + note.format(size=size(target.dropped_bytes)), Tone.WARNING))
    return line(*pieces)


def nothing_lines(*, has_ended: bool) -> list[str]:
    """What to say, and what to do next, where nothing was printed."""
    if has_ended:
        return [_("nothing was printed"), _("esc goes back")]
    return [_("nothing was printed yet"), _("it comes here by itself")]
