"""Dry runs: what a start would do, what would refuse it, and how ready the hosts are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from console.answers import (
    EnvironmentTouched,
    Facts,
    Finding,
    Plan,
    PlanComparison,
    PlanDetail,
    PlanNode,
    PlanStep,
    Remark,
)
from console.i18n import _
from console.presenters import batches, states
from console.presenters.carried import carried_table
from console.presenters.comparing import answer_lines, asked_lines
from console.presenters.dangers import danger_lines
from console.presenters.durations import clock_time, duration, full_time, number, size
from console.presenters.facts import used_text
from console.presenters.hosts import left_out_lines
from console.presenters.progress import count_spans
from console.presenters.results import hosts_word, short_id
from console.presenters.text import Column, Line, Span, Table, Tone, line, pairs
from console.sentences import said
from core.domain.hostrange import fold
from core.domain.run import TargetState

_GAP = line("")
_OWN_REASONS = ("InterpreterMissing", "UnexpectedAnswer", "StatementFailed")
"""Codes whose sentences say different things of different hosts."""
_STARTED_BY = {"adhoc": "run", "flow": "flow start"}
"""Kind of origin -> the command, where it is another than `start`."""
_ASKING = ("probe", "check")
"""Levels of dry runs that ask hosts."""


def state_word(state: str) -> Span:
    """How a dry run stands."""
    words = {
        "probing": Span(_("probing"), Tone.BUSY),
        "ready": Span(_("done"), Tone.GOOD),
        "cancelled": Span(_("cancelled"), Tone.WARNING),
        "interrupted": Span(_("interrupted"), Tone.WARNING),
    }
    return words.get(state, Span(state))


def plans_table(plans: Sequence[Plan], now: datetime) -> Table:
    """Dry runs, newest first."""
    return Table(
        columns=(
            Column(_("PLAN")),
            Column(_("LEVEL")),
            Column(_("STATE")),
            Column(_("HOSTS"), right=True),
            Column(_("MADE")),
            Column(_("BY")),
            Column(_("RUN")),
            Column(_("TITLE"), elastic=True),
        ),
        rows=tuple(
            (
                Span(short_id(plan.id), Tone.STRONG),
                Span(plan.level),
                state_word(plan.state),
                Span(number(plan.target_count)),
                Span(clock_time(plan.at, now)),
                Span(plan.actor),
                Span(short_id(plan.run_id) if plan.run_id else ""),
                Span(plan.title),
            )
            for plan in plans
        ),
        empty=_("no plan has been made"),
    )


def plan_parts(
    plan: PlanDetail, now: datetime, needs: Iterable[Line], *, hosts: bool = False
) -> Iterator[Line | Table]:
    """All of a dry run; `hosts` lists every host that was probed.

    `needs`: what a start needs, as it is told where the plan is shown.
    """
    yield _head(plan, now)
    yield from left_out_lines(plan.left_out)
    yield _GAP
    yield _steps(plan.steps)
    if plan.nodes:
        yield _GAP
        yield _nodes(plan.nodes)
    carried = [(step.step, step.carried) for step in plan.steps if step.carried]
    if carried:
        yield _GAP
        yield carried_table(carried)
    for step in plan.steps:
        if step.batches:
            yield _GAP
            yield line(Span(_("batches of step {step}").format(step=step.step), Tone.STRONG))
            yield from batches.plan_lines(step.batches)
    if any(place.environment for place in plan.environments):
        yield _GAP
        yield _environments(plan.environments)
    if plan.dangers:
        yield _GAP
        yield from danger_lines(plan.dangers)
    if plan.level in _ASKING:
        yield _GAP
        yield from [_findings(plan.findings)] if hosts else _readiness(plan)
    yield _GAP
    yield from _verdict(plan)
    yield from needs


def probe_progress(plan: PlanDetail) -> Line:
    """One line while a probe goes on."""
    done = sum(plan.counts.values())
    text = _("probing {done}/{total}").format(done=number(done), total=number(plan.target_count))
    counts = [piece for span in _ready_spans(plan) for piece in ("  ", span)]
    return line(Span(text, Tone.BUSY), *counts)


def comparison_lines(found: PlanComparison) -> Iterator[Line | Table]:
    """A plan beside its run, or beside what would run now."""
    yield line(Span("A", Tone.STRONG), "  ", _("plan {id}").format(id=short_id(found.plan.id)),
               f"  {found.plan.title}")  # fmt: skip
    other = (
        _("run {id}").format(id=short_id(found.run_id)) if found.run_id else _("what would run now")
    )
    yield line(Span("B", Tone.STRONG), "  ", other)
    yield from asked_lines(found.definition)
    if found.run_id:
        yield from answer_lines(found)
    elif not found.definition:
        yield line(_("nothing has changed since"))


def _head(plan: PlanDetail, now: datetime) -> Table:
    values = {**plan.parameters, **plan.env}
    return pairs(
        (_("plan"), Span(plan.id, Tone.STRONG)),
        (_("title"), plan.title),
        (_("origin"), plan.origin),
        (_("state"), state_word(plan.state) if plan.level in _ASKING else ""),
        (_("made"), full_time(plan.at)),
        (_("made by"), plan.actor),
        (_("started as"), short_id(plan.run_id) if plan.run_id else ""),
        (_("targets"), plan.targets),
        (_("hosts"), plan.hosts),
        (_("likely takes"), duration(plan.expected_s)),
        (_("facts"), used_text(plan.facts, now) if plan.facts else ""),
        (_("values"), ", ".join(f"{name}={value}" for name, value in values.items())),
        (_("secrets"), ", ".join(f"{name}={value}" for name, value in plan.secrets.items())),
    )


def _steps(steps: Sequence[PlanStep]) -> Table:
    return Table(
        columns=(
            Column(_("STEP")),
            Column(_("KIND")),
            Column(_("HOSTS"), right=True),
            Column(_("AT A TIME"), right=True),
            Column(_("TIME-OUT"), right=True),
            Column(_("ACCOUNT")),
            Column(_("WHERE"), elastic=True),
        ),
        rows=tuple(
            (
                Span(step.step, Tone.STRONG),
                Span(f"{step.kind} {step.script}" if step.script else step.kind),
                Span(number(step.count)),
                Span(number(min(step.concurrency, step.count))),
                Span(duration(step.timeout_s) or _("none")),
                Span(", ".join(filter(None, step.accounts))),
                Span(step.hosts),
            )
            for step in steps
        ),
    )


def _nodes(nodes: Sequence[PlanNode]) -> Table:
    return Table(
        columns=(
            Column(_("NODE"), whole=True),
            Column(_("KIND")),
            Column(_("USUALLY"), right=True),
            Column(_("HOSTS"), right=True),
            Column(_("DETAILS"), elastic=True, wraps=True),
        ),
        rows=tuple(row for node in nodes for row in _node_rows(node)),
    )


def _node_rows(node: PlanNode) -> Iterator[tuple[Span, ...]]:
    details = "  ".join(text for text in (node.runs, node.hosts, node.asks) if text)
    yield (
        Span(node.node, Tone.STRONG),
        Span(node.kind),
        Span(duration(node.typical_s)),
        Span(number(node.count) if node.count else ""),
        Span(details),
    )
    for edge in node.leads_to:
        target, _blank, label = edge.partition(" ")
        blank = Span("")
        yield Span(f"  → {target}"), blank, blank, blank, Span(label, Tone.QUIET)


def _environments(places: Sequence[EnvironmentTouched]) -> Table:
    return Table(
        columns=(
            Column(_("ENVIRONMENT")),
            Column(_("HOSTS"), right=True),
            Column(_("GUARD RAILS")),
            Column(_("WHERE"), elastic=True),
        ),
        rows=tuple(
            (
                Span(place.environment or _("(none)"), Tone.STRONG),
                Span(number(place.count)),
                Span(_rails(place)),
                Span(place.hosts),
            )
            for place in places
        ),
    )


def _rails(place: EnvironmentTouched) -> str:
    rails = {
        _("read-only"): place.read_only,
        _("confirm"): place.confirm,
        _("at most {count}").format(count=place.host_cap): place.host_cap is not None,
        _("change number"): place.change_required,
    }
    return _(", ").join(name for name, is_set in rails.items() if is_set)


def _verdict(plan: PlanDetail) -> Iterator[Line]:
    """What would refuse a start, and what to know before."""
    for refusal in plan.refusals:
        hint = f" ({said(refusal.hint)})" if refusal.hint else ""
        yield line(Span(_("refused: "), Tone.BAD), f"{refusal.where}: {said(refusal.what)}{hint}")
    yield from warning_lines(plan.warnings)
    if plan.review:
        text = _("others are asked before it begins: rule {names}")
        yield line(Span(text.format(names=", ".join(plan.review)), Tone.WARNING))


def flag_lines(plan: PlanDetail) -> Iterator[Line]:
    """What a start needs at a command line, and the command."""
    if plan.confirm_hosts is not None:
        text = _("a start must confirm the number of hosts: --confirm {count}")
        yield line(Span(text.format(count=plan.confirm_hosts), Tone.WARNING))
    if plan.acknowledge:
        flags = " ".join(f"--acknowledge {rule}" for rule in plan.acknowledge)
        yield line(Span(_("a start must acknowledge: {flags}").format(flags=flags), Tone.WARNING))
    if not plan.refusals and not plan.run_id:
        verb = _STARTED_BY.get(plan.origin.partition("/")[0], "start")
        command = f"jobdeck {verb} --from-plan {short_id(plan.id)}"
        yield line(Span(_("start it: {command}").format(command=command), Tone.QUIET))


def warning_lines(warnings: Iterable[Remark]) -> Iterator[Line]:
    """What a start does not refuse, and a person should know."""
    for warning in warnings:
        hint = f" ({said(warning.hint)})" if warning.hint else ""
        yield line(
            Span(_("warning: "), Tone.WARNING), f"{warning.where}: {said(warning.what)}{hint}"
        )


def _ready_spans(plan: Plan) -> list[Span]:
    """`✓ 12 ready`, then the states of those that are not."""
    ready = plan.counts.get(TargetState.SUCCESS, 0)
    rest = {state: n for state, n in plan.counts.items() if state != TargetState.SUCCESS}
    symbol, tone = states.GOOD
    first = [Span(f"{symbol} {number(ready)} {_('ready')}", tone)] if ready else []
    return [*first, *count_spans(rest)]


def _readiness(plan: PlanDetail) -> Iterator[Line]:
    """Hosts that are not ready by their reason, then what is worth knowing, then the sums."""
    for alike in _alike(plan.findings):
        hosts = _once(finding.host for finding in alike)
        steps = _once(step for finding in alike for step in finding.steps)
        yield line(
            states.target_state(alike[0].state),
            f"  {hosts_word(len(hosts))}  ",
            Span(fold(hosts), Tone.STRONG),
            f"  ({', '.join(steps)})" if plan.level == "check" else "",
        )
        yield line("    ", alike[0].message)
    for changes, hosts in _changes(plan.findings):
        yield line(hosts_word(len(hosts)), "  ", Span(fold(hosts), Tone.STRONG))
        yield from (line("    ", text) for text in changes.splitlines())
    for note in dict.fromkeys(note for finding in plan.findings for note in finding.notes):
        noted = [finding for finding in plan.findings if note in finding.notes]
        hosts = _once(finding.host for finding in noted)
        names = Span(fold(hosts), Tone.STRONG)
        yield line(
            Span(f"! {_note_word(note)}", Tone.WARNING), f"  {hosts_word(len(hosts))}  ", names
        )
        if detail := noted[0].facts and _note_detail(note, noted[0].facts):
            yield line("    ", detail)
    for step in plan.steps:
        words = _unpredicted(plan.level, step)
        if words:
            yield line(Span("? ", Tone.QUIET), words.format(step=step.step, kind=step.kind))
    spans = _ready_spans(plan)
    yield line(*(piece for span in spans for piece in (span, "  ")))


def _unpredicted(level: str, step: PlanStep) -> str:
    """What nobody can say of a step before it runs; "" where nothing is left open."""
    if level == "check":
        return "" if step.checked else _why_unknown(step)
    return (
        "" if step.probed else _("cannot predict  step {step} ({kind}): a probe sends no request")
    )


def _why_unknown(step: PlanStep) -> str:
    """Why no check tries a step, with places for its name and its kind."""
    if not step.awaits:
        return _("cannot predict  step {step} ({kind}): what it does shows when it runs")
    # Names of values and of steps have no braces.
    values = _(", ").join(f"{name} ({setter})" for name, setter in step.awaits.items())
    text = _("cannot predict  step {step} ({kind}): it uses what earlier steps set: ")
    return text + values


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _changes(findings: Sequence[Finding]) -> list[tuple[str, list[str]]]:
    """What would become of files, and the hosts on which it would be the same."""
    found: dict[str, list[str]] = {}
    for finding in findings:
        if finding.changes:
            found.setdefault(finding.changes, []).append(finding.host)
    return [(changes, _once(hosts)) for changes, hosts in found.items()]


def _alike(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of hosts that are not ready, those with the same reason together."""
    found: dict[tuple[str, str | None, str], list[Finding]] = {}
    for finding in findings:
        if finding.state != TargetState.SUCCESS:
            reason = finding.message if finding.code in _OWN_REASONS else ""
            found.setdefault((finding.state, finding.code, reason), []).append(finding)
    return sorted(found.values(), key=lambda group: states.ORDER.get(group[0].state, 0))


def note_line(note: str, facts: Facts) -> Line:
    """What is worth knowing of a host that answered."""
    return line(Span(f"! {_note_word(note)}", Tone.WARNING), f"  {_note_detail(note, facts)}")


def _note_word(note: str) -> str:
    return {
        "spool-unusable": _("keeps no claim, so work runs directly there"),
        "little-space": _("little free space"),
        "clock-skew": _("its clock is wrong"),
    }.get(note, note)


def _note_detail(note: str, facts: Facts) -> str:
    """What the first of the hosts said."""
    if note == "spool-unusable":
        return f"{facts.spool}: {facts.spool_refusal}"
    if note == "clock-skew" and facts.skew_s is not None:
        return _("{seconds} s from the engine's").format(seconds=f"{facts.skew_s:+}")
    return _free(facts)


def _free(facts: Facts) -> str:
    return " / ".join(
        "?" if space is None else size(space) for space in (facts.free_bytes, facts.tmp_free_bytes)
    )


def _findings(findings: Sequence[Finding]) -> Table:
    """Every host that was probed."""
    return Table(
        columns=(
            Column(_("HOST")),
            Column(_("STATE")),
            Column(_("USER")),
            Column(_("INTERPRETERS")),
            Column(_("FREE")),
            Column(_("CLOCK"), right=True),
            Column(_("REASON"), elastic=True),
        ),
        rows=tuple(_finding_row(finding) for finding in findings),
        empty=_("no host was asked"),
    )


def _finding_row(finding: Finding) -> tuple[Span, ...]:
    facts = finding.facts or Facts()
    ready = finding.state == TargetState.SUCCESS
    symbol, tone = states.GOOD
    found = (path or f"{name}: -" for name, path in facts.interpreters.items())
    reason = finding.message or _(", ").join(map(_note_word, finding.notes))
    return (
        Span(finding.host, Tone.STRONG),
        Span(f"{symbol} {_('ready')}", tone) if ready else states.target_state(finding.state),
        Span(facts.user),
        Span(" ".join(found)),
        Span(_free(facts) if finding.facts else ""),
        Span("" if facts.skew_s is None else f"{facts.skew_s:+} s"),
        Span(reason),
    )
