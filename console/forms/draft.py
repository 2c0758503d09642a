"""A body that somebody changes, and what it was when they began. Every change is a new draft."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from console.forms import entry, values
from console.forms.fields import Field, Path, Shape, inner, item
from console.forms.values import ABSENT
from core.errors import Problem


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody is writing."""

    root: Field
    body: Mapping[str, Any]
    base: Mapping[str, Any]
    """As it was opened; what the engine has at `revision`."""
    revision: int | None = None
    """None: it is new."""
    unread: Mapping[Path, str] = field(default_factory=dict)
    """Texts that are no value of their field, as they were typed."""

    @property
    def is_changed(self) -> bool:
        return bool(self.unread) or self.body != self.base

    def value(self, path: Path) -> Any:
        return values.at(self.body, path)

    def text(self, path: Path) -> str:
        """What is edited at `path`."""
        if path in self.unread:
            return self.unread[path]
        return entry.shown(values.field_at(self.root, self.body, path), self.value(path))

    def typed(self, path: Path, text: str) -> Draft:
        """With what a text stands for; one that is no value is kept beside, and complained of."""
        place = values.field_at(self.root, self.body, path)
        unread = {each: kept for each, kept in self.unread.items() if each != path}
        try:
            value = entry.read(place, text, self.value(path))
        except entry.Unread:
            return replace(self, unread={**unread, path: text})
        changed = replace(self, unread=unread)
        if value is not ABSENT:
            return changed.put(path, value)
        # An item stays where it is: taking one away is said in another way.
        return changed.put(path, "") if isinstance(path[-1], int) else changed.drop(path)

    def put(self, path: Path, value: Any) -> Draft:
        return replace(self, body=values.put(self.root, self.body, path, value))

    def drop(self, path: Path) -> Draft:
        """Without what stands at `path`; texts that were typed inside it go too."""
        if self.value(path) is ABSENT:
            return self
        kept = {each: text for each, text in self.unread.items() if each[: len(path)] != path}
        return replace(self, body=values.drop(self.root, self.body, path), unread=kept)

    def move(self, path: Path, by: int) -> Draft:
        """With an item of a list further down, or up."""
        return replace(self, body=values.moved(self.body, path, by))

    def reverted(self, path: Path) -> Draft:
        """With what stood at `path` when it was opened."""
        before = values.at(self.base, path)
        plain = replace(self, unread={k: v for k, v in self.unread.items() if k != path})
        return plain.drop(path) if before is ABSENT else plain.put(path, before)

    def onto(self, theirs: Mapping[str, Any], revision: int) -> Draft:
        """The same changes, made to what somebody else has made of the document meanwhile."""
        body = values.merged(self.base, self.body, theirs)
        return replace(self, body=body, base=theirs, revision=revision)

    def complaints(self) -> dict[Path, list[Problem]]:
        """What is wrong by what fields say of themselves; the engine judges the rest."""
        found: dict[Path, list[Problem]] = {}
        for path, place, value in leaves(self.root, self.body):
            said = [Problem(where="", what=what) for what in entry.complaints(place, value)]
            if said:
                found[path] = said
        for path, text in self.unread.items():
            try:
                entry.read(values.field_at(self.root, self.body, path), text)
            except entry.Unread as wrong:
                found[path] = [Problem(where="", what=str(wrong))]
        return found

    def without_secrets(self) -> Draft:
        """Without texts of secrets, for whatever outlives the moment; references stay."""
        body: Any = self.body
        for path, place, value in leaves(self.root, self.body):
            if place.shape is Shape.SECRET and isinstance(value, str):
                body = values.drop(self.root, body, path)
        return replace(self, body=body)


def leaves(root: Field, body: Any, path: Path = ()) -> Iterator[tuple[Path, Field, Any]]:
    """Every field that is there or has to be, from the outside in."""
    if path:
        yield path, root, body
    match root.shape, body:
        case Shape.LIST, list():
            for number, each in enumerate(body):
                yield from leaves(item(root), each, (*path, number))
        case Shape.MAP, Mapping():
            for key, each in body.items():
                yield from leaves(item(root), each, (*path, key))
        case ((Shape.GROUP | Shape.BRANCHES), _) if body is not ABSENT and body is not None:
            for each in inner(root, body):
                given = values.at(body, (each.name,))
                if given is not ABSENT or each.required:
                    yield from leaves(each, given, (*path, each.name))
