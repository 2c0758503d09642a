"""Commands that run another one: `sudo rm`, `sh -c 'rm'`, `ssh host rm`, `find -exec rm ;`.

Each has a row in `WRAPPERS` that says how its own options and words are passed over. What is
inside is either words of a command, or a text for a shell or a database to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.domain.command_rules.pieces import Piece, Word
from core.domain.command_rules.values import Language, language_of

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
SHELLS = frozenset(("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "cmd", "powershell", "pwsh"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """How a wrapper's own words are passed over."""

    valued: frozenset[str] = frozenset()
    """Options that take the next word."""
    own: int = 0
    """Words of its own before the command, such as the time of `timeout`."""
    texts: frozenset[str] = frozenset()
    """Options whose value is a text to be read."""
    language: Language | None = None
    """Of those texts; None: words follow, not a text."""
    joins: bool = False
    """The words that follow are one text, as `ssh` and `eval` take them."""
    more: bool = False
    """More words come at its end that nobody knows, as with `xargs`."""
    reads_input: bool = False
    """Without a text it reads its standard input, as `ssh HOST` and `psql` do."""


def _options(text: str) -> frozenset[str]:
    return frozenset(text.split())


WRAPPERS: Mapping[str, Wrapper] = {
    "sudo": Wrapper(valued=_options("-u -g -h -p -C -r -t -T -U -D -R --user --group --chdir")),
    "doas": Wrapper(valued=_options("-u -C")),
    "su": Wrapper(texts=_options("-c --command"), own=99, language=Language.SH,
                  valued=_options("-s --shell -g -G -w")),
    "runuser": Wrapper(valued=_options("-u -g -G -s"), texts=_options("-c"), language=Language.SH),
    "env": Wrapper(valued=_options("-u --unset -C --chdir"), texts=_options("-S --split-string"),
                   language=Language.SH),
    "nohup": Wrapper(),
    "setsid": Wrapper(),
    "nice": Wrapper(valued=_options("-n --adjustment")),
    "ionice": Wrapper(valued=_options("-c -n --class --classdata")),
    "chrt": Wrapper(own=1),
    "taskset": Wrapper(own=1),
    "time": Wrapper(valued=_options("-f -o --format --output")),
    "timeout": Wrapper(valued=_options("-s -k --signal --kill-after"), own=1),
    "stdbuf": Wrapper(valued=_options("-i -o -e")),
    "exec": Wrapper(valued=_options("-a")),
    "command": Wrapper(),
    "builtin": Wrapper(),
    "chroot": Wrapper(own=1),
    "unshare": Wrapper(),
    "systemd-run": Wrapper(valued=_options("-u -p --unit --property -M -H")),
    "busybox": Wrapper(),
    "toybox": Wrapper(),
    "watch": Wrapper(valued=_options("-n --interval"), joins=True, language=Language.SH),
    "flock": Wrapper(valued=_options("-w -E"), own=1, texts=_options("-c --command"),
                     language=Language.SH),
    "xargs": Wrapper(valued=_options("-I -n -P -L -d -a -s -E --max-args --max-procs --delimiter"),
                     more=True),
    "eval": Wrapper(joins=True, language=Language.SH),
    "ssh": Wrapper(valued=_options("-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w"),
                   own=1, joins=True, language=Language.SH, reads_input=True),
    "psql": Wrapper(texts=_options("-c --command"), own=99, language=Language.SQL, reads_input=True,
                    valued=_options("-h -p -U -d -f -o -v -F -R -P -L -T")),
    "mysql": Wrapper(texts=_options("-e --execute"), own=99, language=Language.SQL, reads_input=True,
                     valued=_options("-h -P -u -D -S")),
    "mariadb": Wrapper(texts=_options("-e --execute"), own=99, language=Language.SQL, reads_input=True,
                       valued=_options("-h -P -u -D -S")),
    "sqlite3": Wrapper(own=1, joins=True, language=Language.SQL, reads_input=True,
                       valued=_options("-cmd -init -separator -newline -nullvalue")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Inner:
    """What a wrapper runs: a command's words, or a text."""

    words: tuple[Word, ...] = ()
    text: str = ""
    language: Language = Language.SH
    at: int | None = None
    """Where the text stands, as it is, in the text that the piece was cut from."""


def inside(piece: Piece, text: str) -> Iterator[Inner]:
    """What the piece would run by another command; `text` is what it was cut from."""
    name = piece.name.lower()
    if wrapper := WRAPPERS.get(name):
        found = list(_of_wrapper(piece.words, wrapper))
        yield from found
        if wrapper.reads_input and not found:
            yield from _standard_input(piece, text, wrapper.language or Language.SH)
    elif name.removesuffix(".exe") in SHELLS:
        yield from _of_shell(piece, text)
    elif name == "find":
        yield from _of_find(piece.words)


def _of_wrapper(words: Sequence[Word], wrapper: Wrapper) -> Iterator[Inner]:
    language = wrapper.language or Language.SH
    index, own = 1, wrapper.own
    while index < len(words):
        text = words[index].text
        if text == "--":
            index += 1
            break
        if text.startswith("-"):
            value, taken = _value(words, index, wrapper.texts)
            if value:
                yield Inner(text=value, language=language)
            index += taken or (text in wrapper.valued)
        elif not _ASSIGNMENT.match(text):
            if not own:
                break
            own -= 1
        index += 1
    rest = tuple(words[index + own :])
    if rest and wrapper.joins:
        yield Inner(text=" ".join(word.text for word in rest), language=language)
    elif rest:
        unknown = (Word("…", known=False),) if wrapper.more else ()
        yield Inner(words=rest + unknown)


def _value(words: Sequence[Word], index: int, options: frozenset[str]) -> tuple[str, int]:
    """The text that an option brings, and how many of the following words it takes.

    It may stand in the next word (`-c TEXT`, `-tAc TEXT`) or in the same one (`-cTEXT`,
    `--command=TEXT`).
    """
    text = words[index].text
    option, equals, value = text.partition("=")
    if equals and option in options:
        return value, 0
    if not text.startswith("--") and text[:2] in options and len(text) > 2:
        return text[2:], 0
    is_cluster = text[1:].isalpha() and f"-{text[-1:]}" in options
    if text in options or is_cluster:
        return (words[index + 1].text, 1) if index + 1 < len(words) else ("", 1)
    return "", 0


def _of_shell(piece: Piece, text: str) -> Iterator[Inner]:
    """`sh -c TEXT`, and texts on a shell's standard input."""
    language = language_of(piece.words[0].text)
    rest = piece.words[1:]
    for index, word in enumerate(rest):
        lowered = word.text.lower()
        if language is Language.SH:
            following = rest[index + 1 : index + 2]
            takes_text = re.fullmatch(r"-[a-z]*c", lowered) is not None
            is_option = lowered.startswith(("-", "+"))
        else:
            following = rest[index + 1 :]
            takes_text = lowered in ("/c", "/k", "-c", "-command")
            is_option = lowered.startswith(("-", "/"))
        if takes_text:
            yield Inner(text=" ".join(each.text for each in following), language=language)
        if takes_text or not is_option:
            return  # the rest are arguments of the text or of a script's file
    yield from _standard_input(piece, text, language)


def _standard_input(piece: Piece, text: str, language: Language) -> Iterator[Inner]:
    """Texts on its standard input, where they stand in the text itself."""
    if piece.body:
        start, end = piece.body
        yield Inner(text=text[start:end], language=language, at=start)
    for redirect in piece.redirects:
        if redirect.operator == "<<<":
            yield Inner(text=redirect.target.text, language=language)
    before = piece.piped_from
    if before is not None and before.name in ("echo", "printf"):
        printed = " ".join(word.text for word in before.words[1:] if word.text[:1] != "-")
        yield Inner(text=printed, language=language)


def _of_find(words: Sequence[Word]) -> Iterator[Inner]:
    """The commands of `-exec … ;`."""
    texts = [word.text for word in words]
    index = 0
    while index < len(words):
        if texts[index] in ("-exec", "-execdir", "-ok", "-okdir"):
            end = index + 1
            while end < len(words) and texts[end] not in (";", "+"):
                end += 1
            if end > index + 1:
                yield Inner(words=tuple(words[index + 1 : end]))
            index = end
        index += 1
