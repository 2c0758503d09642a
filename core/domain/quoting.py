"""One quoter per shell: a value in, text that the shell reads back as exactly that value.

This is the last resort. Values travel as environment variables or on standard
input wherever they can; argument lists go to the operating system as lists.
Where a text for a shell cannot be avoided, it is made here and nowhere else.

    quoter              reads back in                           proved by
    quote_posix         sh, dash, bash, ksh, zsh, busybox       round trips through the real shells
    quote_csh           csh, tcsh                               round trips through the real shells
    quote_fish          fish                                    round trips through the real shell
    quote_cmd           cmd.exe, then the C runtime             its written rules only
    quote_powershell    PowerShell 5.1 and 7                    its written rules only

The result is one word in argument position. On POSIX a value stands for bytes:
undecodable ones are lone surrogates (PEP 383, `os.fsdecode`), and the text must
be encoded the same way (`os.fsencode`) when it is sent. Windows has text only.

No shell can hold NUL in a word; every quoter refuses it. The BSD csh also refuses
words longer than its buffer (about 8 KB on Debian: "Word too long").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum

from core.errors import Invalid, Problem

# Deliberately without `=` (zsh expands a leading one) and `~`.
_PLAIN_POSIX = re.compile(r"[A-Za-z0-9_./:,@%+-]+", re.ASCII)
_PLAIN_EVERYWHERE = re.compile(r"[ -~]*", re.ASCII)
_POWERSHELL_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
# The lookbehind keeps a long run of backslashes from being tried at each of its characters.
_BACKSLASHES_BEFORE_QUOTE = re.compile(r'(?<!\\)(\\*)("|\Z)')


class Shell(StrEnum):
    """Families of shells that read quotes alike."""

    POSIX = "posix"
    CSH = "csh"
    FISH = "fish"
    CMD = "cmd"
    POWERSHELL = "powershell"


def quote_posix(value: str) -> str:
    """One word for sh and its kin; harmless words stay as they are, for the reader's sake."""
    _require_bytes(value)
    if _PLAIN_POSIX.fullmatch(value):
        return value
    return "'" + value.replace("'", "'\\''") + "'"


def quote_csh(value: str) -> str:
    """One word for csh and tcsh, which expand `!` and end a line even inside quotes.

    `!` is escaped outside the quotes; a newline needs a backslash inside them, in
    a quoted piece of its own so that no backslash of the value stands before it.
    """
    _require_bytes(value)
    escaped = value.replace("'", "'\\''").replace("!", "'\\!'").replace("\n", "''\\\n''")
    return "'" + escaped + "'"


def quote_fish(value: str) -> str:
    """One word for fish, where backslash escapes itself and the quote inside single quotes."""
    _require_bytes(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_cmd(value: str) -> str:
    """One argument on a line for `cmd.exe /e:ON /v:OFF /d /c "…"`.

    Two readers follow each other. cmd.exe expands `%NAME%` even inside quotes and
    has no escape for it; `%%cd:~,%` is an empty expansion that keeps it from seeing
    a name. The C runtime then halves backslashes before a quote, and reads a doubled
    quote as one. The rules are those of Rust's standard library (`append_bat_arg` in
    library/std/src/sys/args/windows.rs, written for CVE-2024-24576). A line cannot
    hold a line break at all.
    """
    _require_text(value)
    _refuse(value, "\r\n", "a line for cmd.exe cannot hold a line break")
    doubled = _BACKSLASHES_BEFORE_QUOTE.sub(lambda hit: hit[1] * 2 + hit[2] * 2, value)
    return '"' + doubled.replace("%", "%%cd:~,%") + '"'


def quote_powershell(value: str) -> str:
    """A single-quoted literal; PowerShell takes four typographic quotes for `'` as well.

    Source: CodeGeneration.EscapeSingleQuotedStringContent. Right for expressions and
    cmdlets; Windows PowerShell 5.1 loses inner `"` when it starts a native program.
    """
    _require_text(value)
    return "'" + _POWERSHELL_QUOTES.sub(lambda hit: hit[0] * 2, value) + "'"


QUOTERS: Mapping[Shell, Callable[[str], str]] = {
    Shell.POSIX: quote_posix,
    Shell.CSH: quote_csh,
    Shell.FISH: quote_fish,
    Shell.CMD: quote_cmd,
    Shell.POWERSHELL: quote_powershell,
}


def is_plain_for_any_login_shell(text: str) -> bool:
    """Whether `'text'` means the same to sh, csh, tcsh and fish, whichever greets us.

    True for printable ASCII on one line without `'`, `\\` and `!`. Only then may a
    program travel as the command argument of an SSH session; else it goes to
    standard input.
    """
    return _PLAIN_EVERYWHERE.fullmatch(text) is not None and not set("'\\!") & set(text)


def _require_bytes(value: str) -> None:
    """Invalid unless `value` stands for bytes without NUL."""
    _require(value, "surrogateescape")


def _require_text(value: str) -> None:
    """Invalid unless `value` is Unicode text without NUL."""
    _require(value, "strict")


def _require(value: str, errors: str) -> None:
    _refuse(value, "\0", "no shell can hold a NUL character in a word")
    try:
        value.encode("utf-8", errors)
    except UnicodeEncodeError as error:
        raise Invalid(
            "the value cannot be quoted for a shell",
            [
                Problem(
                    where=f"character {error.start + 1}",
                    what=f"{value[error.start]!a} is half of a surrogate pair, not text",
                )
            ],
        ) from error


def _refuse(value: str, characters: str, reason: str) -> None:
    places = [place for place in map(value.find, characters) if place >= 0]
    if places:
        raise Invalid(
            "the value cannot be quoted for a shell",
            [
                Problem(
                    where=f"character {min(places) + 1}",
                    what=reason,
                    hint="send it on standard input or as a file",
                )
            ],
        )
