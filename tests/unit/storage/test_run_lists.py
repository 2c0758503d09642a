"""Lists of runs: what is found, and what is read for it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, event

from core.domain.run import RunState
from core.storage.runs import RunFilter, list_runs
from core.storage.store import Store
from tests.support.outputs import add_run


def found(store: Store, where: RunFilter, **page: object) -> list[str]:
    options = {"before": None, "limit": 100, **page}
    return [row.id for row in store.reader.read_now(lambda c: list_runs(c, where, **options))]


@pytest.fixture
def history(store: Store) -> Sequence[str]:
    """Ids of ten runs, oldest first; every third has failed, and the fourth went to harbours."""
    ids = [f"{number:026}" for number in range(10)]
    for number, run_id in enumerate(ids):
        state = "failed" if number % 3 == 0 else "succeeded"
        summary = f"uptime adhoc main {'Harbour' if number == 3 else f'rack={number}'}"
        add_run(store, run_id, ["web0"], state=state, summary=summary)
    return ids


def test_the_newest_come_first_page_by_page(store: Store, history: Sequence[str]) -> None:
    newest = list(reversed(history))

    assert found(store, RunFilter(), limit=4) == newest[:4]
    assert found(store, RunFilter(), limit=4, before=newest[3]) == newest[4:8]


def test_all_words_and_all_else_that_is_asked_must_fit(
    store: Store, history: Sequence[str]
) -> None:
    failed = (RunState.FAILED,)

    assert found(store, RunFilter(text="harbour up")) == [history[3]]
    assert found(store, RunFilter(text="harbour", states=failed)) == [history[3]]
    assert found(store, RunFilter(text="rack", states=failed, host="web0"), limit=2) == [
        history[9],
        history[6],
    ]
    assert found(store, RunFilter(text="harbour rack")) == []


def test_runs_of_a_run_are_found_and_left_out(store: Store, history: Sequence[str]) -> None:
    child = f"{10:026}"
    add_run(store, child, ["web0"], state="succeeded", summary="check", parent=history[4])

    assert found(store, RunFilter(nested=False)) == list(reversed(history))
    assert found(store, RunFilter(nested=True)) == [child]
    assert found(store, RunFilter(parent=history[4])) == [child]
    assert found(store, RunFilter(parent=history[5])) == []


def plans_of(store: Store, where: RunFilter) -> list[str]:
    """How the database would read a page of a list."""
    plans: list[str] = []

    def explain(connection: Connection) -> None:
        def asked(_c: object, cursor: object, statement: str, values: tuple, *_: object) -> None:
            rows = connection.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.extend(str(row[-1]) for row in rows)

        event.listen(connection, "before_cursor_execute", asked)
        list_runs(connection, where, before=None, limit=100)
        event.remove(connection, "before_cursor_execute", asked)

    store.reader.read_now(explain)
    return plans


def test_a_search_for_words_reads_an_index_and_no_run(store: Store, history: Sequence[str]) -> None:
    scans = [line for line in plans_of(store, RunFilter(text="harbour")) if line.startswith("SCAN")]

    assert scans == ["SCAN run USING COVERING INDEX ix_run_id_summary"]


def test_what_a_run_has_called_is_found_without_a_look_at_others(
    store: Store, history: Sequence[str]
) -> None:
    found = plans_of(store, RunFilter(parent=history[4]))

    assert any("INDEX ix_run_parent_id (parent=?)" in line for line in found), found


def test_runs_are_found_by_an_environment_that_they_touch(store: Store) -> None:
    ids = [f"{number:026}" for number in range(3)]
    for run_id, named in zip(ids, ('["prod"]', '["prod-eu","test"]', "[]"), strict=True):
        add_run(store, run_id, ["web0"], environments=named)

    assert found(store, RunFilter(environment="prod")) == [ids[0]]
    assert found(store, RunFilter(environment="test")) == [ids[1]]
    assert found(store, RunFilter(environment="prod_eu")) == []


def test_some_runs_are_asked_for_by_their_ids(store: Store, history: Sequence[str]) -> None:
    assert found(store, RunFilter(ids=(history[2], history[7], "nowhere"))) == [
        history[7],
        history[2],
    ]
