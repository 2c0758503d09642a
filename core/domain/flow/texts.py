"""Texts of a flow that are read as expressions, checked as they are written."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from core.domain import expressions
from core.domain.findings import misread

MAX_CHARACTERS = 4000


def _reads(text: str) -> str:
    try:
        expressions.parse(text)
    except expressions.ExpressionFault as fault:
        raise misread(fault) from None
    return text


def _fills(text: str) -> str:
    try:
        expressions.parse_template(text)
    except expressions.ExpressionFault as fault:
        raise misread(fault) from None
    return text


Expression = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS), AfterValidator(_reads)]
"""An expression, as `core.domain.expressions` reads it."""

Template = Annotated[str, Field(max_length=MAX_CHARACTERS), AfterValidator(_fills)]
"""Words in which `${ expression }` stands for a value."""
