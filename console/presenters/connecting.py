"""Connection tests: the way to each host, and where it stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from console.answers import Facts, Finding
from console.i18n import _
from console.presenters import states
from console.presenters.durations import duration
from console.presenters.plans import note_line
from console.presenters.progress import count_spans
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.sentences import said
from core.domain.run import TargetState

_ARROW = " > "


def connection_parts(findings: Sequence[Finding]) -> tuple[Table, list[Line], Line]:
    """Every host's row, what is to be said of those that are not ready, and the sums."""
    return _table(findings), _remarks(findings), _sums(findings)


def _table(findings: Sequence[Finding]) -> Table:
    return Table(
        columns=(
            Column(_("HOST"), whole=True),
            Column(_("STATE")),
            Column(_("STOPPED AT")),
            Column(_("LOGIN AFTER"), right=True),
            Column(_("TOOK"), right=True),
            Column(_("USER")),
            Column(_("PATH"), elastic=True),
        ),
        rows=tuple(
            (
                Span(finding.host, Tone.STRONG),
                _state(finding),
                Span(_stage(finding.stopped_at)),
                Span(_ms(finding.reached_ms)),
                Span(_ms(finding.took_ms)),
                Span((finding.facts or Facts()).user),
                Span(_ARROW.join(finding.path)),
            )
            for finding in findings
        ),
        empty=_("no host was asked"),
    )


def _remarks(findings: Sequence[Finding]) -> list[Line]:
    found: list[Line] = []
    for finding in findings:
        host = Span(finding.host, Tone.STRONG)
        if finding.message:
            found.append(line(host, ": ", said(finding.message)))
        found += [
            line(host, ": ", *note_line(note, finding.facts))
            for note in finding.notes
            if finding.facts is not None
        ]
    return [line(""), *found] if found else []


def _sums(findings: Sequence[Finding]) -> Line:
    counts = Counter(finding.state for finding in findings)
    symbol, tone = states.GOOD
    ready = counts.pop(TargetState.SUCCESS.value, 0)
    spans = [Span(f"{symbol} {ready} {_('ready')}", tone)] if ready else []
    return line(*(piece for span in [*spans, *count_spans(counts)] for piece in (span, "  ")))


def _state(finding: Finding) -> Span:
    if finding.state != TargetState.SUCCESS:
        return states.target_state(finding.state)
    symbol, tone = states.GOOD
    return Span(f"{symbol} {_('ready')}", tone)


def _stage(stage: str | None) -> str:
    words = {
        "name": _("name"),
        "connection": _("connection"),
        "host-key": _("host key"),
        "login": _("login"),
        "shell": _("shell"),
    }
    return words.get(stage or "", stage or "")


def _ms(count: int | None) -> str:
    return duration(None if count is None else count / 1000)
