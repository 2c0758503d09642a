"""Following a run to its end, and leaving it alone when asked to.

The run belongs to the engine: whatever happens here, it goes on. Ctrl-C asks
what is meant; a second one, or one that nobody can be asked about, leaves. An engine that
goes away is waited for; what was asked of the run meanwhile is never sent twice.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Self

import msgspec

from console.answers import Event, Lost, RunDetail
from console.cli.asking import ask
from console.cli.exit_codes import ExitCode, of_run
from console.cli.feed import RunFeed, Sign
from console.cli.liveline import LiveLine
from console.cli.printing import err, out
from console.cli.returning import EngineReturn
from console.cli.settings import may_ask
from console.cli.views import (
    FailuresView,
    GroupsView,
    PerHostView,
    StreamView,
    View,
    failed_targets,
)
from console.client import Client
from console.i18n import _
from console.outputlines import piece_bytes
from console.presenters import results, states
from console.presenters.nodes import asked_lines, is_flow, node_line
from console.presenters.progress import Meter, ended, progress_line
from console.presenters.run import latest_steps
from console.presenters.tally import Tally
from console.presenters.text import Line, Span, Tone
from console.sentences import said
from core.clock import Clock, SystemClock
from core.domain.run import TERMINAL_RUN_STATES, RunAction, RunState
from core.errors import Conflict, EngineUnreachable, IllegalTransition

GROUPS, PER_HOST, STREAM, QUIET, JSON = "groups", "per-host", "stream", "quiet", "json"

VIEWS: Mapping[str, type[View]] = {
    GROUPS: GroupsView,
    PER_HOST: PerHostView,
    STREAM: StreamView,
    QUIET: FailuresView,
    JSON: View,
}
_TICK_S = 0.1
_LOST_LINES_S = 2.0
"""Between two looks at lost lines, the one thing that no entry of the journal tells."""


class Watch:
    """One run that is followed: its newest state, its progress, its view."""

    def __init__(
        self,
        client: Client,
        run: RunDetail,
        kind: str,
        *,
        outputs: bool = False,
        earlier: Mapping[str, int] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`earlier`: step -> its attempts so far, nothing of which is shown as it comes by again."""
        client = client.patient(None)  # one that was stopped on purpose is waited for, not started
        self._client = client.patient(self._until_back)
        self.run = run
        self._kind = kind
        self._outputs = outputs
        self._earlier = earlier or {}
        self._clock = clock or SystemClock()
        self._began_s = self._clock.monotonic()
        ended = [step.finished_at for step in run.steps if step.finished_at]
        self._begun_at = max(ended, default="")
        """Nodes that had ended by then are not told again."""
        self._screen = err()
        self._line = LiveLine(self._screen, self._clock)
        self._meter = Meter()
        self._tally = Tally()
        self._lost = Lost()
        self._next_look_s = self._began_s + _LOST_LINES_S
        self._view = VIEWS[kind](self._client, run, out())
        self._leaves = False
        """Whether the person at this terminal left the run waiting."""
        self._output_ended = not self._view.follows_output
        self._feed = RunFeed(client, run.id, output=self._view.follows_output)
        hint = f"jobdeck runs watch {results.short_id(run.id)}"
        self._return = EngineReturn(client, self._feed, hint, self._clock)
        self._interrupts = Interrupts()

    def to_the_end(self) -> ExitCode:
        """Follow until the run has ended or somebody leaves; the exit code that fits."""
        try:
            with self._interrupts as interrupts:
                while self._goes_on:
                    self._tick()
                    if self._leaves:
                        self._line.clear()
                        say_detached(self.run.id)
                        return ExitCode.OK
                    if interrupts.take() and (left := self._interrupted(interrupts)) is not None:
                        return left
        except KeyboardInterrupt:
            self._line.clear()
            self._screen.print("")
            say_detached(self.run.id)
            return ExitCode.INTERRUPTED
        finally:
            self._feed.close()
        self._line.clear()
        self._view.end(self.run)
        self._report()
        return of_run(self.run.state)

    @property
    def _goes_on(self) -> bool:
        return self.run.state not in TERMINAL_RUN_STATES or not self._output_ended

    def _tick(self) -> None:
        for item in self._feed.take(_TICK_S):
            if self._view.prints_live:
                self._line.clear()
            if item is Sign.OUTPUT_ENDED:
                self._output_ended = True
            elif item is Sign.ENGINE_AWAY:
                if self._goes_on:
                    self._wait_for_engine()
            elif isinstance(item, Event):
                self._take(item)
            elif self._is_new(item.step, item.attempt):
                self._view.output(item)
        if self._view.prints_live:
            out().flush()
        self._look_at_lines()
        self._show(self._progress())

    def _show(self, line: Line) -> None:
        if self._kind not in (QUIET, JSON):
            self._line.show(line)

    def _look_at_lines(self) -> None:
        now_s = self._clock.monotonic()
        if now_s >= self._next_look_s and self._goes_on and self._kind not in (QUIET, JSON):
            self._lost = self._client.lost_lines(self.run.id)
            self._next_look_s = now_s + _LOST_LINES_S

    def _until_back(self, _gone: EngineUnreachable) -> None:
        self._wait_for_engine()

    def _wait_for_engine(self) -> None:
        """Return when an engine answers; Ctrl-C leaves, as nobody can be asked for a stop."""

        def meanwhile() -> None:
            if self._interrupts.take():
                raise KeyboardInterrupt
            self._show((Span(_("the engine is away; coming back ..."), Tone.QUIET),))

        self._line.clear()  # so that the next one is shown at once
        self._return.wait(meanwhile)
        self._line.clear()

    def _take(self, event: Event) -> None:
        self._tally.note(event.type, event.data)
        if self._is_new(event.data.get("step", ""), event.data.get("attempt", 1)):
            self._view.event(event)
            self._tell_node(event)
        state = event.data.get("state") if event.type == "run.state" else None
        if state in TERMINAL_RUN_STATES:
            self.run = self._client.run(self.run.id)
        elif state == RunState.WAITING_USER:
            self._asked(str(event.data.get("reason", "")))

    def _tell_node(self, event: Event) -> None:
        """A node of a flow that has ended; of a job the view says it at the end."""
        if event.type == "run.step" and is_flow(self.run) and self._kind not in (QUIET, JSON):
            data = event.data
            if data["state"] in TERMINAL_RUN_STATES and event.at > self._begun_at:
                self._line.clear()
                out().flush()
                self._screen.lines([node_line(data["step"], data["state"], data.get("reason", ""))])

    def _is_new(self, step: str, attempt: int) -> bool:
        return attempt > self._earlier.get(step, 0)

    def _asked(self, reason: str) -> None:
        """The run waits for a person: the one at this terminal, or whoever reads this."""
        self.run = self._client.run(self.run.id)
        if self.run.state != RunState.WAITING_USER or self._kind == JSON:
            return  # an entry from before; somebody has answered since
        self._line.clear()
        if reason:
            self._screen.print(Span(reason, Tone.STRONG))
        if is_flow(self.run):
            approvals = self._client.approvals({"run": self.run.id, "state": "open"}, limit=20)
            self._screen.lines(asked_lines(approvals))
        if RunAction.CONTINUE not in self.run.actions:
            return  # others are asked; it is followed until they have decided
        if not may_ask():
            command = f"jobdeck runs continue {results.short_id(self.run.id)}"
            self._screen.print("  ", Span(command, Tone.STRONG))
            return
        answer = ask(_("n)ext batch, s)top the run, or Enter to leave it waiting?")).lower()
        if answer.startswith("n"):
            self._continue(reason)
        elif answer.startswith("s"):
            self._stop()
        else:
            self._leaves = True

    def _progress(self) -> Line:
        tally, now_s = self._tally, self._clock.monotonic()
        self._meter.feed(now_s, ended(tally.counts))
        count = len(self.run.definition.get("steps", ()))
        step = f"{tally.steps_begun}/{count} {tally.step}" if count > 1 and tally.step else ""
        number, batches = tally.batch
        if batches:
            word = _("batch {number}/{count}").format(number=number, count=batches)
            step = f"{step}  {word}" if step else word
        total = tally.total or self.run.target_count
        elapsed_s = now_s - self._began_s
        return progress_line(
            tally.counts, total, self._meter, step=step, elapsed_s=elapsed_s, lost=self._lost
        )

    def _report(self) -> None:
        if self._kind == JSON:
            out().json(as_json(self._client, self.run, outputs=self._outputs))
            return
        failed = results.failures(failed_targets(self._client, self.run))
        if self._kind == QUIET and not failed:
            return
        out().flush()
        self._screen.print(*results.summary(self.run, self._clock.now()))
        self._screen.lines(results.direct_lines(self.run))
        if self.run.batches and self.run.reason:
            self._screen.print("  ", said(self.run.reason))  # hosts do not say which batch ended it
        self._screen.lines(results.next_steps(self.run, failed))

    def _interrupted(self, interrupts: Interrupts) -> ExitCode | None:
        """What Ctrl-C meant: an exit code to leave with, or None to go on following."""
        self._line.clear()
        if not may_ask():
            say_detached(self.run.id)
            return ExitCode.INTERRUPTED
        question = _("The run goes on by itself: d)etach, s)top the run, or Enter to go on?")
        self._screen.print("")
        with interrupts.let_through():
            answer = ask(question).lower()
        if answer.startswith("d"):
            say_detached(self.run.id)
            return ExitCode.OK
        if answer.startswith(("s", "c")):
            self._stop()
        return None

    def _continue(self, reason: str) -> None:
        with suppress(Conflict):  # somebody else was faster
            if not self._act("continue"):
                self._asked(reason)  # it may wait still

    def _stop(self) -> None:
        with suppress(IllegalTransition):  # it ended while we asked
            if self._act("stop"):
                self._screen.print(_("stopping: what runs on hosts is being ended"))
        self.run = self._client.run(self.run.id)

    def _act(self, action: str) -> bool:
        """Ask something of the run, once; False when it is not known whether it arrived."""
        try:
            self._client.act(self.run.id, action)
        except EngineUnreachable:
            self.run = self._client.run(self.run.id)
            doubt = _("the engine went away: it is not known whether `{action}` arrived")
            self._screen.print(Span(doubt.format(action=action), Tone.WARNING))
            self._screen.print("  ", _("the run is now:"), " ", states.run_state(self.run.state))
            return False
        return True


class Interrupts:
    """Ctrl-C as something to look at between two steps; the second in a row breaks in."""

    def __init__(self) -> None:
        self._pending = False
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def take(self) -> bool:
        """Whether Ctrl-C was pressed since the last time."""
        pending, self._pending = self._pending, False
        return pending

    @contextmanager
    def let_through(self) -> Iterator[None]:
        """Ctrl-C raises KeyboardInterrupt at once, as where a person is asked something."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, self._note)

    def _note(self, *_: object) -> None:
        if self._pending:
            raise KeyboardInterrupt
        self._pending = True


def say_detached(run_id: str) -> None:
    """Where to find a run that goes on without us."""
    screen = err()
    screen.print(_("the run goes on without this terminal; come back with:"))
    screen.print("  ", Span(f"jobdeck runs watch {results.short_id(run_id)}", Tone.STRONG))


def as_json(client: Client, run: RunDetail, *, outputs: bool) -> dict[str, Any]:
    """Everything about an ended run; `outputs` adds what each target printed."""
    groups, targets = [], []
    for step in latest_steps(run):
        place = {"step": step.step, "attempt": step.attempt}
        groups.append(msgspec.to_builtins(client.groups(run.id, place)))
        for target in client.targets(run.id, place):
            item = msgspec.to_builtins(target)
            if outputs:
                pieces = client.output(run.id, {**place, "ordinal": target.ordinal})
                item["output"] = b"".join(map(piece_bytes, pieces)).decode(errors="replace")
            targets.append(item)
    return {"run": msgspec.to_builtins(run), "groups": groups, "targets": targets}
