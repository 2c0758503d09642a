"""Targets: from an expression and an inventory to the names of hosts.

The door to naming hosts: the rules of names (`names`), folded ranges
(`hostrange`) and the grammar (`target_parser`) are reached through here. Pure:
the same expression and inventory always give the same hosts in the same order.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field

from core.domain import facts
from core.domain.facts import FactValue, Observed
from core.domain.hostrange import expand, fold
from core.domain.names import (
    LABEL_KEY_PATTERN,
    NAME_PATTERN,
    RESERVED_WORDS,
    check_name,
    label_key_problem,
    name_problem,
    natural_key,
)
from core.domain.target_parser import parse
from core.domain.target_terms import (
    All,
    And,
    Compared,
    Expression,
    Glob,
    Group,
    Has,
    Known,
    Label,
    Name,
    Not,
    Or,
    Range,
    Without,
    walk,
)
from core.errors import Invalid, NotFound, Problem, nearest

__all__ = [
    "LABEL_KEY_PATTERN",
    "NAME_PATTERN",
    "RESERVED_WORDS",
    "Expression",
    "GroupView",
    "HostView",
    "Inventory",
    "References",
    "check_name",
    "expand",
    "facts_asked",
    "fold",
    "label_key_problem",
    "name_problem",
    "natural_key",
    "parse",
    "references",
    "resolve",
]


@dataclass(frozen=True, slots=True)
class HostView:
    """What an expression can ask of a host."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group's members: the listed hosts and those its expression chooses."""

    hosts: tuple[str, ...] = ()
    expression: str | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """All hosts and groups by name, as of one moment."""

    hosts: Mapping[str, HostView]
    groups: Mapping[str, GroupView] = field(default_factory=dict)
    facts: Callable[[], Mapping[str, Observed]] = dict
    """What was observed, by host; asked for once, and only by an expression that needs it."""


@dataclass(frozen=True, slots=True)
class References:
    """Names that an expression uses, each list unique and in natural order."""

    hosts: tuple[str, ...] = ()
    """Hosts named one by one or by a range; not what a glob happens to match."""
    groups: tuple[str, ...] = ()
    hosts_or_labels: tuple[str, ...] = ()
    """Bare words after `!`, which are a host or a label; the inventory decides."""


def resolve(expression: Expression, inventory: Inventory) -> tuple[str, ...]:
    """The chosen hosts, unique, in natural order (web2 before web10).

    Globs and selectors may choose nothing. Raises: NotFound for a host, group
    or excluded word that nothing answers to; Invalid for groups that contain
    each other or whose expression cannot be read.
    """
    return _in_order(_Resolver(inventory).resolve(expression))


def references(expression: Expression) -> References:
    """Hosts and groups that `expression` names itself, without looking into groups."""
    hosts: set[str] = set()
    groups: set[str] = set()
    words: set[str] = set()
    for term in walk(expression):
        match term:
            case Name(name):
                hosts.add(name)
            case Range(folded):
                hosts.update(folded.names())
            case Group(name):
                groups.add(name)
            case Without(word):
                words.add(word)
    return References(_in_order(hosts), _in_order(groups), _in_order(words))


def facts_asked(expression: Expression, inventory: Inventory) -> tuple[str, ...]:
    """Facts on which the choice depends, those that groups ask for included; in order."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [expression]
    while waiting:
        for term in walk(waiting.pop()):
            match term:
                case Compared(fact) | Known(fact):
                    found.add(fact)
                case Group(name) if name not in seen:
                    seen.add(name)
                    group = inventory.groups.get(name)
                    if group is not None and group.expression is not None:
                        waiting.append(parse(group.expression))
    return tuple(sorted(found))


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=natural_key))


class _Resolver:
    """Answers terms by sets of names. Groups are settled before whatever uses them."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._everything = frozenset(inventory.hosts)
        self._members: dict[str, Set[str]] = {}
        self._labels: dict[str, dict[str, set[str]]] = {}
        self._facts: Mapping[str, Observed] | None = None
        self._place = ""

    def resolve(self, expression: Expression) -> Set[str]:
        self._settle_groups(expression)
        return self._chosen(expression)

    def _settle_groups(self, expression: Expression) -> None:
        """Find the members of every group in use, innermost first.

        A walk with its own stack, so a long chain of groups costs no recursion.
        """
        path: dict[str, Expression | None] = {}
        waiting = [iter(references(expression).groups)]
        while waiting:
            name = next(waiting[-1], None)
            if name is None:
                waiting.pop()
                if path:
                    group, inner = path.popitem()
                    self._members[group] = self._group_members(group, inner)
            elif name in path:
                raise _circle([*path, name])
            elif name not in self._members:
                self._place = f"in group {next(reversed(path))!r}: " if path else ""
                path[name] = inner = self._group_expression(name)
                waiting.append(iter(references(inner).groups if inner else ()))
        self._place = ""

    def _group_expression(self, name: str) -> Expression | None:
        group = self._inventory.groups.get(name)
        if group is None:
            error = NotFound(f"{self._place}group", name, list(self._inventory.groups))
            if name in self._everything:
                error.hint = f"{name} is a host: write it without the @"
            raise error
        if group.expression is None:
            return None
        try:
            return parse(group.expression)
        except Invalid as error:
            raise Invalid(f"in group {name!r}: {error.message}", error.problems) from None

    def _group_members(self, name: str, expression: Expression | None) -> Set[str]:
        self._place = f"in group {name!r}: "
        members = set(self._named(self._inventory.groups[name].hosts))
        return members if expression is None else members | self._chosen(expression)

    def _chosen(self, term: Expression) -> Set[str]:
        match term:
            case All():
                return self._everything
            case Name(name):
                return self._named((name,))
            case Range(folded):
                return self._named(folded.names())
            case Glob(pattern):
                matches = re.compile(fnmatch.translate(pattern)).match
                return {name for name in self._everything if matches(name)}
            case Group(name):
                return self._members[name]
            case Label() | Has():
                return self._by_label(term)
            case Compared() | Known():
                return self._by_fact(term)
            case Without(word):
                return self._everything - self._answering(word)
            case Not(inner):
                return self._everything - self._chosen(inner)
            case And(terms):
                return _shared([self._chosen(inner) for inner in terms])
            case Or(terms):
                return set[str]().union(*(self._chosen(inner) for inner in terms))

    def _by_label(self, term: Label | Has) -> Set[str]:
        by_value = self._labelled(term.key)
        if isinstance(term, Has):
            return set[str]().union(*by_value.values())
        having = set[str]().union(*(by_value.get(value, ()) for value in term.values))
        return self._everything - having if term.excluded else having

    def _by_fact(self, term: Compared | Known) -> Set[str]:
        if isinstance(term, Known):
            return {name for name, _ in self._observed(term.fact)}
        fits = all if term.sign == "!=" else any
        return {
            name
            for name, found in self._observed(term.fact)
            if fits(facts.holds(term.fact, term.sign, value, found) for value in term.values)
        }

    def _observed(self, fact: str) -> Iterable[tuple[str, FactValue]]:
        """Hosts of which a fact is known, each with its value; a label of its name goes before."""
        if self._facts is None:
            self._facts = self._inventory.facts()
        for name, host in self._inventory.hosts.items():
            label, observed = host.labels.get(fact), self._facts.get(name)
            if label is not None:
                yield name, label
            elif observed is not None and fact in observed.values:
                yield name, observed.values[fact]

    def _named(self, names: Iterable[str]) -> Set[str]:
        """`names` as a set; all of them must be hosts."""
        wanted = set(names)
        if unknown := wanted - self._everything:
            raise self._unknown(sorted(unknown, key=natural_key))
        return wanted

    def _answering(self, word: str) -> Set[str]:
        """Hosts named `word` or labelled with it.

        Nothing is an error: an exclusion with a typing mistake would run on
        the very host it is meant to spare.
        """
        named = {word} & self._everything
        labelled = self._labelled(word)
        if not named and not labelled:
            keys = {key for host in self._inventory.hosts.values() for key in host.labels}
            near = nearest(word, [*self._everything, *keys])
            error = NotFound(f"{self._place}a host or label", word)
            error.hint = (f"did you mean {near!r}? " if near else "") + (
                f"!has({word}) is right even where no host has the label"
            )
            raise error
        return named.union(*labelled.values())

    def _labelled(self, key: str) -> dict[str, set[str]]:
        """Value of the label -> names of the hosts; every key is looked up once."""
        if key not in self._labels:
            by_value = self._labels[key] = {}
            for name, host in self._inventory.hosts.items():
                value = host.labels.get(key)
                if value is not None:
                    by_value.setdefault(value, set()).add(name)
        return self._labels[key]

    def _unknown(self, names: list[str]) -> NotFound:
        first = names[0]
        error = NotFound(f"{self._place}host", first, list(self._everything))
        if len(names) > 1:
            error.hint = f"{len(names)} such names: {_shortened(fold(names))}"
        elif first in self._inventory.groups:
            error.hint = f"{first} is a group: write @{first}"
        return error


def _shared(sets: list[Set[str]]) -> Set[str]:
    """What all sets have in common, beginning with the smallest."""
    sets.sort(key=len)
    shared = set(sets[0])
    for other in sets[1:]:
        shared &= other
    return shared


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "..."


def _circle(path: list[str]) -> Invalid:
    circle = " -> ".join(path[path.index(path[-1]) :])
    problem = Problem(where="", what=f"the groups contain each other: {circle}")
    return Invalid("this group contains itself", [problem], hint="take one of them out")
