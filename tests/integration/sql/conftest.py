"""A PostgreSQL server for all of these tests, and a database for each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.support.postgres import Postgres

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        server.role("app")
        yield server


@pytest.fixture
def db(postgres: Postgres) -> str:
    """The name of a database with two empty tables: `goods`, and the ledger."""
    name = f"shop{next(_numbers)}"
    postgres.query("postgres", f"CREATE DATABASE {name}")
    postgres.query(
        name,
        "CREATE TABLE goods (id int PRIMARY KEY, name text NOT NULL);"
        "CREATE TABLE ledger (run text, step text, target text, attempt text,"
        " at timestamptz, PRIMARY KEY (run, step, target));"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON goods, ledger TO app;"
        "CREATE TABLE secrets (x int)",
    )
    return name
