"""What a Windows host is told: words that are read back as they are, values on no command line."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.windows import WindowsShell
from core.errors import Invalid
from core.executors.protocol import Claim, Position, Program, Work
from core.executors.winrm.clixml import Clixml, as_text
from core.executors.winrm.programs import PROGRAM, REQUEST, WindowsDialect
from tests.support.cruntime import split_words

POWERSHELL = WindowsDialect(WindowsShell.POWERSHELL)
WORD = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]))


def sent(work: Work, dialect: WindowsDialect = POWERSHELL) -> tuple[dict[str, object], str]:
    """The values and the text that reach the host."""
    launch = dialect.launch(work, "t0ken", as_other_user=False)
    program, values, text = (b64decode(line).decode() for line in launch.text.splitlines())
    assert program == PROGRAM
    assert launch.request == REQUEST
    return json.loads(values), text


def program(text: str = "x", **more: object) -> Work:
    return Work(attempt_id="a1", task=Program(text=text, **more))


@given(st.lists(WORD))
def test_words_of_a_script_are_read_back_by_the_c_runtime_s_grammar(words: list[str]) -> None:
    values, _ = sent(program(interpreter="powershell", args=tuple(words)))

    assert split_words(str(values["after"])) == words


@given(st.lists(WORD))
def test_words_of_a_batch_file_are_read_back_and_expand_nothing(words: list[str]) -> None:
    values, _ = sent(program(interpreter="cmd", args=tuple(words)))
    line = str(values["after"]).removesuffix('"')

    assert split_words(line.replace("%%cd:~,%", "%")) == words
    assert "%" not in line.replace("%%cd:~,%", "")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('a "b c" d', ["a", "b c", "d"]),
        (r'"ab\"c" "\\" d', [r'ab"c', "\\", "d"]),
        (r"a\\\b d\"e", [r"a\\\b", 'd"e']),
        (r'a\\\\"b c" d', [r"a\\b c", "d"]),
        ('"" x', ["", "x"]),
    ],
)
def test_the_double_reads_the_examples_of_microsoft_s_documentation(
    line: str, words: list[str]
) -> None:
    assert split_words(line) == words


def test_values_travel_beside_the_text_and_dates_stay_as_they_are() -> None:
    work = Work(attempt_id="a1", task=Program(text="x"), env={"A": "2026-01-01T00:00:00Z"})

    values, text = sent(work)

    assert values["env"] == {"A": "MjAyNi0wMS0wMVQwMDowMDowMFo="}
    assert text.startswith("x\n")
    assert "2026" not in REQUEST + text


def test_a_line_for_cmd_becomes_a_batch_file_with_its_own_line_ends() -> None:
    values, text = sent(program("one\ntwo"), WindowsDialect(WindowsShell.CMD))

    assert (values["program"], text) == ("cmd.exe", "@echo off\r\none\r\ntwo\r\n")


def test_a_claim_says_whose_it_is_and_where_it_is_followed() -> None:
    claim = Claim(run_id="r1", epoch=7, resume=Position(out=5, err=6))

    values, _ = sent(Work(attempt_id="a1", task=Program(text="x"), claim=claim))

    found = [values[name] for name in ("mode", "attempt", "run", "epoch", "out", "err")]
    assert found == ["visit", "a1", "r1", 7, 0, 0]


def test_a_line_break_in_a_word_for_cmd_is_refused() -> None:
    with pytest.raises(Invalid, match="cannot be quoted"):
        sent(program(interpreter="cmd", args=("a\nb",)))


def test_errors_of_powershell_are_told_as_text() -> None:
    said = (
        b'#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
        b'<Obj S="progress" RefId="0"><MS><PR N="Record"><AV>Preparing</AV></PR></MS></Obj>'
        b'<S S="Error">The term &apos;x&apos; is not recognized_x000D__x000A_</S>'
        b'<S S="Error">at line:1 &lt;_x000D__x000A_</S></Objs>'
    )

    assert as_text(said) == b"The term 'x' is not recognized\nat line:1 <\n"
    assert as_text(b"plain <S>") == b"plain <S>"


@given(st.integers(0, 300), st.booleans())
def test_errors_of_powershell_are_told_in_whatever_pieces_they_come(at: int, ends: bool) -> None:
    said = b'loud\r\n#< CLIXML\r\n<Objs><S S="Error">not here_x000D__x000A_</S></Objs>'
    said = said if ends else said.removesuffix(b"</Objs>")
    clixml = Clixml()

    told = clixml.feed(said[:at]) + clixml.feed(said[at:]) + clixml.finish()

    assert told.endswith(b"not here\n")
    assert b"<S" not in told


def test_escapes_of_powershell_are_read_as_the_characters_they_stand_for() -> None:
    said = b'#< CLIXML\r\n<Objs><S S="Error">_xD83D__xDC1A_ _x005F_x000D_ _x001B_[0m</S></Objs>'

    assert as_text(said).decode() == "\U0001f41a _x000D_ \x1b[0m"
