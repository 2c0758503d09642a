"""What is kept no longer: the plan is what is removed, and what lives or is noted stays."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from core.clock import ManualClock
from core.ids import SequentialIds
from core.storage import retention, tables
from core.storage.chunks import CHUNK_BYTES
from core.storage.retention import Plan, Rules
from core.storage.store import Store
from core.storage.writer import Transaction, timestamp
from tests.support.outputs import add_run, piece, put, write

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
EVERYTHING = Rules(runs_age=timedelta(0), keep_noted=False)


def id_of(days_ago: int) -> str:
    return f"{1000 - days_ago:026}"


def run_of(store: Store, days_ago: int, *, printed: int = 100, **fields: object) -> str:
    """A run that ended so many days ago, on one host."""
    run_id = id_of(days_ago)
    ended = timestamp(NOW - days_ago * DAY)
    (target,) = add_run(store, run_id, ["web0"], **{"finished_at": ended, **fields})
    if printed:
        # No more than 511 bytes are stored as they are, so sizes are known.
        put(store, run_id, target, [piece(b"x" * printed)])
    return run_id


def planned(store: Store, rules: Rules) -> Plan:
    return store.reader.read_now(lambda c: retention.plan(c, rules, NOW))


def carry_out(store: Store, plan: Plan, rows: int = 3) -> int:
    """Remove in slices; how many writes that took."""
    writes = 0
    for doomed, record in ((plan.outputs, False), (plan.runs, True)):
        left = list(doomed)
        while left:

            def one(tx: Transaction, some: list[str] = left, whole: bool = record) -> int:
                return retention.remove(tx, some, rows, record=whole)

            del left[: write(store, one)]
            writes += 1
    return writes


def ids(store: Store, column: object) -> list[str]:
    return list(
        store.reader.read_now(lambda c: c.execute(select(column).distinct()).scalars().all())  # type: ignore[call-overload]
    )


def test_no_rule_removes_nothing(store: Store) -> None:
    run_of(store, 900)
    plan = planned(store, Rules())
    assert (plan.runs, plan.outputs, plan.size_bytes) == ((), (), 0)


def test_runs_go_by_age_and_by_count(store: Store) -> None:
    made = [run_of(store, days) for days in (9, 7, 5, 3, 1)]
    assert planned(store, Rules(runs_age=6 * DAY)).runs == tuple(made[:2])
    assert planned(store, Rules(runs_count=2)).runs == tuple(made[:3])
    assert planned(store, Rules(runs_age=6 * DAY)).size_bytes == 200


def test_output_goes_by_age_and_by_size_and_the_record_stays(store: Store) -> None:
    made = [run_of(store, days) for days in (9, 7, 5)]
    plan = planned(store, Rules(output_age=6 * DAY))
    assert (plan.runs, plan.outputs, plan.size_bytes) == ((), tuple(made[:2]), 200)
    assert planned(store, Rules(output_bytes=250)).outputs == (made[0],)
    assert planned(store, Rules(output_bytes=300)).outputs == ()
    carry_out(store, plan)
    assert ids(store, tables.output_chunk.c.run_id) == [made[2]]
    assert sorted(ids(store, tables.run.c.id)) == made
    assert planned(store, Rules(output_age=6 * DAY)).outputs == ()


def test_what_goes_on_stays_and_so_does_what_it_asked_for(store: Store) -> None:
    live = run_of(store, 9, state="running", finished_at=None)
    run_of(store, 7, parent=live)
    plan = planned(store, EVERYTHING)
    assert (plan.runs, plan.outputs) == ((), ())


def test_runs_with_a_note_stay_unless_the_rules_say_otherwise(store: Store) -> None:
    noted, other = run_of(store, 9), run_of(store, 8)
    note = {"run_id": noted, "at": timestamp(NOW), "actor": "me", "text": "ticket 123"}
    write(store, lambda tx: tx.connection.execute(insert(tables.run_note), note))
    rules = Rules(runs_age=DAY, output_age=DAY)
    assert planned(store, rules).runs == (other,)
    assert planned(store, rules).outputs == ()
    assert planned(store, Rules(runs_age=DAY, keep_noted=False)).runs == (noted, other)


def test_a_run_that_lives_again_since_the_plan_is_left_alone(store: Store) -> None:
    run_id = run_of(store, 9)
    plan = planned(store, EVERYTHING)
    again = update(tables.run).values(state="running")
    write(store, lambda tx: tx.connection.execute(again))
    carry_out(store, plan)
    assert ids(store, tables.run.c.id) == [run_id]
    assert ids(store, tables.output_chunk.c.run_id) == [run_id]


def test_a_digest_stands_for_what_goes(store: Store) -> None:
    run_of(store, 9)
    first = planned(store, EVERYTHING)
    assert planned(store, EVERYTHING) == first
    run_of(store, 8)
    assert planned(store, EVERYTHING).digest != first.digest


def test_a_large_run_goes_in_slices_with_all_that_belongs_to_it(store: Store) -> None:
    run_id = run_of(store, 9, printed=CHUNK_BYTES * 10)
    kept = run_of(store, 1)
    event = {"run_id": run_id, "at": "", "actor": "me", "event": "{}"}
    rows = [{**event, "seq": seq} for seq in range(1, 8)]
    write(store, lambda tx: tx.connection.execute(insert(tables.run_event), rows))
    plan = planned(store, Rules(runs_age=DAY * 2))
    assert carry_out(store, plan, rows=3) > 5
    for table in (tables.run, tables.target_run, tables.output_chunk, tables.run_event):
        column = table.c.id if table is tables.run else table.c.run_id
        assert set(ids(store, column)) <= {kept}, table.name


def test_the_room_is_given_back_to_the_disk(store: Store) -> None:
    run_id = id_of(9)
    (target,) = add_run(store, run_id, ["web0"], finished_at=timestamp(NOW - 9 * DAY))
    put(store, run_id, target, [piece(os.urandom(8_000_000))])

    def pages() -> int:
        return int(
            store.reader.read_now(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar_one())
        )

    before = pages()
    carry_out(store, planned(store, EVERYTHING), rows=100)
    slices = 1
    while write(store, retention.give_back):
        slices += 1
    assert slices > 1
    assert pages() < before / 10


@settings(max_examples=30)
@given(
    history=st.lists(
        st.tuples(
            st.sampled_from(["succeeded", "failed", "running"]),
            st.booleans(),
            st.integers(0, 3),
        ),
        max_size=8,
    ),
    rules=st.builds(
        Rules,
        runs_age=st.one_of(st.none(), st.integers(0, 8).map(lambda n: n * DAY)),
        runs_count=st.one_of(st.none(), st.integers(1, 5)),
        output_age=st.one_of(st.none(), st.integers(0, 8).map(lambda n: n * DAY)),
        output_bytes=st.one_of(st.none(), st.integers(0, 500)),
        keep_noted=st.booleans(),
    ),
)
def test_what_was_planned_is_what_is_gone(
    history: Sequence[tuple[str, bool, int]], rules: Rules
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder), ManualClock(), SequentialIds())
        try:
            _the_plan_is_carried_out(store, history, rules)
        finally:
            store.close()


def _the_plan_is_carried_out(
    store: Store, history: Sequence[tuple[str, bool, int]], rules: Rules
) -> None:
    stay, printed = set(), set()
    for number, (state, noted, size) in enumerate(history):
        days = len(history) - number
        ended = None if state == "running" else timestamp(NOW - days * DAY)
        run_id = run_of(store, days, printed=size * 100, state=state, finished_at=ended)
        if size:
            printed.add(run_id)
        if noted:
            note = {"run_id": run_id, "at": "", "actor": "me", "text": "x"}
            write(store, lambda tx, n=note: tx.connection.execute(insert(tables.run_note), n))  # type: ignore[misc]
        if state == "running" or (noted and rules.keep_noted):
            stay.add(run_id)
    every = set(ids(store, tables.run.c.id))
    plan = planned(store, rules)
    assert not stay & {*plan.runs, *plan.outputs}
    carry_out(store, plan)
    assert set(ids(store, tables.run.c.id)) == every - set(plan.runs)
    left = printed - {*plan.runs, *plan.outputs}
    assert set(ids(store, tables.output_chunk.c.run_id)) == left
    again = planned(store, rules)
    assert (again.runs, again.outputs) == ((), ())
    assert store.reader.read_now(
        lambda c: c.execute(select(func.count()).select_from(tables.target_run)).scalar_one()
    ) == len(every) - len(plan.runs)
