"""The command `jobdeck`: one line in, one exit code out.

Every way in which a command can end meets its message and its exit code here,
so that no command has to think of either.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from console.cli import root, settings
from core.errors import OpsError


def main() -> None:
    """Entry point of the installed command."""
    sys.exit(run(sys.argv[1:]))


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    settings.reset()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        code = root.build().main(args=list(args), prog_name="jobdeck", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_gone()
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except OpsError as error:
        from console.cli import complaining

        return complaining.about(error)
    except typer.TyperException as error:
        from console.cli import complaining

        return complaining.about_usage(error)
    except Exception as error:  # noqa: BLE001  (whatever is left is our bug, and says so)
        from console.cli import complaining

        return complaining.about_bug(error)
    return code if isinstance(code, int) else 0


def _reader_gone() -> int:
    """End quietly, and keep the interpreter from flushing into the closed pipe at its end."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    return 141


if __name__ == "__main__":
    main()
