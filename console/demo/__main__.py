"""Entry of the demo: flags in, one exit code out, and nothing left behind on any way out."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from console.cli import complaining
from console.cli.exit_codes import ExitCode
from console.cli.printing import out
from console.demo.fleet import Fleet
from console.demo.stage import Stage
from console.demo.tour import Tour
from console.i18n import _
from core.errors import EnvironmentFault, OpsError

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 after the tour, else as `jobdeck` has them; 128 + N after a signal."""
    options = _parser().parse_args(arguments)
    try:
        if os.name != "posix":
            raise EnvironmentFault(
                _("the demo's hosts need a POSIX system, such as Linux or macOS")
            )
        return asyncio.run(_until_signal(options))
    except OpsError as error:
        return complaining.about(error)
    except BrokenPipeError:
        # The interpreter must not flush into the closed pipe at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.READER_GONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jobdeck demo",
        description=_(
            "A guided tour on a dozen make-believe hosts on this machine. It ends by itself and"
            " removes what it made."
        ),
    )
    parser.add_argument(
        "--home", type=Path, metavar="DIR", help=_("a new folder for the engine's home; it is kept")
    )
    parser.add_argument("--keep", action="store_true", help=_("keep the home, wherever it is"))
    parser.add_argument(
        "--stay",
        action="store_true",
        help=_("at the end keep engine and hosts running until Ctrl-C, to try more by hand"),
    )
    return parser


async def _until_signal(options: argparse.Namespace) -> int:
    """The demo, or as much of it as a signal leaves time for."""
    task = asyncio.create_task(_show(options))
    received: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        received.append(number)
        if len(received) == 1:  # another cancel would break off the cleaning up
            task.cancel()

    for name in _ENDING:
        number = signal.Signals[name]
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    with suppress(asyncio.CancelledError):
        return await task
    return 128 + received[0]


async def _show(options: argparse.Namespace) -> int:
    stage = Stage(options.home, keep=options.keep)
    try:
        async with stage, Fleet() as fleet:
            stage.write_samples(fleet)
            stage.open_book()
            tour = Tour(stage, fleet)
            await tour.walk()
            tour.say_goodbye()
            if options.stay:
                await _stay(stage)
    finally:
        out().print("")
        out().print(_farewell(stage))
        out().flush()
    return 0


async def _stay(stage: Stage) -> None:
    """Wait for a signal, which here is the way to end."""
    screen = out()
    screen.print("")
    screen.print(_("Engine and hosts run on until Ctrl-C. In another terminal:"))
    screen.print(f"  export JOBDECK_HOME={stage.home.root}")
    screen.flush()
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


def _farewell(stage: Stage) -> str:
    if stage.keeps:
        return _("Engine and hosts have stopped. The home stays: {home}").format(
            home=stage.home.root
        )
    return _("Engine and hosts have stopped, and the demo's folder is gone.")


if __name__ == "__main__":
    sys.exit(main())
