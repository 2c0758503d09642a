"""SQL texts taken apart."""

from __future__ import annotations

import pytest

from core.domain.statements import Database, cut, whole

P, M, S = Database.POSTGRESQL, Database.MYSQL, Database.SQLITE


@pytest.mark.parametrize(
    ("database", "text", "statements"),
    [
        (P, "SELECT 1; ; SELECT 2;\n-- the end;\n", ["SELECT 1", "SELECT 2"]),
        (P, "SELECT 'a;''b;'; SELECT \"c;\"", ["SELECT 'a;''b;'", 'SELECT "c;"']),
        (
            P,
            "SELECT E'\\';'; SELECT 'x\\'; SELECT 2",
            ["SELECT E'\\';'", "SELECT 'x\\'", "SELECT 2"],
        ),
        (P, "DO $x$ a; $$ b; $x$; SELECT 1", ["DO $x$ a; $$ b; $x$", "SELECT 1"]),
        (
            P,
            "SELECT /* a; /* b; */ c; */ 1; SELECT 2",
            ["SELECT /* a; /* b; */ c; */ 1", "SELECT 2"],
        ),
        (P, "SELECT a$b; SELECT c$b", ["SELECT a$b", "SELECT c$b"]),
        (P, "SELECT 'never closed; SELECT 2", ["SELECT 'never closed; SELECT 2"]),
        (M, "SELECT 'a\\';b'; SELECT `c;`", ["SELECT 'a\\';b'", "SELECT `c;`"]),
        (M, "SELECT 1 # a; b\n; SELECT 5--3;", ["SELECT 1 # a; b", "SELECT 5--3"]),
        (M, "SELECT 1 /* a /* b; */; SELECT 2", ["SELECT 1 /* a /* b; */", "SELECT 2"]),
        (S, "SELECT [a;b]; SELECT `c;`", ["SELECT [a;b]", "SELECT `c;`"]),
    ],
)
def test_a_text_is_cut_outside_of_quotes_and_comments(
    database: Database, text: str, statements: list[str]
) -> None:
    assert [statement.text for statement in cut(text, database)] == statements


def test_a_whole_text_keeps_its_semicolons() -> None:
    text = "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; DELETE FROM c; END"
    assert whole(f" {text};\n", S).text == text


@pytest.mark.parametrize(
    ("database", "text", "names"),
    [
        (P, "SELECT :a, :b_1::int, ':c', \":d\", x::text, $$:e$$ -- :f", ["a", "b_1"]),
        (P, "SELECT a[1:2], '12:30', E'\\':g', :a /* :h */", ["a"]),
        (M, "SET @x := :v, @y = 'it\\':s'", ["v"]),
        (S, "SELECT [:a], :名", ["名"]),
    ],
)
def test_places_stand_outside_of_quotes_and_comments(
    database: Database, text: str, names: list[str]
) -> None:
    assert [place.name for place in whole(text, database).places] == names


def test_a_statement_is_written_as_its_driver_wants_it() -> None:
    statement = cut("SELECT 1; SELECT :a || '5 %' || :long_name::text", P)[1]
    written = statement.written("%({})s", doubled="%")
    assert written == "SELECT %(a)s || '5 %%' || %(long_name)s::text"
    assert statement.written(":{}") == statement.text


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("select 1", True),
        ("WITH a AS (SELECT 1) TABLE a", True),
        ("-- first\nVALUES (1)", True),
        ("SELECT 'delete'", True),
        ("WITH a AS (DELETE FROM b RETURNING *) SELECT * FROM a", False),
        ("SELECT * INTO b FROM a", False),
        ("SELECT 1 FROM a FOR UPDATE", False),
        ("INSERT INTO a SELECT 1", False),
        ("EXPLAIN SELECT 1", False),
    ],
)
def test_what_only_reads_is_known(text: str, reads: bool) -> None:
    assert whole(text, P).only_reads is reads


@pytest.mark.parametrize(
    ("database", "text", "word"),
    [
        (P, "commit", "COMMIT"),
        (P, "Rollback", "ROLLBACK"),
        (P, "ROLLBACK TO a", None),
        (P, "CREATE TABLE a (b int)", None),
        (M, "/* x */ create table a (b int)", "CREATE"),
        (M, "CREATE TEMPORARY TABLE a (b int)", None),
        (S, "", None),
    ],
)
def test_what_ends_a_transaction_is_known(database: Database, text: str, word: str | None) -> None:
    assert whole(text, database).ends_transaction(database) == word
