"""Output without what differs by accident, so that equal answers have equal digests.

A colour, a progress bar, the host's own name and the time of day make two hosts
look different that say the same thing. Each such rule can be switched off on its
own. Everything here works on bytes and within lines, whatever their encoding.

`Rule.NUMBERS` is not in `DEFAULT_RULES`: a number is the answer of most commands
(load, free space, version), and grouping `load 1` with `load 90` hides exactly what
was asked for. It is for a second look, when pids and counters keep groups apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b

NORMALISED_BYTES = 256 * 1024
"""How much of an output is normalised for its digest; the rest is hashed raw, which is cheap."""

DIGEST_BYTES = 10
"""80 bits, shown as 20 hexadecimal digits: no two outputs of a run meet by chance."""


class Rule(StrEnum):
    """What is taken out of an output, in the order of application."""

    ANSI = "ansi"
    """Escape sequences: colours, cursor moves, titles, links."""
    PROGRESS = "progress"
    """Of a line that carriage returns write over, the last writing stays."""
    HOST = "host"
    """The host's own names and addresses become <host>."""
    TIME = "time"
    """Time stamps become <time>: a time of day with its date, or to the second. Dates stay."""
    NUMBERS = "numbers"
    """All other numbers become <n>."""
    BLANKS = "blanks"
    """Blanks at the end of a line and empty lines at the end of the output go."""


DEFAULT_RULES = frozenset(Rule) - {Rule.NUMBERS}


class Normaliser:
    """The digest of one output that arrives in pieces; where they are cut does not matter.

    Whole lines are normalised as they arrive, so no more than one line is held. What
    follows the last whole line within the first NORMALISED_BYTES is hashed raw.
    """

    def __init__(
        self, host_words: Iterable[str] = (), rules: Iterable[Rule] = DEFAULT_RULES
    ) -> None:
        self._rules = frozenset(rules)
        self._steps = _steps(tuple(host_words), self._rules)
        self._hash = blake2b(digest_size=DIGEST_BYTES)
        self._room = NORMALISED_BYTES
        self._line = bytearray()
        self._newlines = 0
        """Newlines owed before the next text; at the end, `Rule.BLANKS` lets them go."""

    def feed(self, data: bytes) -> None:
        """Take the next piece of output."""
        head = data[: self._room]
        if head:
            self._room -= len(head)
            cut = head.rfind(b"\n")
            if cut < 0:
                self._line += head
            else:
                self._add(bytes(self._line) + head[:cut])
                self._newlines += 1
                self._line[:] = head[cut + 1 :]
        if len(data) > len(head):
            self._hash.update(b"\n" * self._newlines + self._line)
            self._newlines = 0
            self._line.clear()
            self._hash.update(data[len(head) :])

    def digest(self) -> str:
        """The digest of what was fed so far; feeding may go on."""
        snapshot = self._hash.copy()
        snapshot.update(self._end())
        return snapshot.hexdigest()

    def _add(self, lines: bytes) -> None:
        text = _apply(self._steps, lines)
        kept = text.rstrip(b"\n")
        if kept:
            self._hash.update(b"\n" * self._newlines + kept)
            self._newlines = 0
        self._newlines += len(text) - len(kept)

    def _end(self) -> bytes:
        """What the unfinished line adds if the output ends here."""
        text = b"\n" * self._newlines + _apply(self._steps, bytes(self._line))
        return text.rstrip(b"\n") if Rule.BLANKS in self._rules else text


class OutputDigest:
    """The digest of what one host printed. Each stream counts by itself: two hosts that
    print the same on both are alike, however the streams happened to mix.
    """

    def __init__(
        self, host_words: Iterable[str] = (), rules: Iterable[Rule] = DEFAULT_RULES
    ) -> None:
        self._host_words, self._rules = tuple(host_words), frozenset(rules)
        self._streams: dict[str, Normaliser] = {}

    def feed(self, stream: str, data: bytes) -> None:
        """Take the next piece of one stream."""
        if stream not in self._streams:
            self._streams[stream] = Normaliser(self._host_words, self._rules)
        self._streams[stream].feed(data)

    def digest(self) -> str:
        """20 hexadecimal digits; "" when nothing was printed."""
        if not self._streams:
            return ""
        whole = blake2b(digest_size=DIGEST_BYTES)
        for stream in sorted(self._streams):
            whole.update(f"{stream}={self._streams[stream].digest()};".encode())
        return whole.hexdigest()


def normalise(
    data: bytes, host_words: Iterable[str] = (), rules: Iterable[Rule] = DEFAULT_RULES
) -> bytes:
    """The whole of `data` by `rules`: what two outputs are compared by, line for line."""
    chosen = frozenset(rules)
    text = _apply(_steps(tuple(host_words), chosen), data)
    return text.rstrip(b"\n") if Rule.BLANKS in chosen else text


_Step = Callable[[bytes], bytes]


def _apply(steps: Iterable[_Step], text: bytes) -> bytes:
    for step in steps:
        text = step(text)
    return text


@lru_cache(maxsize=4096)
def _steps(host_words: tuple[str, ...], rules: frozenset[Rule]) -> tuple[_Step, ...]:
    functions = {**_FUNCTIONS, Rule.HOST: _host_step(host_words)}
    return tuple(functions[rule] for rule in Rule if rule in rules)


# Patterns stay within a line, and where one begins with a run, a lookbehind lets it begin only
# where the run does: no input makes a pattern try the same bytes again and again. The plain
# searches before them answer "nothing to do" at many times the speed of a pattern.

# ECMA-48: CSI; strings (OSC, DCS, SOS, PM, APC) up to BEL or ST; short sequences; shifts.
_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]?|[]PX^_][^\x07\x1b\n]*+(?:\x07|\x1b\\)?|[ -/]*+[0-~]?)|[\x0e\x0f]"
)
_RETURNS_AT_END = re.compile(rb"(?<!\r)\r++(?=\n|\Z)")
_WRITTEN_OVER = re.compile(rb"^[^\n]*\r", re.MULTILINE)
_BLANKS_AT_END = re.compile(rb"(?<![ \t])[ \t]++(?=\n|\Z)")
_NUMBER = re.compile(rb"0[xX][0-9a-fA-F]++|\d++(?:[.,]\d++)*+")

# The first character is a class of its own, which lets the search skip all others quickly.
_TIME_STAMP = re.compile(
    r"""
    [0-9A-Z] (?<! [\w.:] .)                                   # not within a word or an address
    (?:
        (?: (?<= \d)
            (?: [09]\d\d ([-/]) \d\d? \1 \d\d?                 # 2026-11-23 07:35
              | [09]\d\d年\ ?\d\d?月\ ?\d\d?日(?:\ ?星期...)?   # 2026年11月23日 星期一 07:35
              | \d? [-/\ ] [A-Z][a-z]{2} (?: [-/\ ] \d{4})?      # 23/Nov/2026:07:35
            )
          | (?<= [A-Z])
            [a-z]{2} ,? \ + (?: [A-Z][a-z]{2} \ +)? \d\d?        # Nov 23 07:35, Mon Nov 23 07:35
            (?: \ [A-Z][a-z]{2})? (?: ,? \ \d{4})?              # Mon, 23 Nov 2026 07:35
        )
        (?: [T:_-] | ,? \ +) [0-2]? \d : [0-5]\d (?: : [0-6]\d)?
      | (?<= \d) \d? : [0-5]\d : [0-6]\d                        # alone, to the second: 07:35:00
    )
    (?: [.,] \d{1,9})? (?: \ [AP]M \b)?
    (?: Z | \ ? [+-]\d\d :? \d\d | \ [A-Z]{3,5} (?= \ \d{4} \b))? (?: \ (?: 19 | 20)\d\d)? (?: \ (?: UTC | GMT) \b)?
    (?! [\w:])
    """.encode(),
    re.VERBOSE,
)


def _without_escapes(text: bytes) -> bytes:
    return _ESCAPES.sub(b"", text) if b"\x1b" in text or b"\x0f" in text else text


def _last_writing(text: bytes) -> bytes:
    if b"\r" not in text:
        return text
    return _WRITTEN_OVER.sub(b"", _RETURNS_AT_END.sub(b"", text))


def _without_time_stamps(text: bytes) -> bytes:
    return _TIME_STAMP.sub(b"<time>", text) if b":" in text else text


def _without_numbers(text: bytes) -> bytes:
    return _NUMBER.sub(b"<n>", text)


def _without_blanks_at_end(text: bytes) -> bytes:
    if b" \n" in text or b"\t\n" in text or text.endswith((b" ", b"\t")):
        return _BLANKS_AT_END.sub(b"", text)
    return text


_FUNCTIONS: Mapping[Rule, _Step] = {
    Rule.ANSI: _without_escapes,
    Rule.PROGRESS: _last_writing,
    Rule.TIME: _without_time_stamps,
    Rule.NUMBERS: _without_numbers,
    Rule.BLANKS: _without_blanks_at_end,
}


def _host_step(host_words: Iterable[str]) -> _Step:
    """Replaces whole words, longest first; a name with a domain is known without it too."""
    words = {word.lower().encode() for word in host_words}
    words |= {word.partition(b".")[0] for word in words if not word.rpartition(b".")[2].isdigit()}
    # One letter stands for too much; and web1 must not be found in web10.
    known = sorted((word for word in words if len(word) > 1), key=lambda word: (-len(word), word))

    def replace_host(text: bytes) -> bytes:
        lowered = text.lower()
        if not any(word in lowered for word in known):
            return text
        # Compiled only here: most outputs do not name their host.
        names = rb"(?<![0-9A-Za-z_])(?:%b)(?![0-9A-Za-z_])" % b"|".join(map(re.escape, known))
        return re.sub(names, b"<host>", text, flags=re.IGNORECASE)

    return replace_host
