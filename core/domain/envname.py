"""The one rule for names of environment variables, outputs and parameters.

Letters, digits and underscore, not beginning with a digit: the names that every
shell can read back (POSIX.1-2017, XBD 8.1, and `name` in 3.235). Kept apart
because documents, captures and executors all ask it.
"""

from __future__ import annotations

import re

MAX_ENV_NAME_CHARACTERS = 128

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def check_env_name(name: str) -> str:
    """`name` itself; ValueError says which character is wrong and where."""
    if not name:
        raise ValueError("the name of a variable is empty")
    if len(name) > MAX_ENV_NAME_CHARACTERS:
        raise ValueError(
            f"the name of a variable has {len(name)} characters; "
            f"at most {MAX_ENV_NAME_CHARACTERS} are allowed"
        )
    good = _NAME.match(name)
    place = good.end() if good else 0
    if place == len(name):
        return name
    raise ValueError(
        f"{name!r} cannot name a variable: {name[place]!r} at character {place + 1} "
        "(letters, digits and _ are allowed, and the first is no digit)"
    )
