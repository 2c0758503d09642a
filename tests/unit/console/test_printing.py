from __future__ import annotations

import io
import json

import pytest

from console.cells import width
from console.cli import settings
from console.cli.printing import Screen
from console.presenters.text import Column, Span, Table, Tone


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.reset()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "24")


def printed(stream: io.StringIO, *pieces: str | Span) -> str:
    Screen(stream).print(*pieces)
    return stream.getvalue()


def test_a_tone_is_a_colour_on_a_terminal_only() -> None:
    assert printed(Terminal(), Span("ok", Tone.GOOD)) == "\x1b[32mok\x1b[0m\n"
    assert printed(io.StringIO(), Span("ok", Tone.GOOD)) == "ok\n"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_color_and_dumb_terminals_are_obeyed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    assert printed(Terminal(), Span("ok", Tone.GOOD)) == "ok\n"


def test_the_flag_is_stronger_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    settings.settings.color = "always"

    assert printed(io.StringIO(), Span("ok", Tone.BAD)) == "\x1b[31mok\x1b[0m\n"


def test_nothing_that_a_host_printed_is_obeyed() -> None:
    hostile = "\x1b]0;title\x07\x1b[2J\x9b31m\u202eevil\r\b"

    shown = printed(Terminal(), hostile, Span(hostile, Tone.QUIET))

    assert not set(shown.replace("\x1b[2m", "").replace("\x1b[0m", "")) & set(
        "\x1b\x07\x9b\u202e\r\b"
    )


HOSTS = Table(
    columns=(Column("HOST"), Column("EXIT", right=True), Column("REASON", elastic=True)),
    rows=(
        (Span("主机一"), Span("0"), Span("")),
        (Span("web"), Span("127"), Span("sh: no such command as this one\nsecond line")),
    ),
)


def table_on(stream: io.StringIO, table: Table) -> list[str]:
    Screen(stream).table(table)
    return stream.getvalue().splitlines()


def test_columns_are_straight_with_wide_characters() -> None:
    assert table_on(io.StringIO(), HOSTS) == [
        "HOST    EXIT  REASON",
        "主机一     0",
        "web      127  sh: no such command as this one second line",
    ]


def test_a_terminals_width_is_kept_by_the_column_that_gives_way() -> None:
    settings.settings.color = "never"

    lines = table_on(Terminal(), HOSTS)

    assert max(map(width, lines)) <= 40
    assert lines[2].endswith("...")


def test_a_column_that_wraps_shows_everything() -> None:
    settings.settings.color = "never"
    columns = (Column("A"), Column("B", elastic=True, wraps=True))
    table = Table(columns, ((Span("x"), Span("one two three four five six seven eight nine")),))

    assert table_on(Terminal(), table)[1:] == [
        "x  one two three four five six seven",
        "   eight nine",
    ]


def test_a_text_with_little_room_beside_the_others_stands_below_them() -> None:
    settings.settings.color = "never"
    columns = (Column("A"), Column("B", elastic=True, wraps=True))
    cells = (Span("a name as long as it gets"), Span("one two three four five six seven"))

    assert table_on(Terminal(), Table(columns, (cells,)))[1:] == [
        "a name as long as it gets",
        "    one two three four five six seven",
    ]


def test_an_empty_table_says_so() -> None:
    assert table_on(io.StringIO(), Table(HOSTS.columns, (), empty="no host")) == ["no host"]


def test_untitled_columns_have_no_line_of_titles() -> None:
    table = Table((Column(""), Column("")), ((Span("a"), Span("b")),))

    assert table_on(io.StringIO(), table) == ["a  b"]


def test_json_is_whole_and_harmless() -> None:
    value = {"text": "主机 \x1b[2J \x9b \u202e \u2028 \x7f"}
    stream = io.StringIO()

    Screen(stream).json(value)

    assert json.loads(stream.getvalue()) == value
    assert "主机" in stream.getvalue()
    assert not set(stream.getvalue()) & set("\x1b\x9b\u202e\u2028\x7f")
