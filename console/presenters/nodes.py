"""A run of a flow as a tree: its nodes, what each waits for, and the runs that they asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from console.answers import Approval, Run, RunDetail, Step
from console.i18n import _, ngettext
from console.presenters import states
from console.presenters.durations import clock_time, duration, number, span_of
from console.presenters.progress import count_spans
from console.presenters.results import short_id
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.sentences import said
from core.domain.run import TERMINAL_RUN_STATES, RunState

_INDENT = "  "
_STATE = 2
"""The column of a node's state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A run with the runs that its nodes asked for."""

    run: RunDetail
    nodes: Sequence[Mapping[str, Any]] = ()
    """As the definition has them, in its order."""
    approvals: Sequence[Approval] = ()
    """Of the run, those that are open."""
    children: Mapping[str, Sequence[Branch | Run]] = field(default_factory=dict)
    """Node -> its runs, oldest first; those that are not looked into are only named."""
    more: Mapping[str, int] = field(default_factory=dict)
    """Node -> further runs that are not here."""


def is_flow(run: Run) -> bool:
    """Whether a run has nodes that are no steps, as only flows have them."""
    return run.origin.startswith("flow/")


def node_of(child: Run) -> str:
    """The node that asked for a run: the title of such a run begins with its name."""
    return child.title.partition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Twig:
    """A row of the tree: a node of a run, or a run that a node asked for."""

    run: str
    """The id of the run that the node belongs to, or of the run itself."""
    node: str = ""
    """"" for a run."""
    is_step: bool = False
    """Whether it runs on hosts, which can be looked at."""
    cells: tuple[Span, ...]

    @property
    def key(self) -> str:
        return f"{self.run} {self.node}"

    @property
    def matters(self) -> bool:
        """Whether it goes on, or ended in a way that a person should look at."""
        return self.cells[_STATE].tone in (Tone.BAD, Tone.BUSY, Tone.WARNING)


def twigs(branch: Branch, now: datetime, indent: str = "") -> Iterator[Twig]:
    """Nodes in the order in which they began, then those that did not; under each its runs."""
    kinds = {each["step"]: each["kind"] for each in branch.run.definition.get("steps", ())}
    nodes = {node["name"]: node for node in branch.nodes}
    latest: dict[str, Step] = {}
    for step in branch.run.steps:
        latest.pop(step.step, None)
        latest[step.step] = step
    for name, step in latest.items():
        attempt = f" ({step.attempt})" if step.attempt > 1 else ""
        cells = (
            Span(f"{indent}{name}{attempt}", Tone.STRONG),
            Span(kinds.get(name, "")),
            states.run_state(step.state),
            Span(clock_time(step.started_at, now)),
            Span(duration(span_of(step.started_at, step.finished_at, now))),
            Span(_what(step, nodes.get(name, {}), branch)),
        )
        yield Twig(run=branch.run.id, node=name, is_step=bool(step.counts), cells=cells)
        yield from _below(branch, name, now, indent + _INDENT)
    idle = {node.get("undo") for node in branch.nodes}  # they only undo
    for name, kind in kinds.items():
        if name not in latest and name not in idle and kind != "note":
            symbol, tone = states.NOT_DONE if branch.run.finished_at else states.WAITING
            state = Span(f"{symbol} {_('not begun')}", tone)
            blank = Span("")
            own = Span(f"{indent}{name}", Tone.QUIET)
            yield Twig(
                run=branch.run.id, node=name, cells=(own, Span(kind), state, blank, blank, blank)
            )


def twigs_table(rows: Sequence[Twig]) -> Table:
    """Rows of the tree."""
    return Table(
        columns=(
            Column(_("NODE"), whole=True),
            Column(_("KIND")),
            Column(_("STATE")),
            Column(_("STARTED")),
            Column(_("TOOK"), right=True),
            Column(_("DETAILS"), elastic=True, wraps=True),
        ),
        rows=tuple(twig.cells for twig in rows),
        empty=_("no step has started"),
    )


def nodes_table(branch: Branch, now: datetime) -> Table:
    """The whole tree."""
    return twigs_table([*twigs(branch, now)])


def node_line(name: str, state: str, reason: str) -> Line:
    """A node that has ended, while its run is followed."""
    pieces: list[str | Span] = ["  ", states.run_state(state), "  ", Span(name, Tone.STRONG)]
    return line(*pieces, f"  {said(reason)}" if reason else "")


def asked_lines(approvals: Sequence[Approval]) -> Iterator[Line]:
    """What a run that is followed asks people, and the command that answers."""
    for approval in approvals:
        text = _("node {name} waits for people: {message}")
        yield line(Span(text.format(name=approval.step, message=approval.message), Tone.STRONG))
        yield line("  ", Span(f"jobdeck approvals show {short_id(approval.id)}", Tone.STRONG))


def _below(branch: Branch, name: str, now: datetime, indent: str) -> Iterator[Twig]:
    for child in branch.children.get(name, ()):
        run = child.run if isinstance(child, Branch) else child
        what = said(run.reason) or "  ".join(span.text for span in count_spans(run.counts))
        cells = (
            Span(f"{indent}{short_id(run.id)}"),
            Span(_("run")),
            states.run_state(run.state),
            Span(clock_time(run.started_at, now)),
            Span(duration(span_of(run.started_at, run.finished_at, now))),
            Span(what),
        )
        yield Twig(run=run.id, cells=cells)
        if isinstance(child, Branch):
            yield from twigs(child, now, indent + _INDENT)
    if rest := branch.more.get(name, 0):
        text = ngettext("{count} more run", "{count} more runs", rest).format(count=number(rest))
        own = Span(f"{indent}... {text}", Tone.QUIET)
        yield Twig(run=f"{branch.run.id} {name}", cells=(own, *(Span("") for _each in range(5))))


def _what(step: Step, node: Mapping[str, Any], branch: Branch) -> str:
    """Why it ended so, what it waits for while it goes on, how its hosts stand."""
    counts = "  ".join(span.text for span in count_spans(step.counts))
    if step.state in TERMINAL_RUN_STATES:
        return "  ".join(text for text in (counts, said(step.reason)) if text)
    if step.state == RunState.SUSPENDED:
        return _("waits until the run goes on: `jobdeck runs resume RUN`").replace(
            "RUN", short_id(branch.run.id)
        )
    waits = _WAITS.get(str(node.get("kind")))
    return counts if waits is None else waits(step, node, branch)


def _for_people(step: Step, _node: Mapping[str, Any], branch: Branch) -> str:
    for approval in branch.approvals:
        if approval.step == step.step:
            command = f"jobdeck approvals show {short_id(approval.id)}"
            return _("waits for people: {message} (`{command}`)").format(
                message=approval.message, command=command
            )
    return _("waits for people")


def _for_time(step: Step, node: Mapping[str, Any], _branch: Branch) -> str:
    if node.get("event"):
        return _("waits for an event: {condition}").format(condition=node["event"])
    until = step.outputs.get("until")
    if until is None and node.get("for_s") and step.started_at:
        begun = datetime.fromisoformat(step.started_at)
        until = (begun + timedelta(seconds=node["for_s"])).isoformat()
    if until is None:
        return ""
    return _("waits until {time}").format(time=clock_time(until, datetime.fromisoformat(until)))


def _for_runs(step: Step, node: Mapping[str, Any], branch: Branch) -> str:
    runs = branch.children.get(step.step, ())
    count = len(runs) + branch.more.get(step.step, 0)
    items = len(step.outputs.get("items", ())) or node.get("most") or 1
    return _("{count} of {total} runs have begun").format(count=count, total=items)


_WAITS: Mapping[str, Callable[[Step, Mapping[str, Any], Branch], str]] = {
    "approval": _for_people,
    "wait": _for_time,
    "run": _for_runs,
    "for-each": _for_runs,
    "loop": _for_runs,
}
"""Kind of node -> what it waits for while it goes on."""
