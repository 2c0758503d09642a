"""Quoting rules that need no shell: what is refused, what stays plain, and Windows.

The round trips through real shells are in tests/property/test_quoting_real_shells.py.
No cmd.exe and no PowerShell was asked: their quoters are held to written rules only.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.quoting import (
    QUOTERS,
    Shell,
    is_plain_for_any_login_shell,
    quote_cmd,
    quote_csh,
    quote_fish,
    quote_posix,
    quote_powershell,
)
from core.errors import Invalid

POSIX_FAMILY = (Shell.POSIX, Shell.CSH, Shell.FISH)
WINDOWS_FAMILY = (Shell.CMD, Shell.POWERSHELL)


def test_every_shell_has_a_quoter() -> None:
    assert set(QUOTERS) == set(Shell)


@pytest.mark.parametrize("shell", Shell)
def test_nul_is_refused_at_its_place(shell: Shell) -> None:
    with pytest.raises(Invalid, match=r"character 3: no shell can hold a NUL") as refusal:
        QUOTERS[shell]("ab\0c")
    assert refusal.value.problems[0].hint == "send it on standard input or as a file"


@pytest.mark.parametrize("shell", Shell)
def test_half_a_surrogate_pair_is_refused(shell: Shell) -> None:
    with pytest.raises(Invalid, match=r"character 2: '\\ud800' is half of a surrogate pair"):
        QUOTERS[shell]("a\ud800")


@pytest.mark.parametrize("shell", WINDOWS_FAMILY)
def test_bytes_that_are_no_text_are_refused_for_windows(shell: Shell) -> None:
    with pytest.raises(Invalid, match="character 1"):
        QUOTERS[shell]("\udcff")


@pytest.mark.parametrize("shell", POSIX_FAMILY)
def test_bytes_that_are_no_text_pass_on_posix(shell: Shell) -> None:
    quoted = QUOTERS[shell]("\udcff").encode("utf-8", "surrogateescape")

    assert quoted == b"'\xff'"


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("", "''"),
        ("/usr/bin/id", "/usr/bin/id"),
        ("user@host:22", "user@host:22"),
        ("-n", "-n"),
        ("=ls", "'=ls'"),
        ("~root", "'~root'"),
        ("it's", r"'it'\''s'"),
        ("a\nb", "'a\nb'"),
        ("web01\n", "'web01\n'"),
        ("名", "'名'"),
    ],
)
def test_posix_quotes_all_but_harmless_words(value: str, quoted: str) -> None:
    assert quote_posix(value) == quoted


def test_csh_escapes_history_and_newlines_in_pieces_of_their_own() -> None:
    assert quote_csh("a!b") == r"'a'\!'b'"
    assert quote_csh("a\\\nb") == "'a\\''\\\n''b'"


def test_fish_escapes_backslash_and_quote_only() -> None:
    assert quote_fish("\\'$x\n") == "'\\\\\\'$x\n'"


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("", '""'),
        ("plain", '"plain"'),
        ("a & calc.exe", '"a & calc.exe"'),
        ("^|<>()!", '"^|<>()!"'),
        ('say "hi"', '"say ""hi"""'),
        ('tail\\"', '"tail\\\\"""'),
        ("C:\\dir\\", '"C:\\dir\\\\"'),
        ("C:\\dir\\file", '"C:\\dir\\file"'),
        ("%PATH%", '"%%cd:~,%PATH%%cd:~,%"'),
        ("100%", '"100%%cd:~,%"'),
    ],
)
def test_cmd_follows_the_written_rules(value: str, quoted: str) -> None:
    assert quote_cmd(value) == quoted


@pytest.mark.parametrize("line_break", ["\r", "\n"])
def test_cmd_refuses_a_line_break(line_break: str) -> None:
    with pytest.raises(Invalid, match=r"character 2: a line for cmd\.exe cannot hold a line break"):
        quote_cmd(f"a{line_break}b")


def read_as_cmd_and_c_runtime(line: str) -> str:
    """One quoted argument as the written rules say that it is read.

    cmd.exe: a name between two `%` is expanded (here: `%cd:~,%` to nothing, all
    else to a mark). C runtime: 2n backslashes and a quote are n backslashes and a
    quote that counts; two quotes inside a quoted part are one.
    """

    def expand(hit: re.Match[str]) -> str:
        return "" if hit[0] == "%cd:~,%" else "<expanded>"

    # A `%` that is followed by another `%` opens no name.
    line = re.sub(r"%[^%]+%", expand, line)
    # What cmd.exe takes for an operator or an escape stands where it sees quotes: it counts them.
    for place, character in enumerate(line):
        assert character not in "&|<>^()" or line.count('"', 0, place) % 2, line
    assert line[0] == line[-1] == '"'
    inner = re.sub(r'(\\*)""', lambda hit: hit[1][: len(hit[1]) // 2] + "\0", line[1:-1])
    trailing = len(inner) - len(inner.rstrip("\\"))
    inner = inner[: len(inner) - trailing // 2]
    assert '"' not in inner, "a quote ends the argument too early"
    return inner.replace("\0", '"')


@given(st.text(alphabet='\\"% aPcd:~,^&', max_size=12))
def test_cmd_arguments_read_back_by_the_written_rules(value: str) -> None:
    assert read_as_cmd_and_c_runtime(quote_cmd(value)) == value


HOSTILE = (
    *"'\"\\`$%^&|<>()!;,=~@#{}[] \t", "%PATH%", "%cd:~,%", "%%", "$(calc)", "`$x",
    "\u2018", "\u2019", "\u201a", "\u201b", "\u201c", "名😀", "--%", "-",
)  # fmt: skip
"""Pieces that mean something to cmd.exe, the C runtime or PowerShell."""


def combinations() -> Iterator[str]:
    """Every combination of up to three pieces."""
    for length in range(4):
        yield from map("".join, itertools.product(HOSTILE, repeat=length))


def test_every_combination_of_hostile_pieces_reads_back_as_cmd_is_written() -> None:
    assert [value for value in combinations() if not _reads_back(value)] == []


def _reads_back(value: str) -> bool:
    return read_as_cmd_and_c_runtime(quote_cmd(value)) == value


def test_every_combination_of_hostile_pieces_is_one_literal_of_powershell() -> None:
    literal = re.compile("'((?:[^'\u2018-\u201b]|(?P<quote>['\u2018-\u201b])(?P=quote))*)'")
    for value in combinations():
        read = literal.fullmatch(quote_powershell(value))
        assert read is not None, value
        assert re.sub("(['\u2018-\u201b])\\1", r"\1", read[1]) == value


@pytest.mark.parametrize("quote", ["'", "\u2018", "\u2019", "\u201a", "\u201b"])
def test_powershell_doubles_everything_it_takes_for_a_quote(quote: str) -> None:
    assert quote_powershell(f"a{quote}$(calc)") == f"'a{quote}{quote}$(calc)'"


@given(st.text(alphabet="'\u2018\u2019\u201a\u201b\"`$\n a", max_size=12))
def test_powershell_literals_read_back_by_the_written_rules(value: str) -> None:
    inner = quote_powershell(value)[1:-1]

    assert re.fullmatch(r"(?:[^'\u2018-\u201b]|(['\u2018-\u201b])\1)*", inner)
    assert re.sub(r"(['\u2018-\u201b])\1", r"\1", inner) == value


def test_a_long_run_of_backslashes_costs_linear_time() -> None:
    run = "\\" * 200_000

    assert quote_cmd(run + "x") == f'"{run}x"'


@pytest.mark.parametrize(
    "text", ["", "exec /bin/sh", 'printf "%s" "$x" | sort > /dev/null; [ -n "`id`" ] && {a,b}*?~']
)
def test_a_line_without_special_characters_may_travel_as_an_argument(text: str) -> None:
    assert is_plain_for_any_login_shell(text)


@pytest.mark.parametrize("character", ["'", "\\", "!", "\n", "\r", "\t", "\0", "\x7f", "é", "名"])
def test_one_special_character_keeps_a_program_off_the_argument(character: str) -> None:
    assert not is_plain_for_any_login_shell(f"echo {character} done")
    assert not is_plain_for_any_login_shell(f"echo done{character}")
