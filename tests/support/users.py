"""Accounts of this machine, made for tests that run as root."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_NAME = re.compile(r"jdt(?P<pid>\d+)-[a-z]+")


@dataclass(frozen=True, slots=True)
class User:
    name: str
    password: str
    home: Path


class Users:
    """Makes accounts with names of this process's own; all of them go at the end."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}
        self._rules: list[Path] = []

    def __enter__(self) -> Self:
        for entry in pwd.getpwall():
            made = _NAME.fullmatch(entry.pw_name)
            if made and not Path("/proc", made["pid"]).exists():
                # Left behind by a run that was killed.
                Path("/etc/sudoers.d", entry.pw_name).unlink(missing_ok=True)
                _run("userdel", "--remove", "--force", entry.pw_name, check=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for rule in self._rules:
            rule.unlink(missing_ok=True)
        for user in self._users.values():
            _run("userdel", "--remove", "--force", user.name, check=False)

    def user(self, kind: str, *, login_shell: str = "/bin/sh", sudo: str = "") -> User:
        """The account of this `kind`; made at the first call.

        `sudo`: its rule in sudoers, such as `ALL=(ALL) NOPASSWD: ALL`.
        """
        if kind in self._users:
            return self._users[kind]
        name = f"jdt{os.getpid()}-{kind}"
        password = f"pass-{kind}-{os.getpid()}"
        _run("useradd", "--create-home", "--shell", login_shell, name)
        _run("chpasswd", stdin=f"{name}:{password}\n")
        user = User(name, password, Path(pwd.getpwnam(name).pw_dir))
        self._users[kind] = user
        if sudo:
            # sudo leaves out files with a dot in their names.
            rule = Path("/etc/sudoers.d", name)
            rule.touch(mode=0o440)
            rule.write_text(f"{name} {sudo}\n")
            self._rules.append(rule)
        return user


def _run(*command: str, stdin: str | None = None, check: bool = True) -> None:
    done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)
    assert not check or done.returncode == 0, f"{command}: {done.stderr}"
