"""The typed settings of an engine, from `settings.toml` in its home."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import Field, ValidationError

from core.domain.documents import problems_of
from core.domain.values import Value
from core.errors import EnvironmentFault, Invalid


class Settings(Value):
    """What can be set in `settings.toml`; every field has a default that suits most."""

    max_targets: int = Field(500, ge=1, le=10000, description="targets at the same time, all runs")
    connect_timeout_s: float = Field(20, gt=0, le=600)
    idle_connection_s: float = Field(60, ge=0, le=3600, description="kept open this long")
    kept_connections: int = Field(512, ge=0, le=10000)
    cancel_grace_s: float = Field(3, ge=0, le=300, description="between TERM and KILL")
    output_per_target: str = Field("100MB", description="cap on one target's output")
    output_per_run: str = Field("2GB", description="cap on one run's output")
    output_over_cap: str = Field("truncate", pattern="^(truncate|halt)$")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")


def load_settings(path: Path) -> Settings:
    """The settings in a file, defaults where there is none; Invalid names every misfit and its line's key."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be read: {error.strerror}") from error
    try:
        return Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        raise Invalid(f"{path} is not valid", problems_of(error)) from error
