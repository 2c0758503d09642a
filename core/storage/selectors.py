"""Label selectors as SQL: the target grammar, asked of documents of any kind."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, not_, or_, true

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
)
from core.errors import Invalid
from core.storage.tables import document, document_label

_GLOB_SPECIAL = str.maketrans({"[": "[[]"})


def condition(selector: str) -> ColumnElement[bool]:
    """What `selector` asks of a row of `tables.document`, such as `env=prod,!legacy`."""
    return _term(parse(selector))


def _term(term: Expression) -> ColumnElement[bool]:
    match term:
        case All():
            return true()
        case Name(name):
            return document.c.name == name
        case Range(hosts):
            return document.c.name.in_(tuple(hosts.names()))
        case Glob(pattern):
            return document.c.name.op("GLOB")(pattern.translate(_GLOB_SPECIAL))
        case Label() | Has() | Compared() | Known():
            return _labels(term)
        case Without(word):
            return not_(or_(_has(word), document.c.name == word))
        case Not(inner):
            return not_(_term(inner))
        case And(terms):
            return and_(*map(_term, terms))
        case Or(terms):
            return or_(*map(_term, terms))
        case Group(name):
            raise Invalid(
                f"@{name} is a group of hosts; documents are selected by name and label",
                hint="such as `env=prod,!legacy`",
            )


def _labels(term: Label | Has | Compared | Known) -> ColumnElement[bool]:
    """What is asked of labels. A document has no facts: the name of one is a label's here."""
    match term:
        case Label(key, values, excluded):
            labelled = _has(key, document_label.c.value.in_(values))
            return not_(labelled) if excluded else labelled
        case Compared(key, "=" | "!=" as sign, values):
            labelled = _has(key, document_label.c.value.in_(values))
            return labelled if sign == "=" else and_(_has(key), not_(labelled))
        case Has(key) | Known(key):
            return _has(key)
        case Compared(key):
            raise Invalid(
                f"documents are selected by name and label, and {key} is a fact of hosts",
                hint="`jobdeck hosts list` takes target expressions",
            )


def _has(key: str, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    label = document_label.c
    return exists().where(
        label.kind == document.c.kind, label.name == document.c.name, label.key == key, *more
    )
