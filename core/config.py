"""The typed settings of an engine, from `settings.toml` in its home."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from core.domain.addresses import NetworkText
from core.domain.documents import problems_of
from core.domain.listening import HookListening, hook_listening
from core.domain.queueing import MaxRuns
from core.domain.values import SourceKind, Value
from core.errors import EnvironmentFault, Invalid, Problem
from core.storage.caps import Caps, Limit
from core.storage.retention import Rules

T = TypeVar("T")

_AGE = re.compile(r"(?P<count>[0-9]{1,5})(?P<unit>[hdw])")
_HOURS = {"h": 1, "d": 24, "w": 24 * 7}


class HashicorpVault(Value):
    """The server behind secrets that stay in HashiCorp Vault."""

    address: str = Field(
        pattern=r"^https?://[^\s/]+/?$", description="such as https://vault.example.org:8200"
    )
    token_file: str | None = Field(
        None, description="file with the engine's token; else the variable VAULT_TOKEN"
    )
    namespace: str = Field("", max_length=200)
    ca_file: str | None = Field(None, description="PEM: trust these authorities, and no others")


class Settings(Value):
    """What can be set in `settings.toml`; every field has a default that suits most."""

    max_targets: int = Field(500, ge=1, le=10000, description="targets at the same time, all runs")
    max_runs: MaxRuns | None = Field(
        None, description="runs at the same time, others wait; empty: all begin at once"
    )
    max_waiting_runs: int = Field(
        1000, ge=0, le=100_000, description="runs that wait; a start beyond them is refused"
    )
    ageing_s: float = Field(
        900, ge=10, le=30 * 86400, description="a run that waits rises one class each time"
    )
    connect_timeout_s: float = Field(20, gt=0, le=600)
    idle_connection_s: float = Field(60, ge=0, le=3600, description="kept open this long")
    workers: int | None = Field(
        None,
        ge=0,
        le=64,
        description="SSH worker processes; else one for each core but one, at most 8, from four cores on",
    )
    workers_from: int = Field(
        32, ge=0, le=10000, description="SSH sessions at the same time from which on workers help"
    )
    kept_connections: int = Field(512, ge=0, le=10000)
    reattach_s: float = Field(
        900, ge=0, le=7 * 86400, description="how long a host is looked for whose line was lost"
    )
    http_networks: tuple[NetworkText, ...] = Field(
        (),
        description="the only networks that HTTP requests and SQL reach; empty: all but this machine's own",
    )
    secret_sources: tuple[SourceKind, ...] = Field(
        (),
        description="where the engine may read secrets that stay outside: env, file, command, vault",
    )
    hashicorp_vault: HashicorpVault | None = None
    cancel_grace_s: float = Field(3, ge=0, le=300, description="between TERM and KILL")
    output_per_target: str = Field("100MB", description="cap on one target's output")
    output_per_run: str = Field("2GB", description="cap on one run's output")
    output_over_cap: Literal["truncate", "halt"] = "truncate"
    keep_runs: str = Field("", description="runs that ended longer ago go: `90d`; empty: all stay")
    keep_runs_count: int = Field(0, ge=0, description="of all runs the newest stay; 0: all")
    keep_output: str = Field(
        "", description="older runs keep their record, not their output: `30d`"
    )
    keep_output_size: str = Field("", description="of all output, as stored, the newest: `50GB`")
    keep_noted: bool = Field(True, description="runs with a note stay as they are")
    contents_size: str = Field("20GB", description="files that belong to jobs, all together")
    keep_contents: str = Field(
        "7d", description="contents that nobody has referred to for longer go"
    )
    listen_hooks: str = Field(
        "", description="HOST:PORT for calls of schedules; empty: only the Unix socket takes them"
    )
    tls_certificate: str = Field(
        "", description="PEM file for `listen_hooks`; empty: plain HTTP, on loopback alone"
    )
    tls_key: str = Field("", description="its key; empty: in the same file")
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    def caps(self) -> Caps:
        """The caps on output; Invalid names the one that cannot be read."""
        return Caps.parse(self.output_per_run, self.output_per_target, self.output_over_cap)

    def retention(self) -> Rules:
        """What is kept; Invalid names the setting that cannot be read."""
        age = _read("keep_contents", _age, self.keep_contents)
        if age is None:
            raise _refused("keep_contents", "must be an age, such as 7d")
        return Rules(
            runs_age=_read("keep_runs", _age, self.keep_runs),
            runs_count=self.keep_runs_count or None,
            output_age=_read("keep_output", _age, self.keep_output),
            output_bytes=_size("keep_output_size", self.keep_output_size),
            keep_noted=self.keep_noted,
            contents_age=age,
        )

    def hook_listening(self) -> HookListening | None:
        """Where calls of schedules are taken beside the socket; Invalid names the setting."""
        return hook_listening(self.listen_hooks, self.tls_certificate, self.tls_key)

    def most_contents(self) -> int | None:
        """Bytes that contents may take; None: as many as the disk has. Invalid as `retention`."""
        return _size("contents_size", self.contents_size)


def _age(text: str) -> timedelta | None:
    """A time such as `12h`, `30d` or `8w`; None for an empty text."""
    if not text:
        return None
    match = _AGE.fullmatch(text.strip())
    if match is None or int(match["count"]) == 0:
        raise Invalid(f"{text!r} is not an age", hint="write `12h`, `30d` or `8w`")
    return timedelta(hours=int(match["count"]) * _HOURS[match["unit"]])


def _size(name: str, text: str) -> int | None:
    """Bytes; None for an empty text."""
    if not text:
        return None
    limit = _read(name, Limit.parse, text)
    if limit.size_bytes is None:
        raise _refused(name, "must be a size, such as 50GB")
    return limit.size_bytes


def _refused(name: str, what: str, hint: str = "") -> Invalid:
    problem = Problem(where=name, what=what, hint=hint)
    return Invalid("the rules of what is kept are not valid", [problem])


def _read(name: str, read: Callable[[str], T], text: str) -> T:
    """What a setting's text means; Invalid says which setting it is."""
    try:
        return read(text)
    except Invalid as error:
        raise _refused(name, error.message, error.hint) from error


def load_settings(path: Path) -> Settings:
    """The settings in a file, defaults where there is none; Invalid names every misfit and its line's key."""
    try:
        settings = Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        settings.caps()
        settings.retention()
        settings.most_contents()
        settings.hook_listening()
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
