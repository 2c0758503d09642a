"""What the demo shows, in order: a few words, the command as one would type it, its output."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import sys
from pathlib import Path

from console.cells import wrap
from console.cli.exit_codes import ExitCode
from console.cli.printing import out
from console.demo.fleet import Fleet
from console.demo.stage import Stage
from console.i18n import _
from console.presenters.text import Span, Tone
from core.domain.targets import fold
from core.errors import EnvironmentFault

_PAUSE_S = 1.2
"""Between two chapters, where somebody is watching."""
_WIDTH = 88
"""Cells of a line of narration; a narrower terminal has shorter ones."""


class Tour:
    """One guided tour."""

    def __init__(self, stage: Stage, fleet: Fleet) -> None:
        self._stage = stage
        self._fleet = fleet
        self._screen = out()

    async def walk(self) -> None:
        """All chapters, one after the other."""
        for chapter in (
            self._welcome,
            self._define,
            self._meet_the_hosts,
            self._run_a_job,
            self._compare,
            self._collect,
            self._roll_out,
            self._take_back,
            self._look_back,
        ):
            await chapter()

    async def _welcome(self) -> None:
        self._say(
            _(
                "Twelve make-believe hosts run on this machine: real SSH servers with web, database "
                "and other roles. One is slow, one is broken, one does not answer. Below are the "
                "commands that you would type; what follows each of them is what it prints."
            )
        )

    async def _define(self) -> None:
        await self._chapter(_("Say what there is"))
        self._say(
            _(
                "Hosts, accounts, scripts and jobs are documents in YAML. These are the sample "
                "documents of Jobdeck. The first command starts an engine, which does the work and "
                "outlives every window. The private key goes into its vault and is never shown again."
            )
        )
        await self._type("apply", "-f", self._stage.samples.name)

    async def _meet_the_hosts(self) -> None:
        await self._chapter(_("Know whom you talk to"))
        self._say(
            _(
                "Nothing runs on a host whose key nobody has approved. So the first contact is refused, "
                "and puts the keys on record."
            )
        )
        await self._type("run", "--on", "all", "--quiet", "--", "uptime", expect=ExitCode.FAILED)
        await self._type("hosts", "keys", "list", "--status", "pending")
        hosts = await self._compared()
        self._say(
            _("The demo has compared these fingerprints with those of the servers: they agree.")
        )
        await self._type("hosts", "keys", "approve", hosts)

    async def _compared(self) -> str:
        """The hosts whose keys are on record; EnvironmentFault unless each is its server's own."""
        listed = await self._stage.jobdeck_output("hosts", "keys", "list", "--json")
        shown = {key["host"]: key["fingerprint"] for key in json.loads(listed)}
        if shown != self._fleet.fingerprints:
            raise EnvironmentFault(
                _("the keys on record are not those of the demo's servers"),
                hint=_("somebody else may listen on this machine's loopback ports"),
            )
        return fold(shown)

    async def _run_a_job(self) -> None:
        await self._chapter(_("Run a job on all of them"))
        self._say(
            _(
                "Is every service up, and is there room on the disks? While hosts are working you see how "
                "far it is. Then hosts with the same answer stand together."
            )
        )
        await self._type("start", "health-check", "-p", "max_disk=95", expect=ExitCode.FAILED)

    async def _compare(self) -> None:
        await self._chapter(_("Find the one that differs"))
        await self._type("run", "--on", "role=web", "--", "nginx -v")

    async def _collect(self) -> None:
        await self._chapter(_("Collect values from many hosts"))
        self._say(
            _(
                "A script hands a value back on every host, and the next step makes one table of them."
            )
        )
        await self._type("start", "disk-report", "-p", "top=3", expect=ExitCode.FAILED)

    async def _roll_out(self) -> None:
        await self._chapter(_("Files, services, databases"))
        self._say(
            _(
                "Steps are more than commands. This job brings a file to each web server, whole or not at "
                "all, asks the server's health page over HTTP, and enters the run in a database."
            )
        )
        port, book = f"health_port={self._fleet.health_port}", f"book={self._stage.book}"
        await self._type("start", "rollout", "-p", port, "-p", book)

    async def _take_back(self) -> None:
        await self._chapter(_("Flows: what went wrong is taken back"))
        self._say(
            _(
                "A flow decides, waits, asks people, and undoes what it did. This one writes a notice on "
                "each web server. One of them will not have it, so every server gets its old one back."
            )
        )
        await self._type("flow", "start", "new-notice", "--quiet", expect=ExitCode.FAILED)
        await self._type("flow", "show", "new-notice")
        await self._type("runs", "show", "last")

    async def _look_back(self) -> None:
        await self._chapter(_("Look back"))
        self._say(_("Everything is on record: who, when, what, and every byte that was printed."))
        await self._type("runs", "list")

    def say_goodbye(self) -> None:
        """What to type next."""
        self._heading(_("What next"))
        jobdeck = shutil.which("jobdeck") or str(Path(sys.executable).with_name("jobdeck"))
        lines = (
            ("jobdeck --help", _("every command")),
            ("jobdeck help targets", _("how to choose hosts")),
            ("jobdeck hosts import --from openssh ~/.ssh/config", _("your own hosts, as a plan")),
            (
                "python3 installers/bootstrap.py demo --stay",
                _("the same, and the hosts stay to play with"),
            ),
        )
        width = max(len(command) for command, _meaning in lines)
        for command, meaning in lines:
            self._screen.print("  ", Span(command.ljust(width), Tone.STRONG), f"  {meaning}")
        self._say(_("`jobdeck` is {path}").format(path=jobdeck))

    # --- how it is said ------------------------------------------------------------------------

    async def _chapter(self, title: str) -> None:
        if self._screen.is_terminal:
            await asyncio.sleep(_PAUSE_S)
        self._heading(title)

    def _heading(self, title: str) -> None:
        self._screen.print("")
        self._screen.print(Span(f"── {title} ──", Tone.STRONG))

    def _say(self, text: str) -> None:
        for row in wrap(text, min(self._screen.cells or _WIDTH, _WIDTH)):
            self._screen.print(row)

    async def _type(self, *arguments: str, expect: ExitCode = ExitCode.OK) -> None:
        """Show a command, run it, and go on only when it ended as this tour tells it."""
        typed = shlex.join(["jobdeck", *arguments])
        self._screen.print("")
        self._screen.print(Span("$ ", Tone.QUIET), Span(typed, Tone.STRONG))
        self._screen.flush()
        code = await self._stage.jobdeck(*arguments)
        if code == ExitCode.READER_GONE:
            raise BrokenPipeError
        if code != expect:
            raise EnvironmentFault(
                _("`{command}` ended with exit code {code}, not {expected}").format(
                    command=typed, code=code, expected=int(expect)
                ),
                hint=_("its own words above tell why"),
            )
