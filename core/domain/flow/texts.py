"""Texts of a flow that are read as expressions, checked as they are written."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from core.domain import expressions
from core.errors import Problem

MAX_CHARACTERS = 4000


def in_one_line(text: str, problem: Problem) -> str:
    """What is wrong with a text, where in it, and what to try."""
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{problem.what} at {problem.where}: {text!r}{hint}"


def _reads(text: str) -> str:
    try:
        expressions.parse(text)
    except expressions.ExpressionFault as fault:
        raise ValueError(in_one_line(text, fault.problem)) from None
    return text


def _fills(text: str) -> str:
    try:
        expressions.parse_template(text)
    except expressions.ExpressionFault as fault:
        raise ValueError(in_one_line(text, fault.problem)) from None
    return text


Expression = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS), AfterValidator(_reads)]
"""An expression, as `core.domain.expressions` reads it."""

Template = Annotated[str, Field(max_length=MAX_CHARACTERS), AfterValidator(_fills)]
"""Words in which `${ expression }` stands for a value."""
