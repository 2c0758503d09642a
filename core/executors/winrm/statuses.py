"""Exit statuses of Windows: 32 bits, shown as its own shells show them, and what they say. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_BITS = 32
_SMALL = 1 << 16
"""Beyond it a status is no number that a program counts with, and is known by its hexadecimal digits."""

_MEANINGS: Mapping[int, str] = {
    1641: "what it did takes effect with a restart, which it began",
    3010: "what it did takes effect with a restart",
    9009: "cmd found no program of that name",
    0x40010004: "it was ended because Windows shuts down, or its session ends",
    0x80131506: "the .NET runtime failed",
    0x80131623: "it ended itself at once (.NET FailFast)",
    0xC0000005: "access violation: it used memory that is not its own",
    0xC0000017: "there was not enough memory",
    0xC000001D: "illegal instruction: was it built for another processor?",
    0xC0000022: "access is denied",
    0xC0000094: "division by zero",
    0xC00000FD: "stack overflow",
    0xC0000135: "a DLL that it needs is missing",
    0xC0000138: "a DLL that it needs has another version",
    0xC0000139: "a DLL that it needs has another version",
    0xC000013A: "it was ended by Ctrl-C",
    0xC0000142: "a DLL that it needs could not begin: is there room for more sessions?",
    0xC0000374: "its heap was corrupted",
    0xC0000409: "it ended itself at once, having found its memory damaged",
    0xC0000420: "an assertion failed",
    0xE0434352: "an exception of .NET was not caught",
    0xE06D7363: "an exception of C++ was not caught",
    0xFFFD0000: "PowerShell could not read the script",
}
"""By the status without its sign: NTSTATUS, codes of runtimes, and those of installers and cmd."""


def signed(status: int) -> int:
    """`status` as PowerShell and cmd show it, however it was sent: 4294967295 is -1."""
    status %= 1 << _BITS
    return status - (1 << _BITS) if status >> (_BITS - 1) else status


def meaning(status: int) -> str:
    """What `status` says, to follow it in a sentence; "" for nothing."""
    plain = status % (1 << _BITS)
    digits = f" (0x{plain:08X})" if not -_SMALL < status < _SMALL else ""
    said = _MEANINGS.get(plain)
    return f"{digits}: {said}" if said else digits
