"""Lists as tables: runs, targets, documents, revisions, host keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from console.answers import Document, HostKey, Match, Revision, Run, RunMatch, Target
from console.i18n import _, ngettext
from console.presenters import states
from console.presenters.durations import clock_time, duration, number, size, span_of
from console.presenters.progress import ended
from console.presenters.results import short_id
from console.presenters.text import Column, Span, Table, Tone
from console.sentences import said
from core.domain.validity import last_day


def runs_table(runs: Sequence[Run], now: datetime) -> Table:
    """Runs, newest first; a change number and notes stand before the title."""
    return Table(
        columns=(
            Column(_("RUN"), whole=True),
            Column(_("STATE")),
            Column(_("HOSTS"), right=True),
            Column(_("STARTED")),
            Column(_("TOOK"), right=True, leaves=2),
            Column(_("BY"), leaves=1),
            Column(_("TITLE"), elastic=True),
        ),
        rows=tuple(
            (
                Span(short_id(run.id), Tone.STRONG),
                states.run_state(run.state),
                Span(_done_of(run)),
                Span(clock_time(run.started_at or run.created_at, now)),
                Span(duration(span_of(run.started_at, run.finished_at, now))),
                Span(run.actor),
                Span("  ".join(text for text in (_noted(run), run.change, run.title) if text)),
            )
            for run in runs
        ),
        empty=_("no run fits"),
    )


def _noted(run: Run) -> str:
    """`2 notes`; "" where there is none."""
    if not run.notes:
        return ""
    return ngettext("{count} note", "{count} notes", run.notes).format(count=number(run.notes))


def _done_of(run: Run) -> str:
    if run.finished_at:
        return number(run.target_count)
    return f"{number(ended(run.counts))}/{number(run.target_count)}"


def targets_table(targets: Sequence[Target], now: datetime) -> Table:
    """How each host of a step answered."""
    return Table(
        columns=(
            Column(_("HOST"), whole=True),
            Column(_("STATE")),
            Column(_("EXIT"), right=True),
            Column(_("TOOK"), right=True),
            Column(_("OUTPUT"), right=True),
            Column(_("REASON"), elastic=True),
        ),
        rows=tuple(
            (
                Span(target.host, Tone.STRONG),
                states.target_state(target.state, target.resolved_by),
                Span(target.signal or ("" if target.exit_code is None else str(target.exit_code))),
                Span(duration(span_of(target.started_at, target.finished_at, now))),
                Span(size(target.size_bytes) if target.size_bytes else ""),
                Span(said(target.message) or target.code or ""),
            )
            for target in targets
        ),
        empty=_("no target fits"),
    )


Cell = Callable[[Document], str]


def _field(*path: str) -> Cell:
    def read(document: Document) -> str:
        value: Any = document.spec
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return _shown(value)

    return read


def _count(name: str) -> Cell:
    return lambda document: number(len(document.spec.get(name) or ()))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


_PROOFS = (
    "agent", "key", "key_file", "certificate", "certificate_file", "password", "token",
    "tls_certificate",
)  # fmt: skip


def _proof(document: Document) -> str:
    """What proves an account's identity, by the names of its fields."""
    return ", ".join(name for name in _PROOFS if document.spec.get(name))


def _last_day(document: Document) -> str:
    """The first day on which something of an account ends."""
    given, *certificates = map(document.spec.get, ("expires", "tls_certificate", "certificate"))
    try:
        last = last_day(date.fromisoformat(given) if given else None, *certificates)
    except ValueError:
        return str(given or "")  # of a newer engine: what it takes, this console cannot read
    return str(last or "")


def _change_rule(document: Document) -> str:
    """Whether an environment requires a change number, and which ones fit."""
    if not document.spec.get("change_required"):
        return ""
    return str(document.spec.get("change_pattern") or _("yes"))


def _address(document: Document) -> str:
    if document.spec.get("protocol") == "local":
        return _("(local)")
    port = document.spec.get("port", 22)
    address = document.spec.get("address") or document.name
    usual = 5986 if document.spec.get("protocol") == "winrm" else 22
    return str(address) if port == usual else f"{address}:{port}"


def _every(document: Document) -> str:
    return duration(document.spec.get("every_s"))


def _place(document: Document) -> str:
    """Where a source's hosts come from."""
    return str(next(filter(None, map(document.spec.get, ("file", "command", "url"))), ""))


def _kind_columns(kind: str) -> list[tuple[Column, Cell]]:
    """What a list of this kind shows besides name and labels."""
    known: dict[str, list[tuple[Column, Cell]]] = {
        "host": [
            (Column(_("ADDRESS")), _address),
            (Column(_("ACCOUNT")), _field("account")),
            (Column(_("ENVIRONMENT")), _field("environment")),
        ],
        "group": [
            (Column(_("HOSTS"), right=True), _count("hosts")),
            (Column(_("EXPRESSION")), _field("expression")),
        ],
        "account": [
            (Column(_("USER")), _field("user")),
            (Column(_("PROVED BY")), _proof),
            (Column(_("BECOMES")), _field("become", "user")),
            (Column(_("EXPIRES")), _last_day),
        ],
        "environment": [
            (Column(_("READ-ONLY")), _field("read_only")),
            (Column(_("CONFIRM")), _field("confirm")),
            (Column(_("HOST CAP"), right=True), _field("host_cap")),
            (Column(_("CHANGE NUMBER")), _change_rule),
        ],
        "inventory-source": [
            (Column(_("FORMAT")), _field("format")),
            (Column(_("EVERY"), right=True), _every),
            (Column(_("FROM"), elastic=True), _place),
        ],
        "script": [
            (Column(_("LANGUAGE")), _field("language")),
            (Column(_("DESCRIPTION"), elastic=True), _field("description")),
        ],
        "job": [
            (Column(_("STEPS"), right=True), _count("steps")),
            (Column(_("TARGETS")), _field("targets")),
            (Column(_("DESCRIPTION"), elastic=True), _field("description")),
        ],
    }
    return known.get(kind, [])


def labels_text(labels: Mapping[str, str]) -> str:
    """`env=prod,role=web`."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def documents_table(
    kind: str, documents: Sequence[Document], now: datetime, *, wide: bool = False
) -> Table:
    """Documents of one kind; `wide` adds revision, time and author."""
    own = _kind_columns(kind)
    has_elastic = any(column.elastic for column, _cell in own)
    columns = [Column(_("NAME"), whole=True), *(column for column, _cell in own)]
    columns.append(Column(_("LABELS"), elastic=not has_elastic))
    if wide:
        columns += [Column(_("REVISION"), right=True), Column(_("CHANGED")), Column(_("BY"))]
    rows = []
    for document in documents:
        row = [Span(document.name, Tone.STRONG), *(Span(cell(document)) for _column, cell in own)]
        row.append(Span(labels_text(document.labels), Tone.QUIET))
        if wide:
            row.append(Span(str(document.revision)))
            row.append(Span(clock_time(document.updated_at, now)))
            row.append(Span(document.updated_by))
        rows.append(tuple(row))
    return Table(tuple(columns), tuple(rows), empty=_("no {kind} fits").format(kind=kind))


def history_table(revisions: Sequence[Revision], now: datetime) -> Table:
    """A document's revisions, newest first."""
    return Table(
        columns=(
            Column(_("REVISION"), right=True),
            Column(_("CHANGE")),
            Column(_("AT")),
            Column(_("BY")),
        ),
        rows=tuple(
            (
                Span(str(item.revision), Tone.STRONG),
                Span(item.change),
                Span(clock_time(item.at, now)),
                Span(item.actor),
            )
            for item in revisions
        ),
    )


_KEY_TONES = {"pending": Tone.WARNING, "approved": Tone.GOOD, "revoked": Tone.BAD}
_KEY_SYMBOLS = {"pending": "?", "approved": states.GOOD[0], "revoked": states.BAD[0]}


def keys_table(keys: Sequence[HostKey], now: datetime) -> Table:
    """Host keys and what was decided about them."""
    return Table(
        columns=(
            Column(_("HOST"), whole=True),
            Column(_("STATUS"), whole=True),
            Column(_("TYPE"), whole=True),
            Column(_("SEEN")),
            Column(_("SOURCE")),
            Column(_("FINGERPRINT"), elastic=True, wraps=True),
        ),
        rows=tuple(
            (
                Span(_key_name(key), Tone.STRONG),
                _key_status(key.status),
                Span(_("authority") if key.authority else key.key_type),
                Span(clock_time(key.first_seen_at, now)),
                Span(key.source + (f", {key.decided_by}" if key.decided_by else "")),
                Span(key.fingerprint),
            )
            for key in keys
        ),
        empty=_("no host key is on record"),
    )


def _key_name(key: HostKey) -> str:
    return key.host or key.pattern or ""


def _key_status(status: str) -> Span:
    words = {"pending": _("pending"), "approved": _("approved"), "revoked": _("revoked")}
    symbol = _KEY_SYMBOLS.get(status, "?")
    return Span(f"{symbol} {words.get(status, status)}", _KEY_TONES.get(status, Tone.PLAIN))


def run_matches_table(matches: Sequence[RunMatch]) -> Table:
    """Lines that a search of all runs found."""
    return Table(
        columns=(
            Column(_("RUN")),
            Column(_("HOST")),
            Column(_("STEP")),
            Column(_("LINE"), right=True),
            Column(_("TEXT"), elastic=True),
        ),
        rows=tuple(
            (
                Span(short_id(match.run)),
                Span(match.host, Tone.STRONG),
                Span(match.step),
                Span(str(match.line)),
                Span(match.text),
            )
            for match in matches
        ),
        empty=_("nothing found"),
    )


def matches_table(matches: Sequence[Match]) -> Table:
    """Lines of output that a search found."""
    return Table(
        columns=(
            Column(_("HOST")),
            Column(_("STEP")),
            Column(_("LINE"), right=True),
            Column(_("TEXT"), elastic=True),
        ),
        rows=tuple(
            (
                Span(match.host, Tone.STRONG),
                Span(match.step),
                Span(str(match.line)),
                Span(match.text),
            )
            for match in matches
        ),
        empty=_("nothing found"),
    )
