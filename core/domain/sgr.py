"""What SGR sequences say (ECMA-48 8.3.117: colours, bold, ...): state after codes. Pure."""

from __future__ import annotations

import re

ESCAPE = re.compile(
    r"\x1b(?:\[(?P<codes>[0-?]*)[ -/]*(?P<final>[@-~])|[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])"
)
"""An escape sequence that is complete; SGR is the one whose `final` is `m`."""

FORE, BACK = "f", "g"

_FLAGS = {1: "b", 2: "dim", 3: "i", 4: "u", 7: "inv", 9: "s"}
_ENDS = {22: ("b", "dim"), 23: ("i",), 24: ("u",), 27: ("inv",), 29: ("s",)}
_BASES = ((30, FORE, 0), (40, BACK, 0), (90, FORE, 8), (100, BACK, 8))
_MOST_DIGITS = 6
"""Of a code; what is longer means nothing, and Python refuses to read very long numbers."""
_CUBE = (0, 95, 135, 175, 215, 255)


class Graphics:
    """How text looks from here on."""

    def __init__(self) -> None:
        self.flags: dict[str, None] = {}
        """`b`, `dim`, `i`, `u`, `inv`, `s`, in the order in which they were selected."""
        self.colours: dict[str, str] = {}
        """FORE and BACK -> the number of one of the sixteen colours, or `#00d7ff`."""

    def select(self, codes: str) -> None:
        """Follow one sequence; what it does not know it ignores."""
        numbers = [
            int(code[:_MOST_DIGITS]) if code.isdecimal() and code.isascii() else 0
            for code in re.split("[;:]", codes or "0")
        ]
        while numbers:
            code = numbers.pop(0)
            if code == 0:
                self.flags.clear()
                self.colours.clear()
            elif code in _FLAGS:
                self.flags[_FLAGS[code]] = None
            elif code in _ENDS:
                for flag in _ENDS[code]:
                    self.flags.pop(flag, None)
            elif code in (38, 48):
                self._extended(FORE if code == 38 else BACK, numbers)
            elif code in (39, 49):
                self.colours.pop(FORE if code == 39 else BACK, None)
            else:
                for first, kind, base in _BASES:
                    if first <= code <= first + 7:
                        self.colours[kind] = str(base + code - first)

    def _extended(self, kind: str, numbers: list[int]) -> None:
        """38;5;N and 38;2;R;G;B; takes its numbers from the front of the list."""
        way = numbers.pop(0) if numbers else 0
        if way == 5 and numbers:
            self.colours[kind] = _of_256(min(numbers.pop(0), 255))
        elif way == 2 and len(numbers) >= 3:
            red, green, blue = (min(numbers.pop(0), 255) for _ in range(3))
            self.colours[kind] = f"#{red:02x}{green:02x}{blue:02x}"


def _of_256(number: int) -> str:
    """The number of one of the first sixteen colours of xterm's palette, the value of the others."""
    if number < 16:
        return str(number)
    if number < 232:
        place = number - 16
        levels = (_CUBE[place // 36], _CUBE[place // 6 % 6], _CUBE[place % 6])
    else:
        levels = (8 + 10 * (number - 232),) * 3
    return "#" + "".join(f"{level:02x}" for level in levels)
