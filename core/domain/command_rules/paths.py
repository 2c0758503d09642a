"""Paths as rules judge them: made plain, and looked up among what a system cannot lose."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from functools import lru_cache

FATAL = frozenset({
    "/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys",
    "/usr", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/sbin", "/var", "/var/lib",
})  # fmt: skip
"""Without these a system does not run."""
PRECIOUS = frozenset({
    "/home", "/mnt", "/media", "/opt", "/root", "/run", "/srv", "/usr/local", "/usr/share",
    "/var/log", "/var/spool", "~", "$HOME", "${HOME}",
})  # fmt: skip
"""What people keep, all of it at once."""
DISKS = re.compile(r"/dev/(?:[sv]d[a-z]|xvd[a-z]|hd[a-z]|nvme\d|mmcblk\d|dm-\d|md\d|mapper/|disk/)")
"""Devices that hold file systems."""
_HOME = re.compile(r"(~[\w.-]*|\$HOME|\$\{HOME\})/+(.*)", re.DOTALL)
_ALL_OF_IT = re.compile(r"/+(?:\.?\*|\{,\.\}\*|\.)?$")
_GLOBS = {"/**": "(?:/.*)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_WINDOWS_DRIVE = re.compile(r"(?i)^[a-z]:[\\/]*(?:\*(?:\.\*)?)?$")
_WINDOWS_FATAL = re.compile(
    r"(?i)^(?:[a-z]:|%systemdrive%|\$env:systemdrive)\\+"
    r"(?:windows|users|program files(?: \(x86\))?|programdata)(?:\\+(?:system32)?\\*\*?(?:\.\*)?)?$"
)


def plain(path: str, cwd: str | None = None) -> str:
    """An absolute path without detours; `/etc/*` and `/etc/.` are all of `/etc`.

    A path that begins where nobody knows stays as it is; one that goes up out of a home, whose
    depth nobody knows either, is taken to reach the root.
    """
    if cwd is not None and not path.startswith(("/", "~", "$")):
        path = posixpath.join(cwd, path)
    path = _ALL_OF_IT.sub("", path) or "/" if path.startswith(("/", "~", "$")) else path
    if home := _HOME.fullmatch(path):
        path = _below_home(home[1], posixpath.normpath(home[2]))
    if path.startswith("/"):
        path = posixpath.normpath(re.sub("/+", "/", path))
    return path


def _below_home(home: str, rest: str) -> str:
    """`rest` is plain: what goes up stands at its beginning."""
    parts = rest.split("/")
    if parts[0] != "..":
        return home if rest == "." else f"{home}/{rest}"
    return "/" + "/".join(part for part in parts if part != "..")


def is_windows_system(path: str) -> bool:
    """A whole drive, or a folder that Windows or its people cannot lose."""
    return bool(_WINDOWS_DRIVE.match(path) or _WINDOWS_FATAL.match(path))


def covers(patterns: Iterable[str], path: str) -> bool:
    """Whether one of the globs means this path: `**` passes slashes, `*` does not.

    `/etc/**` means `/etc` itself too.
    """
    return any(_glob(pattern).match(plain(path)) for pattern in patterns)


@lru_cache(maxsize=512)
def _glob(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(/\*\*$|\*\*|\*|\?)", pattern)
    return re.compile(
        "".join(_GLOBS.get(part, re.escape(part)) for part in parts) + r"\Z", re.DOTALL
    )
