"""Output of hosts that mean harm: streams from a seed, and what a terminal must never be sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import StringIO
from random import Random

from rich.console import Console
from rich.segment import Segment
from textual.strip import Strip

from console.cells import width
from console.logs.chunks import Entry, Piece, Who, cut
from console.logs.log import Log
from console.logs.margin import Margin, Times, host_cells
from console.logs.matches import Matches
from console.logs.window import Window
from console.tui import theming
from console.tui.widgets.logview import paint

AT = "2026-11-27T08:00:00.000000Z"
_OURS = re.compile(r"\x1b\[[0-9;]*m")
"""What our own colours send."""
_CONSOLE = Console(file=StringIO(), force_terminal=True, color_system="truecolor")
_SIZES = [(2, 1), (17, 5), (80, 24), (200, 60)]

_SEEDS: Sequence[bytes] = (
    b"\x1b]0;owned\x07", b"\x1b]2;owned\x1b\\", b"\x1b]52;c;ZXZpbA==\x07",
    b"\x1b]8;;http://evil/\x1b\\click\x1b]8;;\x1b\\", b"\x1b[2J", b"\x1b[H", b"\x1b[999;999H",
    b"\x1b[?1049h", b"\x1b[?1000h", b"\x1b[6n", b"\x1b[c", b"\x1bc", b"\x1b#8", b"\x1b(0",
    b"\x1bP1$r0m\x1b\\", b"\x1b_Gf=24;AAAA\x1b\\", b"\x1b^pm\x1b\\", b"\x1bX sos\x1b\\",
    b"\x1b[31m", b"\x1b[1;38;5;200m", b"\x1b[38;2;1;2;3m", b"\x1b[8m", b"\x1b[0m", b"\x1b[m",
    b"\x1b[" + b"9" * 5000 + b"m", b"\x1b[;;;;m", b"\x1b[38;5m", b"\x1b[4:3m", b"\x1b[K",
    b"\xc2\x9b31m", b"\xc2\x9d0;owned\xc2\x9c", b"\x9b2J", b"\xc2\x90q\xc2\x9c", b"\x07", b"\x08",
    b"\x0b", b"\x0c", b"\x0e", b"\x7f", b"\x00", b"\r", b"\t", b"\n", b"\r\n", b"\x1b", b"\x1b\x1b",
    "\u202eevil\u202c".encode(), "\u2066x\u2069".encode(), "\u200b\ufeff\u00ad".encode(),
    "👨\u200d👩\u200d👧".encode(), "❤\ufe0f".encode(), "👍🏽".encode(), "🇩🇪".encode(),
    "磁盘已满".encode(), "한글".encode(), "e\u0301\u0302".encode(), "\u0301".encode(),
    "مرحبا".encode(), "שלום".encode(), "क्षि".encode(), "\U000e0041".encode(), "\u2028".encode(),
    b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe7\xa3", b"plain text ",
)  # fmt: skip


def stream(chance: Random) -> bytes:
    """Some output: known evils, cut and mixed, and bytes of any kind."""
    parts: list[bytes] = []
    for _part in range(chance.randint(1, 12)):
        part = chance.choice(_SEEDS)
        match chance.randrange(6):
            case 0:
                part = part[: chance.randint(0, len(part))]
            case 1:
                part = chance.randbytes(chance.randint(1, 12))
            case 2:
                part *= chance.randint(1, 9)
            case _:
                pass
        parts.append(part)
    return b"".join(parts)


def log_of(data: bytes, chance: Random) -> Log:
    """The output in chunks that are cut anywhere, as two hosts' or one's."""
    log, number = Log(), 0
    before: tuple[Who, bytes] | None = None
    while data:
        size = chance.randint(1, len(data)) if chance.randrange(3) else len(data)
        part, data = data[:size], data[size:]
        host = chance.choice(["web1", "数据库\x1b]0;x\x07", "web1"])
        who = Who(host, 0, "main", 1)
        continues = before is not None and before[0] == who and not before[1].endswith(b"\n")
        pieces = [Piece("out", AT, part)]
        number += 1
        log.add([Entry(number, who, len(part), len(cut(pieces)) - continues, continues)])
        log.fill(number, pieces)
        before = who, part
    return log


def wrongs(seed: int, size: tuple[int, int] | None = None) -> list[str]:
    """What is wrong with what a terminal is sent for the stream of a seed; nothing, one hopes."""
    chance = Random(seed)
    cells, height = size or chance.choice(_SIZES)
    log = log_of(stream(chance), chance)
    margin = Margin(
        host_cells=host_cells(log.hosts) if chance.randrange(2) else 0,
        lines=log.lines if chance.randrange(2) else 0,
        times=chance.choice(list(Times)),
        started_at=AT,
    )
    window = Window(log)
    window.wraps = bool(chance.randrange(2))
    window.look_for(chance.choice([None, Matches("e"), Matches("1b")]))
    window.resize(cells, height)
    window.slide(chance.choice([0, 3, 40]))
    found: list[str] = []
    for _screen in range(3):
        for shown in window.lines():
            found += _wrongs_of(paint(shown, margin, COLOURS), cells + margin.cells)
        window.page(1)
    return [f"seed {seed}: {wrong}" for wrong in found]


COLOURS: Mapping[str, str] = theming.variables()


def _wrongs_of(segments: list[Segment], cells: int) -> list[str]:
    strip = Strip(segments)
    text = "".join(segment.text for segment in strip)
    found = []
    if width(text) > cells:
        found.append(f"{width(text)} cells in a line of {cells}: {text!r}")
    sent = Strip(strip.adjust_cell_length(cells)).render(_CONSOLE)
    rest = _OURS.sub("", sent)
    if width(rest) != cells:
        found.append(f"painted {width(rest)} cells of {cells}: {rest!r}")
    controls = [f"{ord(letter):04x}" for letter in rest if _is_control(letter)]
    return found + ([f"sent {controls}"] if controls else [])


def _is_control(letter: str) -> bool:
    point = ord(letter)
    hides = 0x200B <= point <= 0x200F or 0x2028 <= point <= 0x202E or 0x2060 <= point <= 0x206F
    return point < 0x20 or 0x7F <= point <= 0x9F or hides or 0xD800 <= point <= 0xDFFF
