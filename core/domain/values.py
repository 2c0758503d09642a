"""The base of every value that a person writes or reads.

Values are frozen and refuse unknown fields: a misspelt field that is silently
ignored is how a read-only host gets written to.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
)

from core.domain.envname import check_variable_name
from core.domain.patterns import LABEL_KEY, SECRET_ID
from core.domain.targets import check_name


class Value(BaseModel):
    """A frozen value whose unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class SecretRef(Value):
    """Where a secret's bytes are: an id in the vault. All that is ever stored or shown."""

    secret: str = Field(pattern=SECRET_ID, description="id of a secret in the vault")


def _secret_input(value: Any) -> Any:
    if isinstance(value, str) and not value:
        raise ValueError("an empty secret proves nothing; leave the field out")
    if isinstance(value, bool | int | float):
        raise ValueError("must be text; put it in quotes")
    return value


Secret = Annotated[
    SecretRef | SecretStr,
    Field(  # before the validator: `union_mode` belongs to the union itself
        union_mode="left_to_right",
        description="write-only: give the text; reading gives {secret: <id>}",
    ),
    BeforeValidator(_secret_input),
]
"""A field that takes a secret's text and keeps only its `SecretRef`.

`core.vault.sealing` replaces the text before anything is stored.
"""


def _day(value: Any) -> Any:
    if not isinstance(value, date):
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise ValueError("must be a day, such as 2027-03-31") from error
    return value


Day = Annotated[date, BeforeValidator(_day)]
"""A day of the calendar; numbers of seconds, which pydantic takes too, are none."""


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Regex = Annotated[str, AfterValidator(_compiles)]
"""A regular expression that a person wrote."""

Name = Annotated[str, AfterValidator(check_name)]
"""A document's name: letters of any script, digits, `.`, `_`, `-`; at most 128 characters."""

EnvName = Annotated[str, AfterValidator(check_variable_name)]
"""A name that a POSIX shell accepts as an environment variable, and that is not Jobdeck's own."""

Labels = dict[
    Annotated[str, StringConstraints(pattern=LABEL_KEY)],
    Annotated[str, StringConstraints(max_length=255)],
]
"""Labels: key -> value, both text."""

Env = dict[EnvName, str]
"""Environment variables: name -> text."""
