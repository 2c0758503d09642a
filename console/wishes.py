"""What a person has chosen, as far as it can be; what cannot is told, and the default holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.keys import in_force
from console.preferences import PreferenceFile, Preferences
from core.errors import OpsError


@dataclass(frozen=True, slots=True)
class Wishes:
    """One reading of a file of preferences."""

    preferences: Preferences
    """As they are stated."""
    keys: Mapping[str, str]
    """The keys among them that hold."""
    trouble: OpsError | None
    """What was wrong, where, and what to try; None where all of it holds."""


def read_wishes(file: PreferenceFile) -> Wishes:
    """Never fails: what is wrong with the file is `trouble`."""
    try:
        stated = file.read()
    except OpsError as error:
        return Wishes(Preferences(), {}, error)
    keys, problems = in_force(stated.keys)
    return Wishes(stated, keys, file.refusal_of_keys(problems) if problems else None)
