"""The expression language of flows: conditions of edges, values of inputs, places in texts.

Total and pure. An expression reaches the values of its scope, the functions of a fixed table and
nothing else; every way to go wrong is an `ExpressionFault` with its place; and it ends within
counted steps. What the language means is in `assets/help/expressions.en.md`, how it is built in
the README of this package.
"""

from core.domain.expressions.budget import Bounds
from core.domain.expressions.checking import (
    UNKNOWN,
    Mistake,
    Shape,
    check,
    list_of,
    map_of,
    one_of,
)
from core.domain.expressions.expression import Expression, ExpressionFault, parse
from core.domain.expressions.functions import FUNCTIONS
from core.domain.expressions.template import Template, check_template, parse_template
from core.domain.expressions.values import (
    Kind,
    NotAValue,
    SecretValue,
    Value,
    as_value,
    from_json,
    kind_of,
    text_of,
    to_json,
)

__all__ = [
    "FUNCTIONS",
    "UNKNOWN",
    "Bounds",
    "Expression",
    "ExpressionFault",
    "Kind",
    "Mistake",
    "NotAValue",
    "SecretValue",
    "Shape",
    "Template",
    "Value",
    "as_value",
    "check",
    "check_template",
    "from_json",
    "kind_of",
    "list_of",
    "map_of",
    "one_of",
    "parse",
    "parse_template",
    "text_of",
    "to_json",
]
