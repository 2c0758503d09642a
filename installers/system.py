"""What the tests need from the operating system: named, found, and on Debian as root installed."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from installers import progress

FOLDERS = (Path("/usr/sbin"), Path("/sbin"))
"""Where servers live that are not on the path of an ordinary user."""
HOMEBREW = ("fish", "tmux")  # the rest comes with macOS, or does not exist there
APT_LISTS = Path("/var/lib/apt/lists")


@dataclass(frozen=True)
class Need:
    """A program, or a shared library of Linux, that some tests cannot do without."""

    name: str
    """What is looked for: a program's name, or a library's file name such as `libEGL.so.1`."""
    debian: str
    """Its Debian package."""
    tests: str
    """The tests that are left out where it is missing."""

    @property
    def is_library(self) -> bool:
        return ".so" in self.name

    def is_met(self) -> bool:
        if not self.is_library:
            return shutil.which(self.name, path=search_path()) is not None
        if not sys.platform.startswith("linux"):
            return True
        try:
            ctypes.CDLL(self.name)
        except OSError:
            return False
        return True


SSH = "runs over a real SSH server"
SHELLS = "quoting, tried on the real shells"
DATABASES = "SQL on real database servers"
TERMINAL = "consoles in a real terminal"
DESKTOP = "the desktop, off screen"

NEEDS = (
    Need("sshd", "openssh-server", SSH),
    Need("ssh-keygen", "openssh-client", SSH),
    Need("sudo", "sudo", SSH),
    Need("busybox", "busybox", SHELLS),
    Need("csh", "csh", SHELLS),
    Need("fish", "fish", SHELLS),
    Need("ksh", "ksh", SHELLS),
    Need("tcsh", "tcsh", SHELLS),
    Need("zsh", "zsh", SHELLS),
    Need("mariadbd", "mariadb-server", DATABASES),
    Need("postgres", "postgresql", DATABASES),
    Need("tmux", "tmux", TERMINAL),
    Need("libEGL.so.1", "libegl1", DESKTOP),
    Need("libGL.so.1", "libgl1", DESKTOP),
    Need("libdbus-1.so.3", "libdbus-1-3", DESKTOP),
    Need("libfontconfig.so.1", "libfontconfig1", DESKTOP),
    Need("libglib-2.0.so.0", "libglib2.0-0", DESKTOP),
    Need("libxcb-cursor.so.0", "libxcb-cursor0", DESKTOP),
    Need("libxkbcommon.so.0", "libxkbcommon0", DESKTOP),
)


def search_path() -> str:
    """Debian keeps PostgreSQL's server in a folder by version."""
    folders = (*FOLDERS, *Path("/usr/lib/postgresql").glob("*/bin"))
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, folders)])


def is_debian() -> bool:
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def provide(needs: Sequence[Need] = NEEDS) -> None:
    """Install what is missing where that is possible; else say what is missing and what it costs."""
    missing = [need for need in needs if not need.is_met()]
    if missing and is_debian() and is_root():
        packages = sorted({need.debian for need in missing})
        with progress.step(f"installing {len(packages)} system packages: {' '.join(packages)}"):
            error = apt_install(packages)
        if error:
            progress.say(f"  apt-get could not install them:\n{error}")
        missing = [need for need in missing if not need.is_met()]
    if missing:
        progress.say(missing_text(missing))


def missing_text(missing: Sequence[Need]) -> str:
    """What is missing, which tests are left out, and the command that helps."""
    lines = [f"  missing on this machine: {', '.join(need.name for need in missing)}"]
    lines += [
        f"  left out without it: {tests}" for tests in sorted({need.tests for need in missing})
    ]
    if is_debian():
        packages = " ".join(sorted({need.debian for need in missing}))
        lines.append(f"  to install: {'' if is_root() else 'sudo '}apt-get install {packages}")
    elif brewed := [need.name for need in missing if need.name in HOMEBREW]:
        lines.append(f"  to install: brew install {' '.join(brewed)}")
    return "\n".join(lines)


def apt_install(packages: Sequence[str]) -> str:
    """Install Debian packages in one call; "" or the last lines of what apt-get complained about.

    The package lists are fetched only where there are none, or where they turn out to be old.
    """
    install = ["install", "--yes", "--no-install-recommends", *packages]
    if any(APT_LISTS.glob("*_Packages*")) and not _apt(install):
        return ""
    return _apt(["update"]) or _apt(install)


def _apt(arguments: Sequence[str]) -> str:
    done = subprocess.run(
        ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return ""
    return (
        "\n".join(f"    {line}" for line in done.stdout.strip().splitlines()[-5:]) or "    failed"
    )
