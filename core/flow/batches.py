"""The batches of one rolling step: what follows when one of them changes. Pure; part of the machine.

    waiting -> running -> soaking -> checking -> succeeded
       |          |                     |
       +-> stopped+-> failed            +-> failed

One after the other, the next batch starts by itself (`ignore_and_roll`), after a good one
(`pause_on_fail`), or when a person says so (`manual`: the step is `waiting_user` then). Between
batches, while one soaks or is checked, the step is `batch_waiting`. A failed batch under
`pause_on_fail` ends the step as failed: nobody has to sit and wait for it, and a retry goes on
with what failed and what never started. Staggered batches start at their planned times and
concern each other in nothing; the step ends once, when all of them have.

Every batch ends in a terminal state, and exactly then the step is to be ended: `EndStep`.

A person may resolve targets of an ended step that were unknown. Their batches are judged again,
those alone: what was stopped stays so, and a retry goes on with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from core.domain.rolling import Mode, Rolling
from core.domain.run import TERMINAL_BATCH_STATES, BatchState, RunState, transit
from core.errors import IllegalTransition
from core.flow.commands import AnyCommand, CheckBatch, EndStep, StartBatch, WaitForBatch
from core.flow.events import BatchChecked, BatchDue, BatchFinished

_WAITING, _RUNNING = BatchState.WAITING, BatchState.RUNNING
_SOAKING, _CHECKING = BatchState.SOAKING, BatchState.CHECKING
_SUCCEEDED, _FAILED, _STOPPED = BatchState.SUCCEEDED, BatchState.FAILED, BatchState.STOPPED

Commands = tuple[AnyCommand, ...]

_Command = TypeVar("_Command", StartBatch, WaitForBatch, CheckBatch)


@dataclass(frozen=True, slots=True)
class Row:
    """The batches of one attempt of a rolling step, in their order."""

    step: str
    attempt: int
    rolling: Rolling
    states: tuple[BatchState, ...]
    is_withheld: bool = False
    """No batch follows another: the run gives way to another one."""

    @property
    def step_state(self) -> RunState:
        """What the step is while its batches are as they are."""
        if _RUNNING in self.states or self._has_ended:
            return RunState.RUNNING
        between = _SOAKING in self.states or _CHECKING in self.states
        if between or self.rolling.mode is not Mode.MANUAL:
            return RunState.BATCH_WAITING
        return RunState.WAITING_USER

    @property
    def _has_ended(self) -> bool:
        return all(state in TERMINAL_BATCH_STATES for state in self.states)

    @property
    def _is_staggered(self) -> bool:
        return self.rolling.stagger is not None

    def begin(self) -> tuple[Row, Commands]:
        """The first batch starts; staggered ones wait for their times."""
        row, commands = self._start(0)
        if self._is_staggered:
            commands += tuple(
                self._about(batch, WaitForBatch) for batch in range(1, len(self.states))
            )
        return row, commands

    def advance(self, event: BatchFinished | BatchDue | BatchChecked) -> tuple[Row, Commands]:
        """The batches after `event`, and what is to be done."""
        match event:
            case BatchFinished():
                return self._finished(event)
            case BatchDue():
                return self._due(event)
            case BatchChecked():
                return self._checked(event)

    def _finished(self, event: BatchFinished) -> tuple[Row, Commands]:
        """Every target of a batch has ended."""
        self._expect(event.batch, _RUNNING)
        if not event.good:
            return self._end(event.batch, _FAILED, is_over=event.over)
        if not event.ran:
            return self._end(event.batch, _SUCCEEDED, goes_on=True)
        is_last = event.batch == len(self.states) - 1 or _STOPPED in self.states
        if self.rolling.soak_s and not (is_last and self.rolling.health is None):
            return self._with(event.batch, _SOAKING), (self._about(event.batch, WaitForBatch),)
        return self._soaked(event.batch)

    def _due(self, event: BatchDue) -> tuple[Row, Commands]:
        """A planned time has come, or a soak is over."""
        if self._is_staggered:
            self._expect(event.batch, _WAITING)
            return self._start(event.batch)
        self._expect(event.batch, _SOAKING)
        return self._soaked(event.batch)

    def _checked(self, event: BatchChecked) -> tuple[Row, Commands]:
        """The health check of a batch has ended."""
        self._expect(event.batch, _CHECKING)
        return self._end(event.batch, _SUCCEEDED if event.good else _FAILED)

    def continued(self) -> tuple[Row, Commands]:
        """A person lets the next batch start."""
        if self.step_state is not RunState.WAITING_USER:
            raise IllegalTransition(f"step {self.step} waits for nobody to continue")
        return self._start(self.states.index(_WAITING))

    def looked(self, batches: Sequence[int]) -> tuple[Row, Commands]:
        """Targets of ended batches are asked again how it went."""
        row = self
        for batch in batches:
            row = row._with(batch, _RUNNING)
        return row, tuple(self._about(batch, StartBatch) for batch in batches)

    def resolved(self, good: Sequence[int]) -> Row:
        """Batches that had failed are good, by what a person said of their targets."""
        row = self
        for batch in good:
            row = row._with(batch, _SUCCEEDED)
        return row

    @property
    def is_between(self) -> bool:
        """Whether one batch has ended, with all that belongs to it, and another is still to start."""
        going = {_RUNNING, _SOAKING, _CHECKING} & set(self.states)
        return not going and _WAITING in self.states and not self._is_staggered

    def let_go_on(self) -> tuple[Row, Commands]:
        """The batch starts that was withheld. In manual mode a person is asked once more."""
        if not self.is_between or self.rolling.mode is Mode.MANUAL:
            return self, ()
        return self._start(self.states.index(_WAITING))

    def stopped(self) -> Row:
        """The step has ended: what had not, is stopped."""
        return replace(
            self,
            states=tuple(s if s in TERMINAL_BATCH_STATES else _STOPPED for s in self.states),
        )

    def owed(self) -> Commands:
        """What a restarted engine takes up again."""
        if self._has_ended:
            return (EndStep(step=self.step, attempt=self.attempt),)
        commands: list[AnyCommand] = []
        for batch, state in enumerate(self.states):
            if state is _RUNNING:
                commands.append(self._about(batch, StartBatch))
            elif state is _CHECKING:
                commands.append(self._about(batch, CheckBatch))
            elif state is _SOAKING or (state is _WAITING and self._is_staggered):
                commands.append(self._about(batch, WaitForBatch))
        return tuple(commands)

    def _about(self, batch: int, command: type[_Command]) -> _Command:
        return command(step=self.step, attempt=self.attempt, batch=batch)

    def _start(self, batch: int) -> tuple[Row, Commands]:
        return self._with(batch, _RUNNING), (self._about(batch, StartBatch),)

    def _soaked(self, batch: int) -> tuple[Row, Commands]:
        if self.rolling.health is None:
            return self._end(batch, _SUCCEEDED)
        return self._with(batch, _CHECKING), (self._about(batch, CheckBatch),)

    def _end(
        self, batch: int, state: BatchState, *, is_over: bool = False, goes_on: bool = False
    ) -> tuple[Row, Commands]:
        """A batch is done with. `goes_on`: nothing ran, so nobody is asked about it."""
        row = self._with(batch, state)
        mode = self.rolling.mode
        ends_step = state is _FAILED and mode is Mode.PAUSE_ON_FAIL and not self._is_staggered
        if is_over or ends_step:
            row = replace(row, states=tuple(_STOPPED if s is _WAITING else s for s in row.states))
        if row._has_ended:
            return row, (EndStep(step=self.step, attempt=self.attempt),)
        is_asked = mode is Mode.MANUAL and not goes_on
        if self._is_staggered or is_over or is_asked or _WAITING not in row.states:
            return row, ()
        if self.is_withheld:
            return row, ()
        return row._start(batch + 1)

    def _with(self, batch: int, state: BatchState) -> Row:
        changed = transit(f"batch {batch + 1} of step {self.step}", self.states[batch], state)
        return replace(self, states=(*self.states[:batch], changed, *self.states[batch + 1 :]))

    def _expect(self, batch: int, state: BatchState) -> None:
        if not 0 <= batch < len(self.states) or self.states[batch] is not state:
            raise IllegalTransition(f"batch {batch + 1} of step {self.step} is not {state}")
