"""SQL statements on a real MariaDB."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pymysql
import pytest

from core.domain.run import TargetCode, TargetState
from core.executors.protocol import Login, Outcome
from core.executors.stopping import StopSignal
from tests.support.databases import LEDGER, ask
from tests.support.mariadb import PASSWORD, Mariadb
from tests.support.waiting import eventually
from tests.support.work import MemorySink

pytestmark = pytest.mark.needs("mariadbd")

APP = Login(user="app", password=PASSWORD)
FIRST = "INSERT INTO goods VALUES (9, 'first'); "
_numbers = count(1)


class Shop:
    """A database, and the steps that go there."""

    def __init__(self, server: Mariadb, db: str) -> None:
        self.server = server
        self.db = db

    async def ask(self, text: str, *, login: Login = APP, **more: Any) -> Outcome:
        names = ("env", "sink", "stop", "attempt_id")
        given = {name: more.pop(name) for name in names if name in more}
        place = {"database": "mysql", "port": self.server.port, "db": self.db}
        return await ask({**place, "text": text, **more}, login=login, **given)

    def rows(self, text: str = "SELECT id, name FROM goods ORDER BY id") -> list[Any]:
        return self.server.query(self.db, text)


@pytest.fixture(scope="module")
def server() -> Iterator[Mariadb]:
    with Mariadb() as server:
        yield server


@pytest.fixture
def shop(server: Mariadb) -> Shop:
    db = f"shop{next(_numbers)}"
    server.query(None, f"CREATE DATABASE {db} CHARACTER SET utf8mb4")
    server.query(db, "CREATE TABLE goods (id int PRIMARY KEY, name text NOT NULL)")
    server.query(db, LEDGER)
    server.user("app", db)
    return Shop(server, db)


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
    ["'); DROP TABLE goods; --", "100 % %s %(x)s :name \\ \\' $1 $$", "多行\n文本 🙂"],
)
async def test_a_value_stays_a_value(shop: Shop, value: str) -> None:
    outcome = await shop.ask(
        "INSERT INTO goods VALUES (:id, :name); SELECT 1 WHERE 'a%b' LIKE 'a%'",
        parameters={"id": 7, "name": "${VALUE}"},
        env={"VALUE": value},
    )
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert shop.rows() == [(7, value)]


async def test_more_changes_than_allowed_are_taken_back(shop: Shop) -> None:
    shop.rows("INSERT INTO goods VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    outcome = await shop.ask("DELETE FROM goods", max_affected=2)
    assert (outcome.state, outcome.code) == (TargetState.FAILED, TargetCode.UNEXPECTED_ANSWER)
    assert len(shop.rows()) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT 1; SELEC 2", "statement 3"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("INSERT INTO goods VALUES (1, 'x'), (1, 'y')", "Duplicate entry"),
    ],
)
async def test_a_statement_that_is_refused_says_where_and_why_and_takes_nothing(
    shop: Shop, text: str, words: str
) -> None:
    outcome = await shop.ask(FIRST + text)
    assert outcome.state is TargetState.FAILED, outcome.message
    assert words in outcome.message
    assert shop.rows() == []


async def test_a_deadlock_is_tried_again(shop: Shop) -> None:
    shop.rows("INSERT INTO goods VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')")
    sink = MemorySink()
    with shop.server.connect(shop.db) as other, other.cursor() as cursor:
        other.begin()
        for number in (2, 3, 4):  # one by one: a scan would lock the first row too
            cursor.execute("UPDATE goods SET name = 'other' WHERE id = %s", (number,))
        # Of two in a deadlock the one that has changed less is the victim: ours.
        text = (
            "UPDATE goods SET name = 'mine' WHERE id = 1;"
            " UPDATE goods SET name = concat(name, '+mine') WHERE id = 2"
        )
        asking = asyncio.ensure_future(shop.ask(text, sink=sink))
        await eventually(lambda: any("+mine" in each for each in shop.server.at_work(shop.db)))
        await asyncio.to_thread(cursor.execute, "UPDATE goods SET name = 'other' WHERE id = 1")
        other.commit()
        outcome = await asking
    assert outcome.state is TargetState.SUCCESS, outcome.message
    assert b"trying again" in sink.note
    assert shop.rows()[:2] == [(1, "mine"), (2, "other+mine")]


async def test_a_stop_ends_the_query_in_the_database(shop: Shop) -> None:
    stop = StopSignal()
    text = "INSERT INTO goods VALUES (1, 'nut'); SELECT sleep(3600)"
    asking = asyncio.ensure_future(shop.ask(text, stop=stop))
    await eventually(lambda: any("sleep" in each for each in shop.server.at_work(shop.db)))
    stop.set()
    outcome = await asking
    assert (outcome.state, outcome.code) == (TargetState.TERMINATED, TargetCode.CANCELLED)
    assert outcome.message == "cancelled; nothing took effect"
    assert shop.server.at_work(shop.db) == []
    assert shop.rows() == []


async def test_the_database_itself_ends_a_statement_that_takes_too_long(shop: Shop) -> None:
    outcome = await shop.ask(
        "SELECT 1; SELECT count(*) FROM seq_1_to_100000000 a, seq_1_to_100000 b",
        statement_timeout_s=0.3,
    )
    assert (outcome.state, outcome.code) == (TargetState.TIMED_OUT, TargetCode.COMMAND_TIMEOUT)
    assert outcome.message.startswith("statement 2: it took longer than 0.3 s")


@pytest.mark.parametrize(
    ("login", "spec", "state", "words"),
    [
        (Login(user="app", password="wrong-9Xk"), {}, TargetState.AUTH_FAILED, "Access denied"),
        (Login(user="nobody", password=PASSWORD), {}, TargetState.AUTH_FAILED, "nobody"),
        (Login(user="owner"), {"db": "nowhere"}, TargetState.SUBMIT_FAILED, "nowhere"),
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


async def test_two_attempts_at_once_take_effect_once(shop: Shop) -> None:
    shop.rows("INSERT INTO goods VALUES (1, 'nut')")
    text = "UPDATE goods SET name = concat(name, '+'); DO sleep(0.2)"
    asked = [shop.ask(text, ledger="ledger", attempt_id=f"a{number}") for number in range(4)]
    outcomes = await asyncio.gather(*asked)
    assert {outcome.state for outcome in outcomes} == {TargetState.SUCCESS}
    assert shop.rows() == [(1, "nut+")]


async def test_a_server_that_hangs_up_in_the_middle_leaves_nothing(shop: Shop) -> None:
    asking = asyncio.ensure_future(
        shop.ask("INSERT INTO goods VALUES (1, 'nut'); SELECT sleep(3600)", tries=1)
    )
    await eventually(lambda: any("sleep" in each for each in shop.server.at_work(shop.db)))
    with shop.server.connect() as owner, owner.cursor() as cursor:
        cursor.execute("KILL USER app")
    outcome = await asking
    assert outcome.state is not TargetState.SUCCESS
    assert "nothing took effect" in outcome.message
    assert shop.rows() == []


def test_the_server_is_the_one_that_is_named(shop: Shop) -> None:
    [(version,)] = shop.rows("SELECT version()")
    assert "MariaDB" in version
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        pymysql.connect(host="127.0.0.1", port=shop.server.port, user="app", password="no")
