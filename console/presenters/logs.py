"""What is said of an output that somebody looks at."""

from __future__ import annotations

from dataclasses import dataclass

from console.answers import Target
from console.i18n import _
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
    """The line below an output; what matters most stands first, as the end may be cut."""
    place = _("line {line}/{lines}").format(line=number(stand.line), lines=number(stand.lines))
    spans: list[str | Span] = [f" {place}"]
    if stand.words:
        spans += [Span(f"   /{stand.words}  ", Tone.BUSY), _matches_words(stand)]
    if stand.follows:
        spans.append(Span("   " + _("following"), Tone.BUSY))
    if stand.only:
        word = {"err": _("only standard error"), "out": _("only standard output")}
        spans.append(Span("   " + word.get(stand.only, _("only notes")), Tone.WARNING))
    if stand.marked:
        marked = _("{count} marked").format(count=number(stand.marked))
        spans.append(Span(f"   * {marked}", Tone.STRONG))
    spans.append(Span(f"   {size(stand.size_bytes)}", Tone.QUIET))
    return line(*spans)


def _matches_words(stand: Stand) -> Span:
    """`3/128`, `-/128` where one stands at none of them, `3/128+` while there may be more."""
    if not stand.matches:
        text = _("no match") if stand.is_counted else _("looking ...")
        return Span(text, Tone.WARNING if stand.is_counted else Tone.QUIET)
    at = "-" if stand.match is None else number(stand.match)
    return Span(f"{at}/{number(stand.matches)}{'' if stand.is_counted else '+'}", Tone.STRONG)


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


def nothing_lines(*, has_ended: bool, target: Target | None = None) -> list[str]:
    """What to say, and what to do next, where there is no line; `target`: the only one shown."""
    if not has_ended:
        return [_("nothing was printed yet"), _("it comes here by itself")]
    why = target.message.splitlines() if target is not None else []
    if target is not None and target.size_bytes:
        return [_("what was printed is not kept any more"), *why, _("esc goes back")]
    return [_("nothing was printed"), *why, _("esc goes back")]
