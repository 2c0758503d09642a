"""A short life that passes a failpoint: what to do with an engine so that it gets there."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence

from tests.crash.world import LOCAL, World
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


def cancel(world: World) -> None:
    """A run that is stopped while it works."""
    run = world.asking.run(kind="command", hosts=("h3",), nap_s=5, lines=2)
    world.ask(run)
    until(lambda: world.has_begun(run))
    world.cancel(run)
    until(lambda: not world.live())


def lose(world: World) -> None:
    """Leave work behind that the next engine finds."""
    run = world.asking.run(kind="script", hosts=("h4", LOCAL), nap_s=0.5, lines=300)
    world.ask(run)
    until(lambda: world.has_begun(run))


MOVES: Mapping[str, Sequence[Move]] = {
    "engine": (),
    "documents": (World.mark,),
    "hostkeys": (World.meet_stranger,),
    "backup": (World.back_up,),
    "run": (run_the_job, retry, cancel),
    "recovery": (),
}
"""First word of a point's name -> what leads there; the job does for all others."""


def pass_through(world: World, point: str, hit: int = 1) -> bool:
    """Live until the engine dies at the failpoint's `hit`; False when it never got there."""
    area = point.partition(".")[0]
    if area == "recovery":
        assert world.start()
        lose(world)
        world.kill()
    try:
        if world.start(f"{point}=kill@{hit}"):
            world.ask_again()
            for move in MOVES.get(area, (run_the_job,)):
                move(world)
            engine = world.engine
            assert engine is not None
            engine.stop()
    except GONE:
        pass  # it died before it answered
    return world.gone() == -signal.SIGKILL
