"""A short life that passes a failpoint: what to do with an engine so that it gets there."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from tests.crash.services import HTTP, SQL
from tests.crash.world import LOCAL, WINDOWS, World
from tests.support.unixhttp import GONE
from tests.support.waiting import until

Move = Callable[[World], None]


def run_the_job(world: World) -> None:
    """Three steps, on a host and on the engine's own machine."""
    world.ask(world.asking.run(kind="chain", hosts=("h1", LOCAL), nap_s=0.05, lines=3000))
    until(lambda: not world.live())


def retry(world: World) -> None:
    """A run that fails once."""
    world.ask(world.asking.run(kind="command", hosts=("h2",), nap_s=0, lines=5, fails=1))
    until(lambda: not world.live())


def stop_a_run(world: World) -> None:
    """A run that is stopped while it works."""
    run = world.asking.run(kind="command", hosts=("h3",), nap_s=5, lines=2)
    world.ask(run)
    until(lambda: world.has_begun(run))
    world.act(run, "stop")
    until(lambda: not world.live())


def be_cut_off(world: World) -> None:
    """A run whose connections break while it works."""
    run = world.asking.run(kind="script", hosts=("h5",), nap_s=0.5, lines=300)
    world.ask(run)
    until(lambda: world.has_begun(run))
    world.sshd.cut_connections()
    until(lambda: not world.live())


def work_on_windows(world: World) -> None:
    """Both ways of running there, and a run that fails once."""
    for more in ({}, {"fails": 1}, {"direct": True}):
        world.ask(
            world.asking.run(kind="command", hosts=(WINDOWS,), nap_s=0.05, lines=3000, **more)
        )
    until(lambda: not world.live())


def never_start(world: World) -> None:
    """Leave an intent behind of which nothing ever left the machine."""
    if world.start("target.intent.kept=kill"):  # else work of before was started, and ended it
        with suppress(*GONE):
            world.ask(world.asking.run(kind="command", hosts=("h1",), nap_s=0, lines=5))
    world.gone()


def leave(world: World) -> None:
    """Leave work behind that goes on without an engine."""
    assert world.start()
    run = world.asking.run(kind="script", hosts=("h4", LOCAL), nap_s=0.5, lines=300)
    world.ask(run)
    until(lambda: world.has_begun(run))
    world.kill()


def ask_services(world: World) -> None:
    """A request and a statement for one host each."""
    for service in (HTTP, SQL):
        world.ask(world.asking.service_run(service, hosts=("h1",)))
    until(lambda: not world.live())


BEFORE: Mapping[str, Sequence[Move]] = {
    "recovery": (leave,),
    "target.renew": (never_start,),
}
"""Beginning of a point's name -> what happened before the engine's life."""

MOVES: Mapping[str, Sequence[Move]] = {
    "engine": (),
    "documents": (World.mark,),
    "hostkeys": (World.meet_stranger,),
    "backup": (World.back_up,),
    "vault": (World.rotate,),
    "content.forgotten": (World.keep, World.sweep),
    "content": (World.keep,),
    "run": (run_the_job, retry, stop_a_run),
    "recovery": (),
    "target.lost": (be_cut_off,),
    "target.reached-again": (be_cut_off,),
    "target.renew": (),
}
"""Beginning of a point's name -> what leads there; the job does for all others."""


def pass_through(
    world: World, point: str, hit: int = 1, moves: Sequence[Move] | None = None
) -> bool:
    """Live until the engine dies at the failpoint's `hit`; False when it never got there.

    `moves`: what leads there; None: what MOVES says.
    """
    for before in _chosen(BEFORE, point, ()):
        before(world)
    try:
        if world.start(f"{point}=kill@{hit}"):
            world.ask_again()
            for move in moves or _chosen(MOVES, point, (run_the_job,)):
                move(world)
            until(lambda: not world.live())
            engine = world.engine
            assert engine is not None
            engine.stop()
    except GONE:
        pass  # it died before it answered
    return world.gone() == -signal.SIGKILL


def _chosen(
    table: Mapping[str, Sequence[Move]], point: str, usual: Sequence[Move]
) -> Sequence[Move]:
    return next((moves for name, moves in table.items() if point.startswith(name)), usual)
