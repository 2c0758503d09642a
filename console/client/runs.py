"""Runs: starting them, acting on them, looking at them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from console import answers
from console.client import paths
from console.client.calls import MOST_ITEMS, Calls, Query


class RunCalls(Calls):
    """Runs: starting them, acting on them, looking at them."""

    def start(self, request: Mapping[str, Any], key: str) -> answers.RunStarted:
        """Start a run once: the same `key` never starts a second one."""
        headers = {"Idempotency-Key": key}
        done = self._call("POST", "/runs", body=request, headers=headers)
        return self._decode(answers.RunStarted, done)

    def preview(self, request: Mapping[str, Any]) -> answers.Preview:
        return self._post(answers.Preview, "/runs/preview", request)

    def runs(self, query: Query, *, limit: int) -> list[answers.Run]:
        """The newest `limit` runs that fit, newest first."""
        found: list[answers.Run] = []
        for item in self._all(answers.Run, "/runs", {**query, "limit": min(limit, MOST_ITEMS)}):
            found.append(item)
            if len(found) == limit:
                break
        return found

    def runs_page(self, query: Query, cursor: str | None, limit: int) -> answers.Page[answers.Run]:
        """A part of the list of runs, newest first; `cursor` None begins at the newest."""
        asked = {**query, "cursor": cursor, "limit": limit}
        return self._get(answers.Page[answers.Run], "/runs", asked)

    def run(self, run_id: str) -> answers.RunDetail:
        return self._get(answers.RunDetail, paths.run(run_id))

    def run_definition(self, run_id: str) -> dict[str, Any]:
        return self._get(dict[str, Any], f"{paths.run(run_id)}/definition")

    def run_request(self, run_id: str) -> answers.RunRequest:
        """What the run was asked to do, ready to be asked again."""
        return self._get(answers.RunRequest, f"{paths.run(run_id)}/request")

    def act(self, run_id: str, action: str, **fields: Any) -> answers.Run:
        """Ask something of a run; fields that are empty are left out."""
        return self._post(answers.Run, f"{paths.run(run_id)}/actions", _action(action, fields))

    def preview_action(self, run_id: str, action: str, **fields: Any) -> answers.ActionPreview:
        """What an action would do now; nothing is changed."""
        path = f"{paths.run(run_id)}/actions/preview"
        return self._post(answers.ActionPreview, path, _action(action, fields))

    def operations(self, run_id: str) -> Iterator[answers.Operation]:
        """What people asked of a run since its start, oldest first."""
        return self._all(answers.Operation, f"{paths.run(run_id)}/operations", {})

    def add_note(self, run_id: str, text: str) -> answers.Note:
        return self._post(answers.Note, f"{paths.run(run_id)}/notes", {"text": text})

    def notes(self, run_id: str) -> Iterator[answers.Note]:
        """Notes on a run, oldest first."""
        return self._all(answers.Note, f"{paths.run(run_id)}/notes", {})

    def targets(self, run_id: str, query: Query) -> Iterator[answers.Target]:
        """Targets in the run's order; `query` takes step, attempt, state and host."""
        return self._all(answers.Target, f"{paths.run(run_id)}/targets", query)

    def targets_page(
        self, run_id: str, query: Query, cursor: str | None, limit: int
    ) -> answers.Page[answers.Target]:
        """A part of a run's targets in their order; `query` as `targets` takes it."""
        asked = {**query, "cursor": cursor, "limit": limit}
        return self._get(answers.Page[answers.Target], f"{paths.run(run_id)}/targets", asked)

    def executed(self, run_id: str, query: Query) -> answers.Executed:
        """What was really executed; `query` takes step, attempt and host."""
        return self._get(answers.Executed, f"{paths.run(run_id)}/executed", query)

    def lost_lines(self, run_id: str) -> answers.Lost:
        """Hosts of a live run that are looked for at this moment."""
        return self._get(answers.Lost, f"{paths.run(run_id)}/lost-lines")

    def compare(self, run_id: str, other: str, step: str | None) -> answers.RunComparison:
        """Two runs host by host, and what they were asked to do."""
        query = {"with": other, "step": step}
        return self._get(answers.RunComparison, f"{paths.run(run_id)}/comparison", query)


def _action(action: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in fields.items() if value not in (None, "", {})}
    return {"action": action, **given}
