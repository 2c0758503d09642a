"""What files cannot be called on Windows. Pure."""

from __future__ import annotations

from core.domain.files.paths import shown

_FORBIDDEN = frozenset('<>:"|?*\\')
_DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [f"{name}{digit}" for name in ("COM", "LPT") for digit in "0123456789¹²³"]
)
_MOST_UNITS = 255
"""Of UTF-16, in one part."""


def check_name(name: str) -> str:
    """`name`, below a folder; ValueError unless Windows makes exactly that file of it.

    A colon names a stream of another file, a backslash leads into another folder, blanks and dots
    at an end are dropped, and some names are devices wherever they stand.
    """
    for part in name.split("/"):
        if bad := next((each for each in part if each in _FORBIDDEN), None):
            raise ValueError(f"{shown(name)} has a character that Windows has no files with: {bad}")
        if part.endswith((" ", ".")):
            raise ValueError(
                f"{shown(name)} has a part that ends in a dot or blank; Windows drops it"
            )
        if part.partition(".")[0].rstrip().upper() in _DEVICES:
            raise ValueError(f"{shown(name)} has a part that is a device of Windows: {part}")
        if len(part.encode("utf-16-le", "surrogatepass")) > 2 * _MOST_UNITS:
            raise ValueError(f"{shown(name)} has a part of more than {_MOST_UNITS} characters")
    return name
