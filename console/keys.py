"""Which key does what: the defaults of the registry, and a person's own map over them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from unicodedata import lookup

from console.actions import TEXTS, Action, Scope, registry
from console.i18n import _
from core.errors import Problem, nearest

_SIGNS = {
    "at": "@",
    "backslash": "\\",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "minus": "-",
    "plus": "+",
    "slash": "/",
    "underscore": "_",
}
"""Signs whose keys are not called as Unicode calls the sign."""
_COMMA = "comma"
"""Between keys stand commas, so the key has its name in key maps."""
_WORDS = {"escape": "esc", "pagedown": "pgdn", "pageup": "pgup", "comma": ","}
_NAMED = frozenset({
    "backspace", _COMMA, "delete", "down", "end", "enter", "escape", "home", "insert", "left",
    "pagedown", "pageup", "right", "space", "tab", "up",
    *(f"f{number}" for number in range(1, 25)),
})  # fmt: skip
_MODIFIERS = frozenset({"alt", "ctrl", "shift"})
_SHARED = (Scope.LIST, Scope.TEXT)


def name_of_key(key: str) -> str:
    """A key as key maps have it: by the character that is printed on it, where there is one."""
    try:
        sign = key if len(key) == 1 else _SIGNS.get(key) or lookup(key.replace("_", " "))
    except KeyError:
        return key
    if sign == ",":
        return _COMMA
    return sign if _is_character(sign) else key


def key_word(key: str) -> str:
    """A key as people read it: `^p`, `esc`, `?`."""
    if key.startswith("ctrl+"):
        return f"^{key_word(key.removeprefix('ctrl+'))}"
    return _WORDS.get(key, key)


def is_key(key: str) -> bool:
    """Whether it is a character or a name, maybe held with others: `x`, `ctrl+x`, `f5`."""
    if _is_character(key):
        return True
    *held, last = key.split("+")
    return _MODIFIERS.issuperset(held) and (last in _NAMED or _is_character(name_of_key(last)))


def _is_character(key: str) -> bool:
    return len(key) == 1 and key.isprintable() and not key.isspace()


def keys_of(action: Action, own: Mapping[str, str]) -> Sequence[str]:
    """The keys of an action: a person's own, else those of the registry."""
    keys = own[action.id].split(",") if action.id in own else action.keys
    return tuple(map(name_of_key, keys))


def taken_by(action: Action, key: str, own: Mapping[str, str]) -> Action | None:
    """Another action that has this key and may be at hand at the same time as `action`."""
    name = name_of_key(key)
    for other in registry().values():
        if other is not action and _meet(action.scope, other.scope) and name in keys_of(other, own):
            return other
    return None


def _meet(one: Scope, other: Scope) -> bool:
    """Whether actions of these scopes may be at hand in one view."""
    if one is other or Scope.EVERYWHERE in (one, other):
        return True
    if Scope.LIST in (one, other) and not TEXTS.isdisjoint((one, other)):
        return False
    return (one in _SHARED) != (other in _SHARED)


def in_force(stated: Mapping[str, str]) -> tuple[dict[str, str], list[Problem]]:
    """What of a person's own map holds, and what is wrong with the rest.

    An action whose keys cannot be has its default again, which may be in the way of another's:
    so it is looked at until nothing is wrong.
    """
    own, problems = dict(stated), list[Problem]()
    for look in (_misnamed, _taken):
        while wrong := dict(look(own)):
            problems += wrong.values()
            own = {id_: keys for id_, keys in own.items() if id_ not in wrong}
    return own, problems


def _misnamed(own: Mapping[str, str]) -> Iterator[tuple[str, Problem]]:
    known = registry()
    for id_, keys in own.items():
        if id_ not in known:
            near = nearest(id_, [*known])
            hint = _("did you mean {name}?").format(name=near) if near else ""
            yield id_, _problem(id_, _("there is no such action"), hint)
            continue
        for key in keys.split(","):
            if not is_key(key):
                hint = _("such as x, f5, ctrl+x; several with commas between them")
                yield id_, _problem(id_, _("'{key}' is no key").format(key=key), hint)


def _taken(own: Mapping[str, str]) -> Iterator[tuple[str, Problem]]:
    known = registry()
    for id_ in own:
        for key in keys_of(known[id_], own):
            if other := taken_by(known[id_], key, own):
                what = _("{key} is the key of: {title} ({id})")
                told = what.format(key=key_word(key), title=other.title, id=other.id)
                yield id_, _problem(id_, told)


def _problem(id_: str, what: str, hint: str = "") -> Problem:
    return Problem(where=f"[keys] {id_}", what=what, hint=hint)
