"""The typed settings of an engine, from `settings.toml` in its home."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from core.domain.documents import problems_of
from core.domain.values import Value
from core.errors import EnvironmentFault, Invalid
from core.storage.caps import Caps


class Settings(Value):
    """What can be set in `settings.toml`; every field has a default that suits most."""

    max_targets: int = Field(500, ge=1, le=10000, description="targets at the same time, all runs")
    connect_timeout_s: float = Field(20, gt=0, le=600)
    idle_connection_s: float = Field(60, ge=0, le=3600, description="kept open this long")
    workers: int | None = Field(
        None, ge=0, le=64, description="SSH worker processes; else one a core, at most 8"
    )
    workers_from: int = Field(
        32, ge=0, le=10000, description="SSH sessions at the same time from which on workers help"
    )
    kept_connections: int = Field(512, ge=0, le=10000)
    reattach_s: float = Field(
        900, ge=0, le=7 * 86400, description="how long a host is looked for whose line was lost"
    )
    cancel_grace_s: float = Field(3, ge=0, le=300, description="between TERM and KILL")
    output_per_target: str = Field("100MB", description="cap on one target's output")
    output_per_run: str = Field("2GB", description="cap on one run's output")
    output_over_cap: Literal["truncate", "halt"] = "truncate"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    def caps(self) -> Caps:
        """The caps on output; Invalid names the one that cannot be read."""
        return Caps.parse(self.output_per_run, self.output_per_target, self.output_over_cap)


def load_settings(path: Path) -> Settings:
    """The settings in a file, defaults where there is none; Invalid names every misfit and its line's key."""
    try:
        settings = Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        settings.caps()
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise EnvironmentFault(
            f"{path} cannot be read: {error.strerror}", hint="check its owner and its mode"
        ) from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is not UTF-8: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        raise Invalid(f"{path} is not valid", problems_of(error, Settings)) from error
    except Invalid as error:
        raise Invalid(f"{path} is not valid", error.problems) from error
    return settings
