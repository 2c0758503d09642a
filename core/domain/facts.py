"""Facts: what was observed on a host, and what a target expression can ask of it.

`FACTS` is the only list of facts: the grammar, the screens and the help follow from it. How they
are gathered is `core.domain.gathering`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

FactValue = str | int | float | Sequence[str]


class FactKind(StrEnum):
    """How the values of a fact are compared."""

    TEXT = "text"
    """Equal or not."""
    NUMBER = "number"
    VERSION = "version"
    """Number by number: 3.9 is before 3.11."""
    LIST = "list"
    """Equal to a value: has it among its own."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact that is gathered."""

    name: str
    kind: FactKind
    about: str
    passing: bool = False
    """Whether it is another at every look: it says nothing about a change of the host."""


_K = FactKind

FACTS: Mapping[str, Fact] = {
    fact.name: fact
    for fact in (
        Fact("hostname", _K.TEXT, "what the host calls itself"),
        Fact("os.id", _K.TEXT, "distribution, as in os-release: debian, alpine, rhel"),
        Fact("os.version", _K.VERSION, "version of the distribution"),
        Fact("os.name", _K.TEXT, "its name for people"),
        Fact("kernel", _K.VERSION, "release of the kernel"),
        Fact("arch", _K.TEXT, "x86_64, aarch64"),
        Fact("cpus", _K.NUMBER, "processors that are on"),
        Fact("cpu.model", _K.TEXT, "what the first processor calls itself"),
        Fact("mem_gb", _K.NUMBER, "memory, in units of 1,000,000,000 bytes"),
        Fact("swap_gb", _K.NUMBER, "swap space"),
        Fact("disk_gb", _K.NUMBER, "size of the file system at /"),
        Fact("disks", _K.LIST, "file systems on devices: where, and how big"),
        Fact("addresses", _K.LIST, "IP addresses, without loopback"),
        Fact("python", _K.VERSION, "version of python3"),
        Fact("shells", _K.LIST, "shells that are installed"),
        Fact("boot", _K.TEXT, "identity of its last start: another one after a restart"),
        Fact("uptime_h", _K.NUMBER, "hours since its last start", passing=True),
        Fact("load", _K.NUMBER, "load average of one minute", passing=True),
        Fact("mem_free_gb", _K.NUMBER, "memory that programs could have", passing=True),
        Fact("disk_free_gb", _K.NUMBER, "free space at /", passing=True),
        Fact("skew_s", _K.NUMBER, "the host's clock minus the engine's", passing=True),
    )
}
"""Every fact, in the order in which people read them."""

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
ORDERING = frozenset({"<", "<=", ">", ">="})
"""Comparisons that only numbers and versions know."""

_PARTS = re.compile(r"\d+|[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Observed:
    """A host's facts, as they were at a moment."""

    at: str
    """UTC, ISO 8601."""
    values: Mapping[str, FactValue]


def lasting(values: Mapping[str, FactValue]) -> dict[str, FactValue]:
    """The facts whose change is a change of the host."""
    return {name: value for name, value in values.items() if not _passing(name)}


def passing(values: Mapping[str, FactValue]) -> dict[str, FactValue]:
    """The facts that are a sample of the moment."""
    return {name: value for name, value in values.items() if _passing(name)}


def fresh(seen: Mapping[str, Observed], since: Callable[[str], str]) -> dict[str, Observed]:
    """What was observed, by host, without samples that are older than `since(host)`."""
    return {
        host: each if each.at >= since(host) else Observed(each.at, lasting(each.values))
        for host, each in seen.items()
    }


def _passing(name: str) -> bool:
    fact = FACTS.get(name)
    return fact is not None and fact.passing


def comparison_problem(name: str, comparison: str, value: str) -> str | None:
    """What is wrong with asking this of a fact, as a sentence; None: it can be asked."""
    kind = FACTS[name].kind
    if comparison in ORDERING and kind in (FactKind.TEXT, FactKind.LIST):
        return f"{name} is compared with =, != and in: it is a {kind}"
    if kind is FactKind.NUMBER and _number(value) is None:
        return f"{name} is a number, and {value[:40]!r} is none"
    return None


def holds(name: str, comparison: str, value: str, found: FactValue) -> bool:
    """Whether `found`, a host's own value of the fact, compares so with `value`."""
    kind, compare = FACTS[name].kind, COMPARISONS[comparison]
    if not isinstance(found, str | int | float):
        return (value in found) == (comparison == "=")
    if kind is FactKind.NUMBER:
        own, asked = _number(str(found)), _number(value)
        return own is not None and asked is not None and compare(own, asked)
    if kind is FactKind.VERSION:
        return compare(version_key(str(found)), version_key(value))
    return compare(str(found), value)


def version_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Orders versions by their numbers; words come before numbers, as 1.0rc is before 1.0.1."""
    return tuple(
        (1, int(part), "") if part.isdecimal() else (0, 0, part) for part in _PARTS.findall(text)
    )


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", text) else None
