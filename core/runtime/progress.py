"""What a run has come to: numbers, values, and what expressions see of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from core.clock import Clock
from core.domain import expressions
from core.domain.flow import Control
from core.domain.run import (
    GOOD_TARGET_STATES,
    LIVE_TARGET_STATES,
    NEVER_STARTED,
    RunState,
    TargetState,
)
from core.domain.steps import StepBase
from core.errors import Invalid
from core.flow.definition import RunDefinition, Which
from core.flow.machine import FlowState
from core.flow.works import nearest_steps
from core.storage import runs
from core.storage.database import Reader
from core.storage.runs import StepRow, TargetFilter, TargetRow


class Progress:
    """Numbers and values of one run so far, by node."""

    def __init__(
        self, run_id: str, definition: RunDefinition, reader: Reader, clock: Clock
    ) -> None:
        self._run_id = run_id
        self._clock = clock
        self._definition = definition
        self._reader = reader
        self.counts: dict[str, Counter[TargetState]] = {}
        """Step -> its targets in each state, in its newest attempt."""
        self.outputs: dict[str, Any] = {}
        """What later steps get as variables: of all nodes, the later ones over the earlier."""
        self.by_node: dict[str, Mapping[str, Any]] = {}
        self.host_outputs: dict[str, dict[str, Any]] = {}
        """Host -> values that only it sees."""

    async def remember(self, row: StepRow) -> None:
        """Learn what a stored attempt came to."""
        self.learn(row.step, row.outputs)
        node = self._definition.graph.node(row.step)
        if isinstance(node, StepBase):
            self.counts[row.step] = Counter(
                {TargetState(state): count for state, count in row.counts.items()}
            )
            await self.remember_host_outputs(node, row.attempt)

    def learn(self, name: str, outputs: Mapping[str, Any]) -> None:
        """Keep what a node has set."""
        self.by_node[name] = outputs
        node = self._definition.graph.node(name)
        if not isinstance(node, Control) or node.shares_outputs:
            self.outputs.update(outputs)

    async def remember_host_outputs(self, step: StepBase, attempt: int) -> None:
        if not step.host_outputs:
            return
        for row in await self._targets(step.name, attempt):
            own = {name: row.outputs[name] for name in step.host_outputs if name in row.outputs}
            self.host_outputs.setdefault(row.host, {}).update(own)

    async def taking_part(self, name: str) -> tuple[int, ...]:
        """Ordinals of the targets of a step, in order; earlier steps say them, where they do."""
        own = self._definition.step_hosts[name]
        narrowed = self._definition.narrowed.get(name)
        if narrowed is None:
            return own
        found: set[int] = set()
        for step in narrowed.steps:
            found |= {
                row.ordinal
                for row in await self._targets(step)
                if _is_meant(row.state, narrowed.which)
            }
        return tuple(ordinal for ordinal in own if ordinal in found)

    def nobody_is_meant(self, step: StepBase) -> str:
        """Why a step that earlier ones left without a target has failed; "" where it has not.

        Where nobody's work began, nothing is to be undone; a step that had no target when the run
        started was allowed to have none.
        """
        name = step.name
        narrowed = self._definition.narrowed.get(name)
        if narrowed is None or narrowed.which is Which.STARTED or step.allow_empty:
            return ""
        before = ", ".join(narrowed.steps)
        said = f"no host of {before} is meant by {narrowed.which}"
        return said if self._definition.step_hosts[name] else ""

    async def _targets(self, step: str, attempt: int = 0) -> list[TargetRow]:
        """The targets of a step's attempt; 0 is its newest one."""
        where = TargetFilter(step=step, attempt=attempt)
        rows = await self._reader.read(lambda c: runs.targets_of(c, self._run_id, where))
        newest = max((row.attempt for row in rows), default=0)
        return [row for row in rows if row.attempt == newest]

    async def holding(
        self, state: FlowState, name: str, ends: RunState | None = None
    ) -> tuple[int, ...]:
        """Indices of the edges out of a node whose condition holds. Invalid names one that cannot tell.

        `ends`: the state in which the node is about to end.
        """
        graph = self._definition.graph
        asked = [
            (index, condition)
            for index in graph.out[name]
            if (condition := graph.edges[index].condition) is not None
        ]
        if not asked:
            return ()
        parsed = {index: expressions.parse(text) for index, text in asked}
        names = frozenset(name for each in parsed.values() for name in each.names)
        try:
            scope = await self.scope(state, names, name, ends)
        except expressions.NotAValue as odd:
            raise Invalid(f"a value cannot be used in an expression: {odd}") from odd
        held = []
        for index, expression in parsed.items():
            try:
                if expression.holds(scope):
                    held.append(index)
            except expressions.ExpressionFault as fault:
                raise Invalid(f"edge {graph.edges[index]}: {fault}") from fault
        return tuple(held)

    async def scope(
        self,
        state: FlowState,
        names: Collection[str],
        at: str,
        ends: RunState | None = None,
    ) -> dict[str, expressions.Value]:
        """What an expression at node `at` sees, as far as it asks for it by `names`."""
        paths = [name.split(".") for name in names]
        roots = {path[0] for path in paths}
        scope: dict[str, Any] = {}
        # What nobody asks for is not made: a flow may have thousands of nodes, and each may ask.
        if "params" in roots:
            scope["params"] = self._definition.parameters
        if "run" in roots:
            scope["run"] = {"id": self._run_id, "title": self._definition.title}
        if "now" in roots:
            scope["now"] = self._clock.now()
        if "vars" in roots:
            scope["vars"] = {**self._definition.env, **self.outputs}
        if "nodes" in roots:
            scope["nodes"] = await self._nodes(state, paths, at, ends)
        if "hosts" in roots:
            own = self._definition.graph.node(at)
            steps = [at] if isinstance(own, StepBase) else nearest_steps(self._definition.graph, at)
            scope["hosts"] = await self._hosts([name for name in steps if name in state.steps])
        return {name: expressions.as_value(value) for name, value in scope.items()}

    async def _nodes(
        self,
        state: FlowState,
        paths: Collection[Sequence[str]],
        at: str,
        ends: RunState | None,
    ) -> dict[str, dict[str, Any]]:
        """The nodes that `paths` lead to, as values; all that have begun where one names none."""
        of_nodes = [path for path in paths if path[0] == "nodes"]
        asked: Collection[str] = {path[1] for path in of_nodes if len(path) > 1}
        if any(len(path) == 1 for path in of_nodes):
            asked = state.steps.keys()
        with_hosts = {path[1] for path in of_nodes if len(path) > 2 and path[2] == "hosts"}
        nodes: dict[str, dict[str, Any]] = {}
        for name in asked:
            status = state.steps.get(name)
            if status is None:
                continue
            shown = ends if name == at and ends is not None else status.state
            nodes[name] = {
                "state": shown.value,
                "attempt": status.attempt,
                "outputs": dict(self.by_node.get(name, {})),
                **_numbers(self.counts.get(name, Counter())),
            }
            if name in with_hosts:
                nodes[name]["hosts"] = await self._hosts([name])
        return nodes

    async def _hosts(self, steps: Collection[str]) -> list[dict[str, Any]]:
        """The targets of these steps as values, one map each."""
        return [
            {
                "name": row.host,
                "step": step,
                "state": row.state.value,
                "code": "" if row.code is None else row.code.value,
                "exit_code": row.exit_code,
                "outputs": dict(row.outputs),
            }
            for step in steps
            for row in await self._targets(step)
        ]


def _numbers(counts: Counter[TargetState]) -> dict[str, int]:
    good = sum(counts[state] for state in GOOD_TARGET_STATES)
    total = sum(counts.values())
    return {"total": total, "succeeded": good, "failed": total - good} if total else {}


def _is_meant(state: TargetState, which: Which) -> bool:
    match which:
        case Which.ALL:
            return True
        case Which.SUCCESS:
            return state in GOOD_TARGET_STATES
        case Which.FAIL:
            return state not in GOOD_TARGET_STATES | LIVE_TARGET_STATES
        case Which.STARTED:
            return state not in NEVER_STARTED and state is not TargetState.WAITING
