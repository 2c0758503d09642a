"""Servers that refuse to run as root: the user who runs them, and a folder of theirs."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def folder_of(user: str, prefix: str) -> tuple[Path, Mapping[str, Any]]:
    """A new folder, and what makes `subprocess` run as its owner: `user` where we are root."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    if os.geteuid() != 0:
        return folder, {}
    owner = pwd.getpwnam(user)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return folder, {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def run(as_user: Mapping[str, Any], *command: str) -> None:
    """Run a command to its end, which must be a good one."""
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **as_user)
    assert done.returncode == 0, done.stderr
