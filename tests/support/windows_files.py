"""A double of files.ps1: the programs for /bin/sh, whose talk is the same but for base 64.

Drive C: is the folder of that name in the user's home.
"""

from __future__ import annotations

import base64
import os
import shlex
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO


def carry(given: dict[str, str], home: Path) -> None:
    """Play the program that `given` names, on a host whose user's home is `home`; ends the process."""
    token, which = given.pop("token"), given.pop("program")
    _print(sys.stdout.buffer, f"jobdeck-{token} start {os.getpid()}\n".encode())
    _print(sys.stderr.buffer, f"jobdeck-{token} start\n".encode())
    values = {"end": r"\0" if which == "list" else r"\n", **given}
    values |= {name: _on_c(values[name], home) for name in _PATHS if name in values}
    text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    text += "".join((_PROGRAMS / f"{name}.sh").read_text() for name in ("common", which))
    program = subprocess.Popen(
        ["/bin/sh", "-c", text],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C"},
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert program.stdin is not None
    assert program.stdout is not None
    threading.Thread(target=_say_on, args=(program.stdin,), daemon=True).start()
    while data := os.read(program.stdout.fileno(), 1 << 16):
        # Content is content; anything else that is said names paths.
        said = data if which == "get" else data.replace(f"{home}/C:".encode(), b"C:")
        _print(sys.stdout.buffer, said)
    os._exit(program.wait())


def _print(to: IO[bytes], data: bytes) -> None:
    to.write(data)
    to.flush()


_PROGRAMS = Path(__file__).parents[2] / "core" / "executors" / "files"
_PATHS = ("folder", "path", "pattern")


def _on_c(path: str, home: Path) -> str:
    return f"{home}/{path}" if path.startswith("C:/") else path


def _say_on(to: IO[bytes]) -> None:
    """Hand over what is read, lines of base 64 after the command `put` as what they stand for."""
    content = False
    with suppress(BrokenPipeError):
        for line in sys.stdin.buffer:
            if line == b".\n":
                break
            to.write(base64.b64decode(line) if content else line)
            to.flush()
            content = content or line.startswith(b"put ")
        to.close()
