"""What a run looks like while it goes on: groups at the end, hosts as they end, or lines as they come.

A view is told of events and output, and prints data on stdout. How far the run
is, and how it ended, is the business of `watching`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from console.answers import Event, RunDetail, Step, StreamedPiece, Target
from console.cells import pad, width
from console.cli.printing import Screen
from console.client import Client
from console.i18n import _
from console.outputlines import Lines, output_lines, piece_bytes
from console.presenters import results, states
from console.presenters.durations import size
from console.presenters.nodes import is_flow
from console.presenters.run import latest_steps
from console.presenters.text import Span, Tone
from console.sentences import said
from core.domain.hostrange import expand
from core.domain.run import GOOD_TARGET_STATES, LIVE_TARGET_STATES, TargetState

_PRINTED_STATES = frozenset(
    {
        TargetState.SUCCESS,
        TargetState.LAST_SUCCESS,
        TargetState.FAILED,
        TargetState.TIMED_OUT,
        TargetState.TERMINATED,
    }
)
"""States of targets that ran, and so may have printed something."""
_NAME_CELLS = 24
_STREAM_SIGNS = {"out": "|", "err": "!", "note": "#"}


def failed_targets(client: Client, run: RunDetail) -> list[Target]:
    """Targets of the latest attempts that did not succeed."""
    return [target for step in latest_steps(run) for target in _failed_in(client, run, step)]


def _failed_in(client: Client, run: RunDetail, step: Step) -> list[Target]:
    query = {"step": step.step, "attempt": step.attempt, "state": states.FAILED}
    return list(client.targets(run.id, query))


class View:
    """Shows nothing while the run goes on, and nothing of its output after it."""

    follows_output = False
    prints_live = False

    def __init__(self, client: Client, run: RunDetail, screen: Screen) -> None:
        self._client = client
        self._run = run
        self._screen = screen

    def event(self, event: Event) -> None:
        """A journal entry of the run."""

    def output(self, piece: StreamedPiece) -> None:
        """New output, for views that follow it."""

    def end(self, run: RunDetail) -> None:
        """The run has ended."""


class GroupsView(View):
    """At the end: hosts with the same answer together, successes first, a sample of each."""

    def end(self, run: RunDetail) -> None:
        # Nodes that are no steps have no hosts; how they ended was told when they did.
        steps = [step for step in latest_steps(run) if step.counts or not is_flow(run)]
        for place, step in enumerate(steps):
            if len(run.definition.get("steps", ())) > 1:
                self._heading(step, first=place == 0)
            found = self._client.groups(run.id, {"step": step.step, "attempt": step.attempt})
            for group in reversed(found.groups):
                if group.state not in LIVE_TARGET_STATES:
                    self._screen.lines(results.group_lines(group))

    def _heading(self, step: Step, *, first: bool) -> None:
        if not first:
            self._screen.print("")
        attempt = _("  attempt {number}").format(number=step.attempt) if step.attempt > 1 else ""
        name = Span(_("step {name}").format(name=step.step), Tone.STRONG)
        self._screen.print(name, attempt, "  ", states.run_state(step.state))
        if step.reason and not set(step.counts) - GOOD_TARGET_STATES:
            self._screen.print("    ", said(step.reason))  # no target says why


class FailuresView(View):
    """At the end: only the hosts that did not succeed."""

    def end(self, run: RunDetail) -> None:
        found = results.failures(failed_targets(self._client, run))
        self._screen.lines(results.failure_lines(found))


class PerHostView(View):
    """Each host with all of its output, as soon as it has ended."""

    prints_live = True

    def __init__(self, client: Client, run: RunDetail, screen: Screen) -> None:
        super().__init__(client, run, screen)
        self._names: list[str] = []

    def event(self, event: Event) -> None:
        if event.type != "run.targets":
            return
        for ordinal, state, *_rest in event.data.get("targets", ()):
            if state not in LIVE_TARGET_STATES and state != TargetState.LAST_SUCCESS:
                place = {"step": event.data["step"], "attempt": event.data["attempt"]}
                self._show(ordinal, place)

    def _show(self, ordinal: int, place: Mapping[str, Any]) -> None:
        if not self._names:
            hosts = self._client.run_definition(self._run.id)["hosts"]
            self._names = [host["name"] for host in hosts]
        name = self._names[ordinal]
        target = next(self._client.targets(self._run.id, {**place, "host": name}))
        self._screen.lines(target_lines(target))
        for text in output_lines(self._client, self._run.id, {**place, "ordinal": ordinal}):
            self._screen.print("    ", text)


def target_lines(target: Target) -> Iterator[tuple[Span, ...]]:
    """A host's heading: how it ended, and why."""
    pieces = [
        states.target_state(target.state, target.resolved_by),
        Span("  "),
        Span(target.host, Tone.STRONG),
    ]
    if target.signal:
        pieces.append(Span("  " + _("signal {name}").format(name=target.signal)))
    elif target.exit_code is not None:
        pieces.append(Span("  " + _("exit {code}").format(code=target.exit_code)))
    yield tuple(pieces)
    if target.message and target.state != TargetState.FAILED:
        yield (Span("    "), Span(target.message))
    if target.dropped_bytes:
        note = _("{size} of output over the limit were not kept")
        yield (Span("    "), Span(note.format(size=size(target.dropped_bytes)), Tone.WARNING))


class StreamView(View):
    """Every line as it comes, with the name of its host."""

    follows_output = True
    prints_live = True

    def __init__(self, client: Client, run: RunDetail, screen: Screen) -> None:
        super().__init__(client, run, screen)
        names = expand(str(run.definition.get("hosts", "")))
        self._cells = min(max(map(width, names), default=0), _NAME_CELLS)
        self._begun: dict[tuple[str, str, str], Lines] = {}

    def output(self, piece: StreamedPiece) -> None:
        place = (piece.host, piece.step, piece.stream)
        lines = self._begun.setdefault(place, Lines())
        for text in lines.feed(piece_bytes(piece)):
            self._print(piece.host, piece.stream, text)

    def finish(self) -> None:
        """Show what came after the last line ends."""
        for (host, _step, stream), lines in self._begun.items():
            for text in lines.rest():
                self._print(host, stream, text)

    def end(self, run: RunDetail) -> None:
        self.finish()
        unreached = [t for t in failed_targets(self._client, run) if t.state not in _PRINTED_STATES]
        self._screen.lines(results.failure_lines(results.failures(unreached)))

    def _print(self, host: str, stream: str, text: str) -> None:
        tone = Tone.QUIET if stream == "out" else Tone.WARNING
        sign = _STREAM_SIGNS.get(stream, "|")
        self._screen.print(
            Span(self._moment(), Tone.QUIET), Span(f"{pad(host, self._cells)} {sign} ", tone), text
        )

    def _moment(self) -> str:
        """What stands before the host; nothing, as lines are shown when they come."""
        return ""
