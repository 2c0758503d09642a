"""Facts of hosts: how a gathering went, what is known, what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from console.answers import Fact, FactsSpan, FactsUsed, Gathered, HostFacts, HostSample
from console.i18n import _, ngettext
from console.presenters import states
from console.presenters.changes import field_lines
from console.presenters.durations import clock_time, duration, full_time, number, span_of
from console.presenters.progress import count_spans
from console.presenters.results import hosts_word
from console.presenters.text import Column, Line, Span, Table, Tone, line, pairs
from console.sentences import said
from core.domain.run import TargetState

_SHOWN = ("os.name", "kernel", "cpus", "mem_gb", "disk_free_gb")


def gathering_progress(done: int, total: int) -> Line:
    """One line while hosts are asked."""
    text = _("asking {done}/{total}").format(done=number(done), total=number(total))
    return line(Span(text, Tone.BUSY))


def gathered_parts(found: Sequence[Gathered]) -> tuple[list[Line | Table], Line]:
    """Each host's answer in a row, what changed, who did not answer; and the sums."""
    table = Table(
        columns=(
            Column(_("HOST"), whole=True),
            Column(_("SYSTEM")),
            Column(_("KERNEL")),
            Column(_("CPUS"), right=True),
            Column(_("MEMORY GB"), right=True),
            Column(_("FREE GB"), right=True),
        ),
        rows=tuple(
            (Span(each.host, Tone.STRONG), *(Span(_text(each.facts.get(name))) for name in _SHOWN))
            for each in found
            if each.state == TargetState.SUCCESS
        ),
        empty=_("no host answered"),
    )
    parts: list[Line | Table] = [table]
    for each in found:
        if each.changes:
            parts.append(line(Span(each.host, Tone.STRONG), ": ", _("changed")))
            parts += field_lines(each.changes, indent="    ")
        if each.state != TargetState.SUCCESS:
            name = Span(each.host, Tone.STRONG)
            parts.append(
                line(states.target_state(each.state), "  ", name, ": ", said(each.message))
            )
    return parts, _sums(found)


def _sums(found: Sequence[Gathered]) -> Line:
    counts = Counter(each.state for each in found)
    changed = sum(bool(each.changes) for each in found)
    pieces = [piece for span in count_spans(counts) for piece in (span, "  ")]
    text = ngettext("{count} changed", "{count} changed", changed).format(count=number(changed))
    return line(*pieces, text if changed else "")


def facts_table(found: HostFacts, now: datetime) -> Table:
    """What is known of one host."""
    age = duration(span_of(found.at, None, now))
    return pairs(
        (_("host"), Span(found.host, Tone.STRONG)),
        (_("observed"), _("{time}, {age} ago").format(time=full_time(found.at), age=age)),
        *((name, _text(value)) for name, value in found.facts.items()),
    )


def history_lines(history: Sequence[FactsSpan], now: datetime) -> Iterator[Line]:
    """Spans without a change, newest first, each with what began it."""
    for span in history:
        first, last = clock_time(span.first_at, now), clock_time(span.last_at, now)
        yield line(Span(first, Tone.STRONG), _(" to {time}").format(time=last))
        if span.changes:
            yield from field_lines(span.changes, indent="    ")
        else:
            yield line("    ", _("the oldest that is kept"))


def samples_table(samples: Sequence[HostSample], now: datetime) -> Table:
    """Samples of a host, newest first."""
    columns = {
        "load": _("LOAD"),
        "mem_free_gb": _("FREE MEMORY GB"),
        "disk_free_gb": _("FREE DISK GB"),
        "uptime_h": _("UP FOR HOURS"),
        "skew_s": _("CLOCK OFF BY S"),
    }
    return Table(
        columns=(
            Column(_("AT"), whole=True),
            *(Column(title, right=True) for title in columns.values()),
        ),
        rows=tuple(
            (
                Span(clock_time(sample.at, now), Tone.STRONG),
                *(Span(_text(sample.facts.get(name))) for name in columns),
            )
            for sample in samples
        ),
        empty=_("nothing was sampled yet"),
    )


def used_text(used: FactsUsed, now: datetime) -> str:
    """Which facts chose the hosts of a dry run, and how old they are."""
    age = duration(span_of(used.oldest_at, None, now))
    text = _("{names} of {hosts}, observed up to {age} ago")
    return text.format(names=", ".join(used.names), hosts=hosts_word(used.hosts), age=age)


def facts_kinds_table(facts: Sequence[Fact]) -> Table:
    """The facts that there are."""
    kinds = {
        "text": "= != in",
        "list": "= != in",
        "number": "= != in < <= > >=",
        "version": "= != in < <= > >=",
    }
    return Table(
        columns=(
            Column(_("FACT"), whole=True),
            Column(_("KIND")),
            Column(_("COMPARED WITH")),
            Column(_("WHAT"), elastic=True, wraps=True),
        ),
        rows=tuple(
            (
                Span(fact.name, Tone.STRONG),
                Span(fact.kind),
                Span(kinds.get(fact.kind, "")),
                Span(said(fact.about)),
            )
            for fact in facts
        ),
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
