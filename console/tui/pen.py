"""The pen of a terminal: what it writes with, and the shortest way from one pen to the next. Pure.

Terminals keep colours and attributes until they are told otherwise, so only what is different needs
to be said.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from rich.color import ColorSystem
from rich.style import Style

_BOLD, _DIM, _ITALIC, _UNDERLINE, _BLINK, _REVERSE, _STRIKE = (1 << n for n in range(7))
_ON = {
    _BOLD: "1",
    _DIM: "2",
    _ITALIC: "3",
    _UNDERLINE: "4",
    _BLINK: "5",
    _REVERSE: "7",
    _STRIKE: "9",
}
_OFF = {
    _BOLD | _DIM: "22", _ITALIC: "23", _UNDERLINE: "24", _BLINK: "25", _REVERSE: "27", _STRIKE: "29",
}  # fmt: skip
_SEEN_ON_BLANKS = _UNDERLINE | _REVERSE | _STRIKE
"""Attributes that a blank shows."""


class Pen(NamedTuple):
    """What is written with; "" stands for the terminal's own colour."""

    ink: str = ""
    """Parameters of SGR that choose the colour of text, such as `38;5;39`."""
    ground: str = ""
    attributes: int = 0

    @property
    def for_blanks(self) -> Pen:
        """What of it can be seen on a blank."""
        ink = self.ink if self.attributes & _REVERSE else ""
        return Pen(ink, self.ground, self.attributes & _SEEN_ON_BLANKS)

    @property
    def shows_on_blanks(self) -> bool:
        """Whether a blank shows more of it than its ground."""
        return bool(self.attributes & _SEEN_ON_BLANKS)

    def carrying(self, held: Pen) -> Pen:
        """This pen, which is to write blanks, with whatever of `held` does not matter there."""
        if self.attributes & _REVERSE:
            return self
        return Pen(held.ink, self.ground, self.attributes | held.attributes & ~_SEEN_ON_BLANKS)


PLAIN = Pen()
"""How a terminal begins, and what `CSI m` leaves."""


@lru_cache(maxsize=4096)
def pen_of(style: Style | None, system: ColorSystem | None) -> Pen:
    """A style as a terminal of so many colours has it; None: it has none."""
    if style is None:
        return PLAIN
    attributes = (
        (style.bold, _BOLD),
        (style.dim, _DIM),
        (style.italic, _ITALIC),
        (style.underline, _UNDERLINE),
        (style.blink, _BLINK),
        (style.reverse, _REVERSE),
        (style.strike, _STRIKE),
    )
    ink = ground = ""
    if system is not None and style.color is not None:
        ink = ";".join(style.color.downgrade(system).get_ansi_codes())
    if system is not None and style.bgcolor is not None:
        ground = ";".join(style.bgcolor.downgrade(system).get_ansi_codes(foreground=False))
    return Pen(
        "" if ink == "39" else ink,
        "" if ground == "49" else ground,
        sum(bit for is_set, bit in attributes if is_set),
    )


@lru_cache(maxsize=4096)
def change(held: Pen, wanted: Pen) -> str:
    """What is sent so that `wanted` is written with after `held`."""
    if held == wanted:
        return ""
    anew = _sgr(["", *_from_plain(wanted)])
    if wanted == PLAIN:
        return anew
    return min(_sgr(_differences(held, wanted)), anew, key=len)


def _from_plain(pen: Pen) -> list[str]:
    codes = [code for bit, code in _ON.items() if pen.attributes & bit]
    return codes + [code for code in (pen.ink, pen.ground) if code]


def _differences(held: Pen, wanted: Pen) -> list[str]:
    codes, have = [], held.attributes
    for bits, code in _OFF.items():
        if have & bits & ~wanted.attributes:
            codes.append(code)
            have &= ~bits
    codes += [code for bit, code in _ON.items() if wanted.attributes & ~have & bit]
    if held.ink != wanted.ink:
        codes.append(wanted.ink or "39")
    if held.ground != wanted.ground:
        codes.append(wanted.ground or "49")
    return codes


def _sgr(codes: list[str]) -> str:
    return f"\x1b[{';'.join(codes)}m"
