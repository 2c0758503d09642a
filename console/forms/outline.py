"""Fields and a body -> rows: what a form shows, in which order and how deep.

Groups, lists and maps are opened and closed. Fields that few people need are left out until they
are given a value, or everything is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from console.forms.fields import CONTAINERS, Field, Path, Shape, inner, item
from console.forms.values import ABSENT, at

SELDOM = frozenset({
    "allow_empty", "backoff", "become", "ca", "certificate", "certificate_file", "change_pattern",
    "code_page", "execution", "exempt", "facts_s", "health_s", "host_key",
    "host_keys", "host_outputs", "http_networks", "idempotent", "ignorable", "include_away", "jump",
    "lock_hosts",
    "locks", "max_bytes", "max_load_per_cpu", "max_runs", "max_runs_per_host", "min_free_mem_mb",
    "on_timeout", "optional", "outputs", "override", "passphrase", "preemptible", "skippable", "spool", "tls",
    "tls_certificate", "tls_key", "tls_passphrase", "undo", "winrm",
})  # fmt: skip
"""Names of fields that most documents do without."""

_TOP = "spec"
"""The group whose fields stand at the top of a form, beside the document's name."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a form."""

    path: Path
    field: Field
    value: Any
    """ABSENT where the body says nothing."""
    depth: int
    is_open: bool = False
    """Whether the rows inside it follow."""
    item_of: Shape | None = None
    """LIST or MAP where it is one of several, which can be taken away."""

    @property
    def has_inside(self) -> bool:
        return self.field.shape in CONTAINERS

    @property
    def label(self) -> str:
        """Its name, as documents have it; items of lists have numbers."""
        step = self.path[-1]
        if isinstance(step, str):
            return step or '""'
        named = self.value.get("name") if isinstance(self.value, Mapping) else None
        return f"{step + 1}" if not isinstance(named, str) else f"{step + 1} {named}"


def rows(
    root: Field, body: Any, opened: Collection[Path] = (), *, everything: bool = False
) -> Iterator[Row]:
    """The rows of a form; `opened`: paths whose insides are shown."""
    for each in inner(root, body):
        value = at(body, (each.name,))
        if each.name == _TOP:
            yield from _inside(each, value, (_TOP,), 0, opened, everything)
        else:
            yield from _from(each, value, (each.name,), 0, opened, everything)


def _from(
    place: Field,
    value: Any,
    path: Path,
    depth: int,
    opened: Collection[Path],
    everything: bool,
    item_of: Shape | None = None,
) -> Iterator[Row]:
    """The row of a field, and those inside it where it is open."""
    is_open = path in opened and place.shape in CONTAINERS
    yield Row(path, place, value, depth, is_open, item_of)
    if is_open:
        yield from _inside(place, value, path, depth + 1, opened, everything)


def _inside(
    place: Field, value: Any, path: Path, depth: int, opened: Collection[Path], everything: bool
) -> Iterator[Row]:
    match place.shape, value:
        case Shape.LIST, list():
            for number, each in enumerate(value):
                here = (*path, number)
                yield from _from(item(place), each, here, depth, opened, everything, Shape.LIST)
        case Shape.MAP, Mapping():
            for key, each in value.items():
                here = (*path, key)
                yield from _from(item(place), each, here, depth, opened, everything, Shape.MAP)
        case ((Shape.GROUP | Shape.BRANCHES), _):
            for each in inner(place, value):
                given = at(value, (each.name,))
                if everything or is_shown(each, given):
                    yield from _from(each, given, (*path, each.name), depth, opened, everything)


def is_shown(place: Field, value: Any) -> bool:
    """Whether a form shows a field to those who did not ask for all of them."""
    return place.required or value is not ABSENT or place.name not in SELDOM


def hidden(root: Field, body: Any, opened: Collection[Path] = ()) -> int:
    """How many fields are left out of the rows."""
    return len(list(rows(root, body, opened, everything=True))) - len(
        list(rows(root, body, opened))
    )
