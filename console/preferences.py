"""How one person wants the consoles: a small file in the home, read at their start.

    theme = "jobdeck-light"
    language = "zh_CN"
    toured = true

    [keys]
    "runs.stop" = "x"

A file that cannot be understood is one clear message and the defaults; it is then never written
over, so that what somebody typed by hand is not lost.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from console.i18n import LANGUAGES, _
from core.errors import EnvironmentFault, Invalid, Problem

_MOST_BYTES = 1 << 18


class Preferences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be set; "" and nothing mean what the consoles have by themselves."""

    theme: str = ""
    """The name of a theme; one that is not there means the default."""
    language: str = ""
    """One of LANGUAGES; JOBDECK_LANG and `--lang` go before it."""
    keys: Mapping[str, str] = {}
    """Id of an action -> its keys, separated by commas, in the place of its own."""
    toured: bool = False
    """Whether the first-time tour was taken or left."""


class PreferenceFile:
    """Where the preferences of a home are kept."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Preferences:
        """What is kept; the defaults where there is no file.

        Raises Invalid where the file says something that cannot be, EnvironmentFault where it
        cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                text = file.read(_MOST_BYTES).decode()
        except FileNotFoundError:
            return Preferences()
        except UnicodeDecodeError as error:
            raise self._refused(_("it is no text: {reason}").format(reason=error)) from error
        except OSError as error:
            raise self._fault(_("cannot be read"), error) from error
        try:
            found = msgspec.convert(tomllib.loads(text), Preferences)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise self._refused(str(error)) from error
        if found.language and found.language not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise self._refused(
                _("language {name} is not known; there are {names}").format(
                    name=found.language, names=known
                )
            )
        return found

    def change(self, **changes: Any) -> Preferences:
        """Keep these changes, and everything else as it is; on disk when this returns.

        Raises as `read`, and then changes nothing.
        """
        new = msgspec.structs.replace(self.read(), **changes)
        # A half written file never has the final name.
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}.new")
        try:
            with draft.open("w", encoding="utf-8") as file:
                file.write(_as_toml(new))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise self._fault(_("cannot be written"), error) from error
        return new

    def refusal_of_keys(self, problems: Sequence[Problem]) -> Invalid:
        """Keys that cannot be, which leaves all else as it is stated."""
        message = _("keys in {file} cannot be as they are written; their defaults hold")
        hint = _("mend them there, or choose them in `:settings`")
        return Invalid(message.format(file=self._path), problems, hint=hint)

    def _refused(self, what: str) -> Invalid:
        problem = Problem(where=str(self._path), what=what)
        hint = _("mend the file or remove it; until then the defaults hold")
        return Invalid(_("the preferences cannot be understood"), [problem], hint=hint)

    def _fault(self, what: str, error: OSError) -> EnvironmentFault:
        return EnvironmentFault(f"{self._path} {what}: {error.strerror}")


def _as_toml(preferences: Preferences) -> str:
    """As a file; what has its default is left out, so that it follows a later default."""
    changed = {
        name: value
        for name, value in msgspec.to_builtins(preferences).items()
        if value != getattr(Preferences(), name)
    }
    keys = changed.pop("keys", {})
    lines = [f"{name} = {_value(value)}" for name, value in changed.items()]
    if keys:
        lines += ["", "[keys]"] if lines else ["[keys]"]
        lines += [f"{_value(id_)} = {_value(each)}" for id_, each in sorted(keys.items())]
    return "".join(f"{each}\n" for each in lines)


def _value(value: str | bool) -> str:
    """A basic string of TOML is written as one of JSON, except for the character DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
