"""`demo`, `test` and `install`: what each one needs, and what it then runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence

from installers import checks, pip, progress, system
from installers.environment import Environment

USAGE = """\
usage: python3 installers/bootstrap.py COMMAND [ARGUMENT ...]

  demo             try Jobdeck: an engine, a dozen make-believe hosts, one job on all of them
  test             run every check, as CI does; arguments go to pytest
                   (for example `test -k targets`)
  install          only make the environment; arguments are extras: cluster, credssp, desktop,
                   mssql, oracle, test

The environment is .venv in the checkout, or the folder that JOBDECK_VENV names. It is made on the
first start and mended when a pinned package changes. Packages come from where your pip
configuration says, and each one is checked by its hash.
"""


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 well, 1 failed, 2 asked wrongly, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command in ("-h", "--help", "help"):
        progress.say(USAGE)
        return 0
    if command not in COMMANDS:
        asked = f"there is no command {command!r}" if command else "a command is needed"
        sys.stderr.write(f"{asked}: demo, test or install (--help tells more)\n")
        return 2
    try:
        return COMMANDS[command](rest)
    except progress.Failure as failure:
        sys.stderr.write(f"\n{failure}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"\n{error}\nJOBDECK_VENV can name another folder for the environment.\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted; the next start goes on from a clean state.\n")
        return 130


def demo(arguments: Sequence[str]) -> int:
    environment = prepared()
    command = [str(environment.python), "-P", "-m", "console.demo", *arguments]
    if os.name == "posix":  # on Windows, replacing the process returns to the prompt at once
        os.execve(command[0], command, pip.environment())
    return subprocess.run(command, env=pip.environment(), check=False).returncode


def test(arguments: Sequence[str]) -> int:
    system.provide()
    return checks.run(prepared("test"), arguments)


def install(arguments: Sequence[str]) -> int:
    environment = prepared(*arguments)
    progress.say(f"Jobdeck is ready: {environment.scripts / 'jobdeck'} --help")
    return 0


def prepared(*extras: str) -> Environment:
    """The chosen environment, holding Jobdeck and `extras`; silent when there is nothing to do."""
    started = time.monotonic()
    environment = Environment.chosen()
    environment.prepare(extras)
    took_s = time.monotonic() - started
    if took_s > 1:
        progress.say(f"  ready after {progress.seconds(took_s)}")
    return environment


COMMANDS = {"demo": demo, "test": test, "install": install}
