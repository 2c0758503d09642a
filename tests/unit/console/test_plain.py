"""Plain mode without an engine: what is read out, what is heard, and where that leads."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from console.cells import width
from console.client import Client
from console.plain import reading
from console.plain.consent import agreed
from console.plain.pages import Choice, Desk, Opener, Page, leads_to, part_of
from console.plain.talking import converse
from console.plain.voice import Back, Voice
from console.plain.words import Word, word_of
from console.presenters import states
from console.presenters.text import Column, Span, Table, Tone, pairs
from core.clock import SystemClock
from core.errors import AcknowledgementRequired, ConfirmationRequired, Invalid, NotFound, Problem


class Person:
    """Says these lines one after the other, then nothing more; KeyboardInterrupt where one says so."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)

    def readline(self) -> str:
        if not self.lines:
            return ""
        line = self.lines.pop(0)
        if line == "^C":
            raise KeyboardInterrupt
        return line + "\n"

    def isatty(self) -> bool:
        return False


def voice(*lines: str, cells: int = 60) -> tuple[Voice, io.StringIO]:
    heard = io.StringIO()
    return Voice(Person(*lines), heard, lambda: cells), heard  # type: ignore[arg-type]


def conversation(client: Client, home: Opener, *lines: str) -> str:
    """Everything that was said to somebody who says these lines."""
    speaking, heard = voice(*lines)
    converse(Desk(speaking, client, SystemClock()), home)
    return heard.getvalue()


def page(title: str, **more: Any) -> Opener:
    return lambda _desk: Page(title=title, **more)


# ---------------------------------------------------------------------- reading out


def test_a_state_is_its_word() -> None:
    assert reading.spoken(states.run_state("succeeded")) == "succeeded"
    assert reading.spoken(Span("~ is home", Tone.PLAIN)) == "~ is home"
    assert reading.spoken(Span("- a list", Tone.PLAIN)) == "- a list"


def test_a_row_names_its_cells_and_leaves_out_empty_ones() -> None:
    columns = (Column("HOST"), Column("STATE"), Column("EXIT"), Column("WHY", elastic=True))
    row = (Span("web1"), states.target_state("failed"), Span(""), Span("it said no"))

    assert reading.row_text(columns, row) == "web1: failed, why: it said no"


def test_names_and_values_are_read_as_such() -> None:
    assert list(reading.table_texts(pairs(("version", "7"), ("gone", "")))) == ["version: 7"]


def test_an_empty_table_says_what_it_has_to_say() -> None:
    assert list(reading.table_texts(Table((Column("A"),), (), empty="nothing fits"))) == [
        "nothing fits"
    ]


@pytest.mark.parametrize("cells", [20, 40, 80])
def test_lines_keep_the_width_and_go_on_indented(cells: int) -> None:
    text = "1. web1: 失败，退出码 3，因为 it said no, and then said so again in many words"
    first, *rest = reading.folded(text, cells, indent=3)

    assert max(map(width, [first, *rest])) <= cells
    assert first.startswith("1. web1")
    assert all(line.startswith("   ") for line in rest)


def test_nothing_that_is_said_can_act_on_a_terminal() -> None:
    speaking, heard = voice()
    speaking.say("\x1b[2J", (Span("\x07bell"),), pairs(("a\x9b", "b\u202e")))

    assert not set(heard.getvalue()) & set("\x1b\x07\x9b\u202e")


# ---------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("answer", "word"),
    [("b", Word.BACK), ("QUIT", Word.QUIT), ("?", Word.HELP), ("more", Word.MORE), ("x", None)],
)
def test_words_are_heard(answer: str, word: Word | None) -> None:
    assert word_of(answer) is word


def test_words_are_heard_in_chinese_and_still_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "zh_CN")

    assert word_of("退出") is word_of("quit") is Word.QUIT


def test_no_word_means_two_things() -> None:
    said = [text for word in Word for text in word.value]
    assert len(said) == len(set(said))


# ---------------------------------------------------------------------- the conversation


def test_a_number_opens_and_back_returns_until_home(client: Client) -> None:
    home = page("HOME", choices=[Choice("inside", leads_to(page("INSIDE")))])

    said = conversation(client, home, "1", "back", "back", "quit")

    assert [line for line in said.splitlines() if line.isupper()] == [
        "HOME", "INSIDE", "HOME", "HOME",
    ]  # fmt: skip


def test_the_beginning_of_a_line_is_as_good_as_its_number_unless_two_begin_so(
    client: Client,
) -> None:
    choices = [
        Choice("stop", leads_to(page("STOPPED"))),
        Choice("steps", leads_to(page("STEPS"))),
    ]

    said = conversation(client, page("HOME", choices=choices), "st", "stop", "quit")

    assert "nothing here is called st" in said
    assert "STOPPED" in said
    assert "STEPS" not in said


@pytest.mark.parametrize("answer", ["0", "3", "nine", "٣"])
def test_what_is_not_there_is_told_with_what_is(client: Client, answer: str) -> None:
    choices = [Choice("one", leads_to(page("ONE"))), Choice("two", leads_to(page("TWO")))]

    said = conversation(client, page("HOME", choices=choices), answer)

    assert "say a number from 1 to 2" in said


def test_enter_goes_on_in_a_list_and_numbers_go_on_too(client: Client) -> None:
    second = page("SECOND", first=10, entries=[Choice("tenth", leads_to(page("TENTH")))])
    home = page("HOME", more=second)

    said = conversation(client, home, "", "10", "back", "quit")

    assert "10. tenth" in said
    assert said.index("SECOND") < said.index("TENTH") < said.rindex("SECOND")


def test_the_end_of_input_is_the_end(client: Client) -> None:
    assert conversation(client, page("HOME")).count("HOME") == 1


def test_ctrl_c_at_the_menu_tells_how_to_leave(client: Client) -> None:
    assert "`quit` ends the conversation" in conversation(client, page("HOME"), "^C", "quit")


def test_an_error_is_told_and_the_conversation_goes_on(client: Client) -> None:
    def fails(_desk: Desk) -> Page:
        raise NotFound("run", "x")

    home = page("HOME", choices=[Choice("open", leads_to(fails))])
    said = conversation(client, home, "1", "quit")

    assert "error: run 'x' does not exist" in said
    assert said.count("HOME") == 2


def test_a_home_that_cannot_be_read_can_still_be_left(client: Client) -> None:
    def fails(_desk: Desk) -> Page:
        raise NotFound("run", "x")

    assert "error:" in conversation(client, fails, "again", "quit")


@pytest.mark.parametrize("way_out", ["back", "^C"])
def test_a_question_can_be_left_and_nothing_is_done(client: Client, way_out: str) -> None:
    done: list[str] = []

    def ask(desk: Desk) -> None:
        done.append(desk.voice.value("name"))

    conversation(client, page("HOME", choices=[Choice("do", ask)]), "1", way_out, "quit")

    assert done == []


def test_only_yes_is_yes() -> None:
    for answer in ("", "n", "no", "yep", "1"):
        assert not voice(answer)[0].confirms("Sure?")
    for answer in ("y", "yes", "YES"):
        assert voice(answer)[0].confirms("Sure?")


def test_what_is_needed_is_asked_for_until_it_comes() -> None:
    speaking, heard = voice("", "", "web1")

    assert speaking.required("host") == "web1"
    assert heard.getvalue().count("it is needed") == 2


def test_a_list_is_cut_into_parts() -> None:
    assert part_of(list(range(20)), 9) == (list(range(9, 18)), True)
    assert part_of(list(range(18)), 9) == (list(range(9, 18)), False)


# ---------------------------------------------------------------------- what the engine asks for

Ask = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def engine_that_wants(*wanted: tuple[str, Exception]) -> Ask:
    """Raises for each field that is not there, else answers what it was told."""

    def ask(fields: Mapping[str, Any]) -> Mapping[str, Any]:
        for field, error in wanted:
            if not fields.get(field):
                raise error
        return fields

    return ask


def test_number_rule_and_secret_are_asked_for_and_sent() -> None:
    ask = engine_that_wants(
        ("confirm_hosts", ConfirmationRequired("sure?", hosts=3, touched={"prod": "web[1-3]"})),
        ("acknowledge", AcknowledgementRequired("danger", rules=["no-rm"], problems=())),
        ("secrets", Invalid("missing", [Problem(where="secrets.TOKEN", what="is needed")])),
    )
    speaking, heard = voice("3", "no-rm", "s3cret")

    fields = agreed(speaking, ask, {"job": "deploy"})

    assert fields == {
        "job": "deploy",
        "confirm_hosts": 3,
        "acknowledge": ["no-rm"],
        "secrets": {"TOKEN": "s3cret"},
    }
    assert "environment prod: web[1-3]" in heard.getvalue()


def test_a_wrong_number_and_a_wrong_rule_start_nothing() -> None:
    number = engine_that_wants(("confirm_hosts", ConfirmationRequired("sure?", hosts=3)))
    rule = engine_that_wants(("acknowledge", AcknowledgementRequired("danger", rules=["no-rm"])))

    for ask in (number, rule):
        with pytest.raises(Back):
            agreed(voice("4")[0], ask, {})


def test_what_is_refused_again_is_not_asked_for_again() -> None:
    def ask(_fields: Mapping[str, Any]) -> None:
        raise ConfirmationRequired("changed meanwhile", hosts=4)

    with pytest.raises(ConfirmationRequired):
        agreed(voice("4", "4")[0], ask, {})
