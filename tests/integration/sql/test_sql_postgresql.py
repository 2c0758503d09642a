"""SQL statements on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.protocol import Login, Outcome, OutputLimitReached, Stream
from core.executors.stopping import StopSignal
from tests.support.certificates import Authority
from tests.support.databases import ask
from tests.support.postgres import PASSWORD, Postgres
from tests.support.sshd import free_port
from tests.support.waiting import eventually
from tests.support.work import MemorySink, NarrowSink

pytestmark = pytest.mark.needs("postgres")

EVERY_KIND = {
    "a": 5,
    "b": True,
    "c": None,
    "d": "1.10",
    "e": "AP8=",
    "f": {"k": [1]},
    "g": "2024-02-29",
    "h": "nan",
}
"""Values as JSON has them."""
SLEEPS = "FETCH FORWARD 500 FROM jobdeck_rows"
"""What a statement that only reads is in the middle of."""
APP = Login(user="app", password=PASSWORD)


class Shop:
    """A database, and the steps that go there."""

    def __init__(self, server: Postgres, db: str) -> None:
        self.server = server
        self.db = db

    async def ask(self, text: str, *, login: Login = APP, **more: Any) -> Outcome:
        names = ("env", "sink", "stop", "attempt_id", "rehearse")
        given = {name: more.pop(name) for name in names if name in more}
        place = {"database": "postgresql", "port": self.server.port, "db": self.db}
        return await ask({**place, "text": text, **more}, login=login, **given)

    def at_work(self) -> list[str]:
        return self.server.at_work(self.db)

    def rows(self, text: str = "SELECT id, name FROM goods ORDER BY id") -> list[Any]:
        return self.server.query(self.db, text)


@pytest.fixture
def shop(postgres: Postgres, db: str) -> Shop:
    return Shop(postgres, db)


@pytest.fixture
def own() -> Iterator[Postgres]:
    """A server that a test may end."""
    with Postgres() as server:
        server.query("postgres", "CREATE TABLE goods (id int PRIMARY KEY, name text NOT NULL)")
        server.role("app")
        server.query("postgres", "GRANT ALL ON goods TO app")
        yield server


async def test_rows_are_printed_and_outputs_taken(shop: Shop) -> None:
    sink = MemorySink()
    outcome = await shop.ask(
        "INSERT INTO goods VALUES (1, 'nut'), (2, 'bolt');"
        " SELECT id, name FROM goods ORDER BY id; SELECT count(*) AS number FROM goods",
        capture={"NUMBER": "number"},
        result="csv",
        sink=sink,
    )
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert outcome.outputs_file is not None
    assert json.loads(outcome.outputs_file) == {"NUMBER": 2}
    assert sink.out == b"id,name\r\n1,nut\r\n2,bolt\r\nnumber\r\n2\r\n"
    assert b"statement 1: rows changed: 2" in sink.note


@pytest.mark.parametrize(
    "value",
    [
        "'); DROP TABLE goods; --",
        "\"quoted\" and 'quoted'",
        "100 % %s %(x)s :name \\ \\' $1 $$",
        "多行\n文本",
    ],
)
async def test_a_value_stays_a_value(shop: Shop, value: str) -> None:
    outcome = await shop.ask(
        "INSERT INTO goods VALUES (:id::int, :name); SELECT 1 WHERE 'a%b' LIKE 'a%'",
        parameters={"id": 7, "name": "${VALUE}"},
        env={"VALUE": value},
    )
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert shop.rows() == [(7, value)]


async def test_values_of_every_kind_are_bound(shop: Shop) -> None:
    sink = MemorySink()
    outcome = await shop.ask(
        "SELECT :a::int AS a, :b::bool AS b, :c::text AS c, :d::numeric AS d, '\\x00ff'::bytea AS e,"
        " '{\"k\": [1]}'::jsonb AS f, date '2024-02-29' AS g, 'nan'::float AS h",
        parameters={"a": 5, "b": True, "c": None, "d": "1.10"},
        result="json",
        sink=sink,
    )
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert json.loads(sink.out) == [EVERY_KIND]


async def test_more_changes_than_allowed_are_taken_back(shop: Shop) -> None:
    shop.rows("INSERT INTO goods SELECT n, 'x' FROM generate_series(1, 5) AS n")
    outcome = await shop.ask(
        "DELETE FROM goods WHERE id > :id", parameters={"id": 1}, max_affected=3
    )
    assert (outcome.state, outcome.code) == (TargetState.FAILED, TargetCode.UNEXPECTED_ANSWER)
    assert outcome.message == "4 rows would change, and `max_affected` is 3; nothing took effect"
    assert len(shop.rows()) == 5


@pytest.mark.parametrize(
    ("transaction", "left", "effect"),
    [(True, [], "nothing took effect"), (False, [(1, "nut")], "statements 1 to 1 took effect")],
)
async def test_a_failure_takes_back_the_transaction_and_nothing_else(
    shop: Shop, transaction: bool, left: list[Any], effect: str
) -> None:
    outcome = await shop.ask(
        "INSERT INTO goods VALUES (1, 'nut'); INSERT INTO goods VALUES (1, 'nut')",
        transaction=transaction,
    )
    assert (outcome.state, outcome.code) == (TargetState.FAILED, TargetCode.STATEMENT_FAILED)
    assert outcome.message.startswith("statement 2: duplicate key value")
    assert outcome.message.endswith(effect)
    assert shop.rows() == left


async def test_what_took_effect_before_a_limit_was_passed_is_not_denied(shop: Shop) -> None:
    text = "INSERT INTO goods VALUES (1, 'nut'), (2, 'bolt') RETURNING id"
    outcome = await shop.ask(text, transaction=False, max_rows=1)
    assert outcome.message.endswith("; statements 1 to 1 took effect")
    assert len(shop.rows()) == 2


async def test_output_that_is_too_much_ends_it(shop: Shop) -> None:
    class Full(MemorySink):
        def write(self, stream: Stream, data: bytes) -> bool:
            return False

        async def ready(self) -> None:
            raise OutputLimitReached

    text = "INSERT INTO goods VALUES (1, 'nut') RETURNING id"
    outcome = await shop.ask(text, sink=Full())
    assert (outcome.state, outcome.code) == (TargetState.FAILED, TargetCode.OUTPUT_LIMIT)
    assert outcome.message.endswith("; nothing took effect")
    assert shop.rows() == []


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("INSERT INTO goods VALUES (:id, 'nut'); SELECT name FROM goods", TargetState.SUCCESS),
        ("DELETE FROM goods WHERE id = :id", TargetState.SUCCESS),
        ("DELETE FROM good WHERE id = :id", TargetState.FAILED),
        ("DELETE FROM secrets WHERE x = :id", TargetState.FAILED),
    ],
)
async def test_a_rehearsal_is_told_what_would_fail_and_carries_nothing_out(
    shop: Shop, text: str, state: TargetState
) -> None:
    outcome = await shop.ask(text, parameters={"id": 1}, rehearse=True, max_affected=0)

    assert outcome.state is state, outcome.message
    assert shop.rows() == []


async def test_outside_of_a_transaction_what_forbids_one_runs(shop: Shop) -> None:
    outcome = await shop.ask("VACUUM; SELECT 1 AS one", transaction=False)
    assert outcome.state is TargetState.SUCCESS, outcome.message


async def test_rows_come_piece_by_piece_and_end_at_their_limit(shop: Shop) -> None:
    sink = MemorySink()
    text = "WITH many AS (SELECT generate_series(1, 100000000) AS n) SELECT * FROM many"
    outcome = await shop.ask(text, max_rows=1200, result="csv", sink=sink)
    assert (outcome.state, outcome.code) == (TargetState.FAILED, TargetCode.UNEXPECTED_ANSWER)
    assert "more than 1,200 rows" in outcome.message
    assert sink.out.split()[-1] == b"1200"


async def test_output_waits_for_room(shop: Shop) -> None:
    sink = NarrowSink()
    outcome = await shop.ask("SELECT generate_series(1, 3000)", result="csv", sink=sink)
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert len(sink.out.split()) == 3001
    assert sink.waits > 5


async def test_what_the_database_says_aside_is_shown(shop: Shop) -> None:
    sink = MemorySink()
    outcome = await shop.ask("DO $$ BEGIN RAISE NOTICE 'half way; on'; END $$", sink=sink)
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert sink.err == b"NOTICE:  half way; on\n"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (
            "SELECT 1;\nSELECT *\n  FORM goods WHERE id = :id",
            TargetCode.STATEMENT_FAILED,
            'statement 2, line 2, column 3: syntax error at or near "FORM" (SQLSTATE 42601)',
        ),
        (
            "SELECT :id::int, nothing FROM goods",
            TargetCode.STATEMENT_FAILED,
            "statement 1, line 1, column 18: column",
        ),
        ("SELECT * FROM secrets WHERE x = :id", TargetCode.UNAUTHORIZED, "permission denied"),
        (
            "INSERT INTO goods VALUES (:id, NULL)",
            TargetCode.STATEMENT_FAILED,
            "not-null constraint",
        ),
        ("SELECT :id::int / 0", TargetCode.STATEMENT_FAILED, "division by zero"),
    ],
)
async def test_a_statement_that_is_refused_says_where_and_why(
    shop: Shop, text: str, code: TargetCode, words: str
) -> None:
    outcome = await shop.ask(text, parameters={"id": 1})
    assert (outcome.state, outcome.code) == (TargetState.FAILED, code), outcome.message
    assert words in outcome.message


async def test_a_deadlock_is_tried_again(shop: Shop) -> None:
    shop.rows("INSERT INTO goods VALUES (1, 'a'), (2, 'b')")
    sink = MemorySink()
    with shop.server.connect(shop.db) as other:
        other.execute("BEGIN; UPDATE goods SET name = 'other' WHERE id = 2")
        asking = asyncio.ensure_future(
            shop.ask(
                "SET LOCAL deadlock_timeout = '10s'; UPDATE goods SET name = 'mine' WHERE id = 1;"
                " SELECT name FROM goods WHERE id = 2 FOR UPDATE",
                login=Login(user="owner"),
                sink=sink,
            )
        )
        await eventually(lambda: any("FOR UPDATE" in each for each in shop.at_work()))
        # Whose patience ends first is the victim: theirs waits a second, ours ten.
        with pytest.raises(Exception, match="deadlock"):
            await asyncio.to_thread(other.execute, "UPDATE goods SET name = 'other' WHERE id = 1")
        other.execute("ROLLBACK")
        outcome = await asking
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert shop.rows() == [(1, "mine"), (2, "b")]


async def test_a_conflict_takes_nothing_and_comes_again(shop: Shop) -> None:
    shop.rows("INSERT INTO goods VALUES (1, 'a')")
    sink = MemorySink()
    with shop.server.connect(shop.db) as other:
        other.execute("BEGIN; UPDATE goods SET name = 'other' WHERE id = 1")
        asking = asyncio.ensure_future(
            shop.ask(
                "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM goods;"
                " UPDATE goods SET name = name || '+mine' WHERE id = 1",
                sink=sink,
            )
        )
        await eventually(lambda: any("+mine" in each for each in shop.at_work()))
        other.execute("COMMIT")
        outcome = await asking
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert b"could not serialize access" in sink.note
    assert b"trying again" in sink.note
    assert shop.rows() == [(1, "other+mine")]


# ---------------------------------------------------------------------- ending what runs


async def test_a_stop_ends_the_query_in_the_database(shop: Shop) -> None:
    stop = StopSignal()
    text = "INSERT INTO goods VALUES (1, 'nut'); SELECT pg_sleep(3600)"
    asking = asyncio.ensure_future(shop.ask(text, stop=stop))
    await eventually(lambda: SLEEPS in shop.at_work())
    stop.set()
    outcome = await asking
    assert (outcome.state, outcome.code) == (TargetState.TERMINATED, TargetCode.CANCELLED)
    assert outcome.message == "cancelled; nothing took effect"
    assert shop.at_work() == []
    assert shop.rows() == []


async def test_a_step_that_takes_too_long_is_ended(shop: Shop) -> None:
    outcome = await shop.ask("SELECT pg_sleep(3600)", timeout_s=0.5)
    assert (outcome.state, outcome.code) == (TargetState.TIMED_OUT, TargetCode.COMMAND_TIMEOUT)
    assert outcome.message == "it still ran after 0.5 s and was ended; nothing took effect"
    assert shop.at_work() == []


async def test_the_database_itself_ends_a_statement_that_takes_too_long(shop: Shop) -> None:
    outcome = await shop.ask("SELECT 1; SELECT pg_sleep(3600)", statement_timeout_s=0.2)
    assert (outcome.state, outcome.code) == (TargetState.TIMED_OUT, TargetCode.COMMAND_TIMEOUT)
    assert outcome.message.startswith("statement 2: it took longer than 0.2 s")


async def test_a_stop_before_the_start_sends_nothing(shop: Shop) -> None:
    stop = StopSignal()
    stop.set()
    outcome = await shop.ask("INSERT INTO goods VALUES (1, 'nut')", stop=stop)
    assert outcome.code is TargetCode.CANCELLED
    assert shop.rows() == []


# ---------------------------------------------------------------------- the way in


@pytest.mark.parametrize(
    ("login", "spec", "state", "words"),
    [
        (
            Login(user="app", password="wrong-9Xk"),
            {},
            TargetState.AUTH_FAILED,
            'password authentication failed for user "app"',
        ),
        (Login(user="nobody", password=PASSWORD), {}, TargetState.AUTH_FAILED, "nobody"),
        (Login(user="app"), {}, TargetState.AUTH_FAILED, "no password supplied"),
        (APP, {"db": "nowhere"}, TargetState.SUBMIT_FAILED, 'database "nowhere" does not exist'),
    ],
)
async def test_a_closed_door_says_why(
    shop: Shop, login: Login, spec: dict[str, Any], state: TargetState, words: str
) -> None:
    outcome = await shop.ask("SELECT 1", login=login, **spec)
    assert outcome.state is state, outcome.message
    assert words in outcome.message
    assert outcome.message.startswith("db1: no way into the database: ")
    assert not login.password or login.password not in outcome.message


async def test_where_nobody_listens_it_is_unreachable(shop: Shop) -> None:
    sink = MemorySink()
    port = free_port(["127.0.0.1"])
    outcome = await shop.ask("SELECT 1", port=port, tries=2, sink=sink)
    assert (outcome.state, outcome.code) == (
        TargetState.UNREACHABLE,
        TargetCode.CONNECTION_FAILURE,
    )
    assert "Connection refused" in outcome.message
    assert outcome.message.endswith(f"(127.0.0.1 port {port})")
    assert sink.note.count(b"trying again") == 1


async def test_an_address_that_is_not_the_targets_is_judged(shop: Shop) -> None:
    outcome = await shop.ask("SELECT 1", address="127.0.0.2")
    assert outcome.code is TargetCode.UNAUTHORIZED
    assert "the engine's own machine" in outcome.message


async def test_a_certificate_is_checked_against_the_address_and_the_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "t"
    own.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(own))
    authority, other = Authority(tmp_path), Authority(tmp_path / "other")
    with Postgres(authority.server_file("127.0.0.1")) as server:
        server.role("app")
        shop, sink = Shop(server, "postgres"), MemorySink()
        text = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        good = await shop.ask(text, ca=authority.pem, result="csv", sink=sink)
        unknown = await shop.ask(text, ca=other.pem, tries=1)
    with Postgres(authority.server_file("db.example")) as server:
        server.role("app")
        misnamed = await Shop(server, "postgres").ask(text, ca=authority.pem, tries=1)
    assert good.state is TargetState.SUCCESS, good.message
    assert sink.out == b"ssl\r\ntrue\r\n"
    assert "SSL error" in unknown.message
    assert "does not match" in misnamed.message
    assert unknown.code is misnamed.code is TargetCode.CONNECTION_FAILURE
    assert list(own.iterdir()) == []  # of the files of authorities that libpq reads


async def test_a_server_without_encryption_is_not_spoken_to_in_the_clear(
    shop: Shop, tmp_path: Path
) -> None:
    outcome = await shop.ask("SELECT 1", ca=Authority(tmp_path).pem, tries=1)
    assert outcome.code is TargetCode.CONNECTION_FAILURE
    assert "server does not support SSL" in outcome.message


async def test_a_server_that_dies_in_the_middle_leaves_nothing(own: Postgres) -> None:
    shop = Shop(own, "postgres")
    text = "INSERT INTO goods VALUES (1, 'nut'); SELECT pg_sleep(3600)"
    asking = asyncio.ensure_future(shop.ask(text, tries=1))
    await eventually(shop.at_work)
    own.halt()
    outcome = await asking
    assert (outcome.state, outcome.code) == (TargetState.UNREACHABLE, TargetCode.CONNECTION_LOST)
    assert outcome.message.endswith("; nothing took effect")
    own.start()
    assert shop.rows() == []


async def test_a_server_that_dies_outside_of_a_transaction_leaves_it_unknown(own: Postgres) -> None:
    shop = Shop(own, "postgres")
    asking = asyncio.ensure_future(shop.ask("SELECT pg_sleep(3600)", transaction=False))
    await eventually(shop.at_work)
    own.halt()
    outcome = await asking
    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.CONNECTION_LOST)
    assert "whether it took effect is not known" in outcome.message


# ---------------------------------------------------------------------- commits that are lost

SLOW_COMMIT = (
    "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM pg_sleep(3600); RETURN NULL; END $$;"
    "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON goods DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION slow()"
)
"""Every insert waits at its commit."""
BREAK = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'"


async def test_a_commit_that_is_lost_is_unknown(shop: Shop) -> None:
    shop.rows(SLOW_COMMIT)
    asking = asyncio.ensure_future(shop.ask("INSERT INTO goods VALUES (1, 'nut')"))
    await eventually(lambda: "COMMIT" in shop.at_work())
    shop.rows(BREAK)
    outcome = await asking
    assert (outcome.state, outcome.code) == (TargetState.UNKNOWN, TargetCode.CONNECTION_LOST)
    assert "in the middle of its commit" in outcome.message


async def test_with_a_ledger_a_lost_commit_is_looked_up_and_made_good(shop: Shop) -> None:
    shop.rows(SLOW_COMMIT)
    sink = MemorySink()
    asking = asyncio.ensure_future(
        shop.ask("INSERT INTO goods VALUES (1, 'nut')", ledger="ledger", sink=sink)
    )
    await eventually(lambda: "COMMIT" in shop.at_work())
    shop.rows(
        "CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN NULL; END $$"
    )
    shop.rows(BREAK)
    outcome = await asking
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert shop.rows() == [(1, "nut")]
    assert shop.rows("SELECT run, step, target, attempt FROM ledger") == [
        ("r1", "main", "db1", "attempt-1")
    ]


async def test_what_the_ledger_holds_is_not_done_again(shop: Shop) -> None:
    text = "UPDATE goods SET name = name || '+'"
    shop.rows("INSERT INTO goods VALUES (1, 'nut')")
    sink = MemorySink()
    for attempt_id in ("attempt-1", "attempt-2"):
        outcome = await shop.ask(text, ledger="ledger", attempt_id=attempt_id, sink=sink)
        assert outcome.state is TargetState.SUCCESS, outcome.message
    assert shop.rows() == [(1, "nut+")]
    assert b"it had taken effect already, in this run" in sink.note


async def test_two_attempts_at_once_take_effect_once(shop: Shop) -> None:
    shop.rows("INSERT INTO goods VALUES (1, 'nut')")
    text = "UPDATE goods SET name = name || '+'; SELECT pg_sleep(0.2)"
    asked = [shop.ask(text, ledger="ledger", attempt_id=f"a{number}") for number in range(5)]
    outcomes = await asyncio.gather(*asked)
    assert {outcome.state for outcome in outcomes} == {TargetState.SUCCESS}
    assert shop.rows() == [(1, "nut+")]


async def test_a_failure_leaves_no_row_in_the_ledger(shop: Shop) -> None:
    outcome = await shop.ask("SELECT 1 / 0", ledger="ledger")
    assert outcome.state is TargetState.FAILED
    assert shop.rows("SELECT * FROM ledger") == []


async def test_a_ledger_that_is_not_there_is_said(shop: Shop) -> None:
    outcome = await shop.ask("INSERT INTO goods VALUES (1, 'nut')", ledger="no_such")
    assert outcome.state is TargetState.FAILED
    assert "no_such cannot be used as a ledger" in outcome.message
    assert shop.rows() == []
