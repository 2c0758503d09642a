"""A start before it happens: what would run, where, in which batches, and what will be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import structs

from console.answers import Document, PlanDetail, Preview, Remark
from console.forms.fields import Path
from console.forms.launching import Work, in_fields
from console.i18n import _
from console.presenters.acting import plan_lines
from console.presenters.batches import plan_lines as batch_lines
from console.presenters.lists import labels_text
from console.presenters.plans import plan_parts
from console.presenters.results import hosts_word
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.sentences import said
from core.errors import Problem


def preview_lines(preview: Preview) -> Iterator[Line]:
    """What a start would do now."""
    yield from plan_lines(preview)
    for step in preview.steps:
        if step.batches:
            yield line(Span(_("batches of step {step}").format(step=step.step), Tone.STRONG))
            yield from batch_lines(step.batches)
    yield from _needs(preview)


def _needs(asked: Preview | PlanDetail) -> Iterator[Line]:
    """What a start from the form asks for."""
    if asked.confirm_hosts is not None:
        text = _("A start asks to type the number of hosts: {count}.")
        yield line(Span(text.format(count=asked.confirm_hosts), Tone.WARNING))
    if asked.acknowledge:
        text = _("It meets rules for dangerous commands: {rules}. A start asks for each.")
        yield line(Span(text.format(rules=", ".join(asked.acknowledge)), Tone.WARNING))


def dry_run_parts(plan: PlanDetail, now: datetime) -> Iterator[Line | Table]:
    """A dry run of what stands in the form; what it lacks is named by its fields."""
    told = structs.replace(
        plan,
        refusals=remarks_in_fields(plan.refusals),
        warnings=remarks_in_fields(plan.warnings),
    )
    return plan_parts(told, now, _needs(plan))


def remarks_in_fields(remarks: Iterable[Remark]) -> list[Remark]:
    """Remarks with fields in the place of flags."""
    return [structs.replace(each, hint=in_fields(said(each.hint))) for each in remarks]


def unready_lines(message: str, placed: Mapping[Path, Sequence[Problem]]) -> Iterator[Line]:
    """Why nothing would start yet, where fields say it too."""
    yield line(Span(said(message), Tone.WARNING))
    for path, problems in placed.items():
        for each in problems:
            yield line("  ", Span(str(path[-1]), Tone.STRONG), f"  {said(each.what)}")


def deed(preview: Preview) -> str:
    """What the question of a start is called: `start deploy on 3 hosts`."""
    text = _("start {title} on {hosts}")
    return text.format(title=preview.title, hosts=hosts_word(preview.hosts))


def work_title(work: Work) -> str:
    """What is started, as breadcrumbs say it."""
    if work.is_saved:
        return f"{said(work.kind)} {work.name}"
    return _("a command")


def menu_table(items: Sequence[Document | None]) -> Table:
    """What can be started; None is one command line."""
    return Table(
        columns=(
            Column(_("WHAT"), whole=True),
            Column(_("KIND")),
            Column(_("TARGETS")),
            Column(_("DESCRIPTION"), elastic=True),
            Column(_("LABELS")),
        ),
        rows=tuple(map(_menu_row, items)),
    )


def _menu_row(item: Document | None) -> tuple[Span, ...]:
    if item is None:
        about = _("one command line on many hosts, at once")
        return Span(_("a command"), Tone.STRONG), Span(""), Span(""), Span(about), Span("")
    return (
        Span(item.name, Tone.STRONG),
        Span(_("job") if item.kind == "job" else _("flow")),
        Span(str(item.spec.get("targets") or "")),
        Span(str(item.spec.get("description") or "")),
        Span(labels_text(item.labels), Tone.QUIET),
    )
