"""What hosts of one kind are told: the programs that start a work there, and those that end it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from core.domain.tasks import Program
from core.executors.claims import compose_claimed, folder_of
from core.executors.ending import ending_text, ending_text_of_claim
from core.executors.protocol import Work
from core.executors.shell import Launch, compose

_SHELL_SIGNAL_BASE = 128


@dataclass(frozen=True, slots=True)
class Ending:
    """A program that ends the processes of a work, and prints `gone`, or the ids of those left."""

    program: Program
    env: Mapping[str, str] = field(default_factory=dict)


class Dialect(Protocol):
    """The programs of one kind of host. Pure: values in, text out."""

    def launch(self, work: Work, token: str, *, as_other_user: bool) -> Launch:
        """What starts `work`, under its claim if it has one; Invalid names what cannot be said.

        `token`: random letters and digits. `as_other_user`: another user's shell reads it.
        """

    def ending(self, work: Work, pid: int, grace_s: float, token: str, word: str) -> Ending:
        """What ends `work`, started with `token`.

        `pid`: what it said at its start. `grace_s`: between asking and killing. `word`: why,
        left in the claim for whoever looks later.
        """

    needs: str
    """What a host may lack where a login ends before its work starts, as a question."""

    def meaning(self, status: int) -> str:
        """What an exit status says beyond its number, to follow it in a sentence; "" for nothing."""


class _Posix:
    """Hosts with /bin/sh."""

    needs = "does the account have a POSIX /bin/sh, and no forced command?"

    def launch(self, work: Work, token: str, *, as_other_user: bool) -> Launch:
        if work.claim is None:
            return compose(work, token, as_other_user=as_other_user)
        return compose_claimed(work, work.claim, token, as_other_user=as_other_user)

    def ending(self, work: Work, pid: int, grace_s: float, token: str, word: str) -> Ending:
        if work.claim is None:
            return Ending(Program(text=ending_text(pid, grace_s, token)))
        folder = folder_of(work, work.claim)
        return Ending(Program(text=ending_text_of_claim(pid, grace_s, folder, word)))

    def meaning(self, status: int) -> str:
        # Shells report a child's death by a signal as 128 and the signal's number.
        try:
            name = signal.Signals(status - _SHELL_SIGNAL_BASE).name.removeprefix("SIG")
        except ValueError:
            return ""
        return f", which is how a shell reports signal {name}"


POSIX: Dialect = _Posix()
