"""The command `jobdeck`: one line in, one exit code out.

Every way in which a command can end meets its message and its exit code here,
so that no command has to think of either.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from console.cli import root, settings
from core.errors import OpsError


def main() -> None:
    """Entry point of the installed command."""
    sys.exit(run(sys.argv[1:]))


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    settings.reset()
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    root.speak_as_asked(args)
    try:
        code = root.build().main(args=list(args), prog_name="jobdeck", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_gone()
    except SystemExit as end:
        # WORKAROUND(typer 0.29): it ends with 1 where whoever reads stdout is gone.
        if isinstance(end.__context__, BrokenPipeError):
            return _reader_gone()
        raise
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except OpsError as error:
        from console.cli import complaining

        return complaining.about(error)
    except typer.TyperException as error:
        from console.cli import complaining

        return complaining.about_usage(error)
    except UnicodeEncodeError as error:
        from console.cli import complaining

        # Bytes that are no UTF-8 come as lone surrogates: only a file here can be named with them.
        wrong = next((arg for arg in args if _is_broken(arg)), None)
        return complaining.about_bug(error) if wrong is None else complaining.about_bytes(wrong)
    except Exception as error:  # noqa: BLE001  (whatever is left is our bug, and says so)
        from console.cli import complaining

        if isinstance(error, OSError) and error.filename is None and error.errno in _FULL:
            _give_up_stdout()
            return complaining.about_output(error)
        return complaining.about_bug(error)
    return code if isinstance(code, int) else 0


def _is_broken(text: str) -> bool:
    return any("\ud800" <= each <= "\udfff" for each in text)


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What a stream that cannot be written says; a file with a name is somebody else's business."""


def _open_what_is_closed() -> None:
    """A closed stream (`>&-`) is nobody's; it is no reason to fail."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - until the end
            setattr(sys, name, nowhere)


def _reader_gone() -> int:
    """End quietly."""
    _give_up_stdout()
    return 141


def _give_up_stdout() -> None:
    """Keep the interpreter from flushing into what cannot be written at its end."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())


if __name__ == "__main__":
    main()
