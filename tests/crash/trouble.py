"""What goes wrong at a random instant, while people go on asking."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

from tests.crash.engines import Engine
from tests.crash.world import World
from tests.support.sshd import kill as end
from tests.support.unixhttp import GONE

LONGEST_LIFE_S = 1.5
_LONGEST_PAUSE_S = 1.0
_STILLBORN = 0.25
"""Part of the engines whose time begins with their process; the others' when they listen."""


def kill(world: World, engine: Engine, chance: random.Random) -> None:
    """kill -9."""
    engine.signal(signal.SIGKILL)


def pause_and_kill(world: World, engine: Engine, chance: random.Random) -> None:
    """Halted in mid-air, and never again on its way."""
    engine.signal(signal.SIGSTOP)
    time.sleep(chance.uniform(0.05, _LONGEST_PAUSE_S))
    engine.signal(signal.SIGKILL)


def pause(world: World, engine: Engine, chance: random.Random) -> None:
    """Halted for a while, then on its way as if nothing had been; killed later."""
    engine.signal(signal.SIGSTOP)
    time.sleep(chance.uniform(0.05, _LONGEST_PAUSE_S))
    engine.signal(signal.SIGCONT)
    time.sleep(chance.uniform(0.05, _LONGEST_PAUSE_S))
    engine.signal(signal.SIGKILL)


def cut(world: World, engine: Engine, chance: random.Random) -> None:
    """Every connection breaks; a little later the engine is killed."""
    world.sshd.cut_connections()
    world.windows.cut_all()
    time.sleep(chance.uniform(0.05, _LONGEST_PAUSE_S))
    engine.signal(signal.SIGKILL)


def stop(world: World, engine: Engine, chance: random.Random) -> None:
    """Asked to stop, as an upgrade does."""
    engine.signal(signal.SIGTERM)


def kill_worker(world: World, engine: Engine, chance: random.Random) -> None:
    """One of its processes is killed, if it has any; later the engine."""
    workers = engine.workers()
    if workers:
        end([chance.choice(workers)])
    time.sleep(chance.uniform(0.05, _LONGEST_PAUSE_S))
    engine.signal(signal.SIGKILL)


TROUBLES: Mapping[Callable[[World, Engine, random.Random], None], int] = {
    kill: 12,
    pause_and_kill: 2,
    pause: 3,
    cut: 2,
    stop: 1,
    kill_worker: 1,
}
"""What happens, and how often in proportion."""


def live(world: World, chance: random.Random, happened: Counter[str]) -> None:
    """One engine's life: asked one thing after the other until something happens to it."""
    trouble = chance.choices(list(TROUBLES), list(TROUBLES.values()))[0]
    fate = random.Random(chance.random())  # of another thread: this one's order stays its own
    engine = world.spawn()
    timer = threading.Timer(fate.uniform(0, LONGEST_LIFE_S), trouble, (world, engine, fate))
    from_birth = fate.random() < _STILLBORN
    if from_birth:
        timer.start()
    try:
        listens = world.meet()
        if not from_birth:
            timer.start()
        if listens:
            world.ask_again()
        while engine.is_alive:
            _ask_something(world, chance)
            time.sleep(chance.uniform(0, 0.1))
    except GONE:
        pass  # it died before it answered
    timer.join()
    status = world.gone()
    # One that is asked to stop while it starts has no ear for it yet.
    assert status in (0, -signal.SIGKILL, -signal.SIGTERM), (
        f"the engine ended by itself with {status}"
    )
    happened[trouble.__name__] += 1


def _ask_something(world: World, chance: random.Random) -> None:
    roll = chance.random()
    if roll < 0.6:
        world.ask(world.asking.any_run())
    elif roll < 0.75:
        if known := [run for run in world.runs if run.run_id]:
            world.act(chance.choice(known[-6:]), chance.choice(("stop", "stop", "retry")))
    elif roll < 0.85:
        world.mark()
    elif roll < 0.87:
        world.back_up()
    else:
        world.line.call("GET", "/runs?limit=20")
