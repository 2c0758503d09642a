"""SQL texts taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.statements import Database, cut, whole

P, M, S = Database.POSTGRESQL, Database.MYSQL, Database.SQLITE
T, O = Database.MSSQL, Database.ORACLE  # noqa: E741 - as the others


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
        (T, "SELECT [a]];b]; SELECT N'c;''d'", ["SELECT [a]];b]", "SELECT N'c;''d'"]),
        (T, "SELECT /* a /* ; */ ; */ 1; SELECT 2", ["SELECT /* a /* ; */ ; */ 1", "SELECT 2"]),
        (T, "SELECT 1\ngo\nSELECT 2\n  GO 3;\r\n", ["SELECT 1", "SELECT 2"]),
        (T, "SELECT 'a\nGO\n'; SELECT 2 AS go", ["SELECT 'a\nGO\n'", "SELECT 2 AS go"]),
        (
            O,
            "SELECT q'[a';b]', nQ'{c;}' FROM d; SELECT 2",
            ["SELECT q'[a';b]', nQ'{c;}' FROM d", "SELECT 2"],
        ),
        (
            O,
            "SELECT q'(a;)', q'<b;>', q'!c';!', 'q''d;' FROM e",
            ["SELECT q'(a;)', q'<b;>', q'!c';!', 'q''d;' FROM e"],
        ),
        (O, "SELECT q'[never closed; SELECT 2", ["SELECT q'[never closed; SELECT 2"]),
        (O, "SELECT 1 /* a /* ; */; SELECT 4 / 2", ["SELECT 1 /* a /* ; */", "SELECT 4 / 2"]),
        (
            O,
            "UPDATE a SET b = 1;\nBEGIN\n c;\n d; END;\n/\nDECLARE e int; BEGIN f; END;\n / \r\nSELECT 1\n/\n",
            [
                "UPDATE a SET b = 1",
                "BEGIN\n c;\n d; END;",
                "DECLARE e int; BEGIN f; END;",
                "SELECT 1",
            ],
        ),
        (
            O,
            "create or replace editionable procedure p is begin q; end;\n/\ncreate table t (u int); begin v; end;",
            [
                "create or replace editionable procedure p is begin q; end;",
                "create table t (u int)",
                "begin v; end;",
            ],
        ),
    ],
)
def test_a_text_is_cut_outside_of_quotes_and_comments(
    database: Database, text: str, statements: list[str]
) -> None:
    assert [statement.text for statement in cut(text, database)] == statements


def test_a_whole_text_keeps_its_semicolons() -> None:
    text = "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; DELETE FROM c; END"
    assert whole(f" {text};\n", S).text == text


@pytest.mark.parametrize("end", ["", "\n/", "\n/\n"])
def test_a_program_of_oracle_keeps_its_last_semicolon(end: str) -> None:
    assert whole(f"BEGIN a; b; END;{end}", O).text == "BEGIN a; b; END;"
    assert whole(f"SELECT 1;{end}", O).text == "SELECT 1"


def test_a_long_program_is_read_in_one_pass() -> None:
    text = "BEGIN\n" + "x := :a;\n" * 50_000 + "END;"
    (statement,) = cut(text, O)
    assert len(statement.places) == 50_000


@given(
    st.lists(st.text("ab;'\"[]/*-\n #`$qGO", max_size=12), max_size=6), st.sampled_from(Database)
)
def test_cutting_loses_nothing_but_what_stands_between(
    texts: list[str], database: Database
) -> None:
    text = ";".join(texts)
    at = 0
    for statement in cut(text, database):
        at = text.index(statement.text, at) + len(statement.text)
        # Behind a semicolon, as it stood there: alone in a line, `GO` and `/` would mean another thing.
        assert cut(f";{statement.text}", database)[0].words == statement.words


def test_a_word_of_tools_behind_a_semicolon_is_a_statement() -> None:
    assert [statement.text for statement in cut("a;GO", T)] == ["a", "GO"]


@pytest.mark.parametrize(
    ("database", "text", "names"),
    [
        (P, "SELECT :a, :b_1::int, ':c', \":d\", x::text, $$:e$$ -- :f", ["a", "b_1"]),
        (P, "SELECT a[1:2], '12:30', E'\\':g', :a /* :h */", ["a"]),
        (M, "SET @x := :v, @y = 'it\\':s'", ["v"]),
        (S, "SELECT [:a], :名", ["名"]),
        (T, "SELECT [:a], N':b', @c, :d /* /* */ :e */", ["d"]),
        (O, "BEGIN x := :a; y := q'[:b]'; z(:c); END;", ["a", "c"]),
        (O, "CREATE TRIGGER a BEFORE INSERT ON b BEGIN :new.c := 1; END;", []),
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
        (T, "BEGIN TRANSACTION a", "BEGIN"),
        (T, "BEGIN TRY SELECT 1; END TRY", None),
        (T, "COMMIT", "COMMIT"),
        (T, "CREATE TABLE a (b int)", None),
        (O, "BEGIN NULL; END;", None),
        (O, "ALTER SESSION SET a = 1", None),
        (O, "ALTER TABLE a ADD b int", "ALTER"),
        (O, "ROLLBACK TO a", None),
    ],
)
def test_what_ends_a_transaction_is_known(database: Database, text: str, word: str | None) -> None:
    assert whole(text, database).ends_transaction(database) == word
