"""One call of pip: quiet while it works, and a reason with something to try when it fails."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from installers import progress

# Settings of the person's own pip that would lead packages away from the environment, or quarrel
# with the pins. Those that say where packages come from are left as they are.
_UNWANTED = ("PIP_CONSTRAINT", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_ROOT", "PIP_TARGET")
_PYTHON = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__")
# Images of containers set it: every engine and every command would compile 330 modules anew.
_SLOW = ("PYTHONDONTWRITEBYTECODE",)

_UNREACHABLE = (
    r"Failed to establish|NewConnectionError|NameResolutionError|ConnectTimeout|Read timed out"
    r"|ProxyError|Connection (refused|reset|broken)|Max retries"
)
# The first pattern found in what pip said decides what is worth trying.
ADVICE = {
    r"DO NOT MATCH THE HASHES": (
        "A package is not the file that was locked. Empty pip's cache (`python3 -m pip cache purge`)"
        " and try again; if it stays so, the index or proxy in use hands out changed files."
    ),
    r"No space left on device|Disk quota exceeded": (
        "Free some space (400 MB are enough), or set JOBDECK_VENV to a folder on another disk."
    ),
    r"Permission denied|Read-only file system": (
        "Set JOBDECK_VENV to a folder that you may write to."
    ),
    r"CERTIFICATE_VERIFY_FAILED|SSLError": (
        "Behind a proxy with its own certificates, name them to pip: PIP_CERT=/path/to/ca.pem."
    ),
    _UNREACHABLE: (
        "The package index could not be reached: look at the network and `python3 -m pip config"
        ' list`. Without a network, see "Without a network" in installers/README.md.'
    ),
    r"Could not find a version|No matching distribution": (
        "The package index in use could not be reached, or does not have this release for this"
        " machine; `python3 -m pip config list` shows which one it is."
    ),
    r"Failed (building|to build)|subprocess-exited-with-error": (
        "No ready-made build fits this machine, and it could not be compiled here."
        " installers/README.md lists the systems that need no compiler."
    ),
}


def environment() -> dict[str, str]:
    """This process's variables, without those that change which Python code is found, or how fast."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in (*_UNWANTED, *_PYTHON, *_SLOW)
    }
    return {**kept, "PIP_USER": "0"}


def run(pip: Sequence[str], arguments: Sequence[str | Path], log: Path) -> None:
    """Run pip; everything it says goes to `log`. Raises Failure with the lines that matter."""
    options = ["--disable-pip-version-check", "--no-input", "--no-color"]
    with log.open("ab") as output:
        start = output.tell()
        done = subprocess.run(
            [*pip, *options, *arguments],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            close_fds=False,  # pip inherits the lock on the environment (see environment._alone)
            check=False,
        )
    if done.returncode:
        said = log.read_bytes()[start:].decode(errors="replace")
        raise progress.Failure(explain(said) + f"\nEverything pip said is in {log}")


def explain(said: str) -> str:
    """The last useful lines of what pip said, and what to try."""
    lines = [line.rstrip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"\s*(ERROR\b|error\b|\w+Error:)", line)]
    useful = [f"  {line}" for line in (errors or lines)[-6:]]
    advice = [text for pattern, text in ADVICE.items() if re.search(pattern, said)]
    return "\n".join(["pip could not install the packages:", *useful, *advice[:1]])
