"""How a flow's life comes to each failpoint: what is done while the flow goes on.

A point that has no line here is one that the flow comes to by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.crash.fires import ONCE
from tests.crash.flow_work import FAR, NAP_S, SLOW
from tests.support.unixhttp import GONE
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.crash.flows import Flows

Move = Callable[["Flows"], None]


def change_documents(flows: Flows) -> None:
    flows.world.mark()


def approve_a_key(flows: Flows) -> None:
    flows.world.meet_stranger()


def back_up(flows: Flows) -> None:
    flows.world.back_up()


def rotate_the_key(flows: Flows) -> None:
    flows.world.rotate()


def keep_a_content(flows: Flows) -> None:
    flows.world.keep()


def sweep_contents(flows: Flows) -> None:
    flows.world.sweep()


def pause_and_resume(flows: Flows) -> None:
    flows.act("pause")
    flows.act("resume")


def wait_for_a_turn(flows: Flows) -> None:
    """A flow that is asked for while the engine is frozen, and begins when it no longer is."""
    flows.world.line.call("POST", "/engine/freeze", {"reason": "so that it waits"})
    flows.ask(SLOW, FAR)
    flows.world.line.call("POST", "/engine/unfreeze", {})


def be_cut_off(flows: Flows) -> None:
    """A flow whose connections break while it works."""
    noted = flows.noted_begins("nap")
    flows.ask(SLOW, FAR)
    until(lambda: flows.noted_begins("nap") > noted)
    flows.world.sshd.cut_connections()


def be_due(flows: Flows) -> None:
    """A schedule that starts the flow."""
    flows.cause(ONCE)


def be_stopped(flows: Flows) -> None:
    """The engine is asked to stop while the flow goes on."""
    assert flows.world.engine is not None
    flows.world.engine.stop()


def leave_work(flows: Flows) -> None:
    """A flow whose work goes on without an engine."""
    assert flows.world.start()
    noted = flows.noted_begins("nap")
    flows.ask(SLOW, FAR)
    until(lambda: flows.noted_begins("nap") > noted, 4 * NAP_S)
    flows.world.kill()


def never_start(flows: Flows) -> None:
    """An intent on record of which nothing ever left the machine."""
    if flows.world.start("target.intent.kept=kill"):
        with suppress(*GONE):
            flows.ask(SLOW, FAR)
    flows.world.gone()


BEFORE: Mapping[str, Sequence[Move]] = {
    "recovery": (leave_work,),
    "target.renew": (never_start,),
}
"""Beginning of a point's name -> what happened before the engine's life."""

BESIDE: Mapping[str, Sequence[Move]] = {
    "engine.stopping": (be_stopped,),
    "documents": (change_documents,),
    "hostkeys": (approve_a_key,),
    "backup": (back_up,),
    "vault": (rotate_the_key,),
    "content.forgotten": (keep_a_content, sweep_contents),
    "content": (keep_a_content,),
    "run.act": (pause_and_resume,),
    "queue": (wait_for_a_turn,),
    "schedule": (be_due,),
    "target.lost": (be_cut_off,),
    "target.reached-again": (be_cut_off,),
}
"""Beginning of a point's name -> what people and the world do beside the flow."""

_YIELDS = "these flows share no limit with a more urgent run: test_yield_kills.py comes to it"
NEVER: Mapping[str, str] = {
    "yield.asking": _YIELDS,
    "yield.giving": _YIELDS,
    "yield.given": _YIELDS,
}
"""Point -> why the life of a flow cannot come to it. What is not named here is killed at."""


def moves(table: Mapping[str, Sequence[Move]], point: str) -> Sequence[Move]:
    """What a table says of a point: the first line that its name begins with."""
    return next((found for name, found in table.items() if point.startswith(name)), ())
