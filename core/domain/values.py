"""The base of every value that a person writes or reads.

Values are frozen and refuse unknown fields: a misspelt field that is silently
ignored is how a read-only host gets written to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    StringConstraints,
    Tag,
    model_validator,
)

from core.domain.envname import check_variable_name
from core.domain.patterns import FILE, LABEL_KEY, SECRET_ID, SOURCE_PATH
from core.domain.targets import check_name


class Value(BaseModel):
    """A frozen value whose unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class SecretRef(Value):
    """Where a secret's bytes are: an id in the vault. All that is ever stored or shown."""

    secret: str = Field(pattern=SECRET_ID, description="id of a secret in the vault")


class SourceKind(StrEnum):
    """Where a secret may stay; the engine's settings say which of them it asks."""

    ENV = "env"
    FILE = "file"
    COMMAND = "command"
    VAULT = "vault"


class SecretSource(Value):
    """A secret that stays outside, and is read at the moment of its use: the one place of it."""

    env: str | None = Field(
        None, min_length=1, max_length=200, description="environment variable of the engine"
    )
    file: str | None = Field(
        None,
        max_length=4096,
        pattern=FILE,
        description="file on the engine's machine; its last line end does not count",
    )
    command: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="program and arguments; what it prints, without the last line end",
    )
    vault: str | None = Field(
        None,
        max_length=1024,
        pattern=SOURCE_PATH,
        description="MOUNT/PATH of a secret in HashiCorp Vault (KV version 2)",
    )
    field: str | None = Field(
        None, min_length=1, max_length=200, description="which of the values at `vault`"
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(getattr(self, kind.value) is not None for kind in SourceKind) != 1:
            raise ValueError("give one of `env`, `file`, `command`, `vault`")
        if (self.vault is None) != (self.field is None):
            raise ValueError("`vault` and `field` belong together; give both")
        return self

    @property
    def kind(self) -> SourceKind:
        return next(kind for kind in SourceKind if getattr(self, kind.value) is not None)

    def __str__(self) -> str:
        """For messages: where it is, and nothing of what may be secret in a command's arguments."""
        match self.kind:
            case SourceKind.COMMAND:
                assert self.command is not None
                return f"command {self.command[0]}"
            case SourceKind.VAULT:
                return f"vault {self.vault}, field {self.field}"
            case kind:
                return f"{kind.value} {getattr(self, kind.value)}"


def _secret_input(value: Any) -> Any:
    if isinstance(value, str) and not value:
        raise ValueError("an empty secret proves nothing; leave the field out")
    if isinstance(value, bool | int | float):
        raise ValueError("must be text; put it in quotes")
    return value


def _form(value: Any) -> str:
    """Which form of a secret somebody means: then only that one's mistakes are told."""
    if isinstance(value, SecretRef) or (isinstance(value, Mapping) and "secret" in value):
        return SecretRef.__name__
    if isinstance(value, SecretSource | Mapping):
        return SecretSource.__name__
    return SecretStr.__name__


Secret = Annotated[
    Annotated[SecretRef, Tag(SecretRef.__name__)]
    | Annotated[SecretSource, Tag(SecretSource.__name__)]
    | Annotated[SecretStr, Tag(SecretStr.__name__)],
    Field(  # before the validator: the discriminator belongs to the union itself
        discriminator=Discriminator(_form),
        description="write-only: give the text; reading gives {secret: <id>}. Or say where it"
        " stays: {env: NAME}, {file: PATH}, {command: [PROGRAM, …]}, {vault: MOUNT/PATH, field: …}",
    ),
    BeforeValidator(_secret_input),
]
"""A field that takes a secret's text and keeps only its `SecretRef`, or the place where it stays.

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

REFERS_TO = "x-refers-to"
"""In a JSON Schema: the kind of document whose name a text is."""
HOLDS = "x-holds"
"""In a JSON Schema: what kind of text it is, `targets` or `lines`, where that is no plain one."""


def _note(key: str, value: str) -> Any:
    return Field(json_schema_extra={key: value})


AccountName = Annotated[Name, _note(REFERS_TO, "account")]
CalendarName = Annotated[Name, _note(REFERS_TO, "calendar")]
ChannelName = Annotated[Name, _note(REFERS_TO, "channel")]
EnvironmentName = Annotated[Name, _note(REFERS_TO, "environment")]
FlowName = Annotated[Name, _note(REFERS_TO, "flow")]
HostName = Annotated[Name, _note(REFERS_TO, "host")]
JobName = Annotated[Name, _note(REFERS_TO, "job")]
ScriptName = Annotated[Name, _note(REFERS_TO, "script")]
TargetText = Annotated[str, _note(HOLDS, "targets")]
"""A target expression, as people write it."""
Lines = Annotated[str, _note(HOLDS, "lines")]
"""Text of several lines, such as a script."""

EnvName = Annotated[str, AfterValidator(check_variable_name)]
"""A name that a POSIX shell accepts as an environment variable, and that is not Jobdeck's own."""

Labels = dict[
    Annotated[str, StringConstraints(pattern=LABEL_KEY, max_length=63)],
    Annotated[str, StringConstraints(max_length=255)],
]
"""Labels: key -> value, both text."""

Env = dict[EnvName, str]
"""Environment variables: name -> text."""
