"""What is asked of the product, and what it must leave behind.

The work notes its begin and its end in a ledger in its host's home, prints numbers that
nobody else prints, and may fail its first attempts.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.crash.services import ANSWER, HTTP, SQL, Services

TEXT = """\
say() { printf '%s %s %s %s\\n' "$1" "$JOBDECK_RUN" "$JOBDECK_STEP" "$JOBDECK_ATTEMPT" >>"$HOME/ledger"; }
say begin
seq "$FIRST" "$MIDDLE"
echo "halfway of $FIRST" >&2
sleep "$NAP"
seq "$((MIDDLE + 1))" "$LAST"
say end
[ "$JOBDECK_ATTEMPT" -gt "$FAILS" ]
"""

CHAIN = "chain"
STEPS = ("first", "second", "third")
"""The steps of the job `chain`: a command, a script, a command."""


def documents() -> list[dict[str, Any]]:
    """The job that runs with several steps."""
    steps = [
        {"name": STEPS[0], "kind": "command", "command": TEXT},
        {"name": STEPS[1], "kind": "script", "text": TEXT, "language": "sh"},
        {"name": STEPS[2], "kind": "command", "command": TEXT},
    ]
    return [{"kind": "job", "name": CHAIN, "spec": {"steps": steps}}]


@dataclass
class AskedRun:
    """A run that was asked for, whether or not an answer came yet."""

    key: str
    body: dict[str, Any]
    steps: tuple[str, ...]
    hosts: tuple[str, ...]
    first: int
    last: int
    fails: int = 0
    direct: bool = False
    idempotent: bool = False
    service: str = ""
    """Who has the effect where it is no host: HTTP or SQL."""
    run_id: str = ""
    """"" until it is acknowledged."""

    @property
    def out(self) -> bytes | None:
        """None: anything."""
        if self.service:
            return ANSWER if self.service == HTTP else None
        return "".join(f"{number}\n" for number in range(self.first, self.last + 1)).encode()

    @property
    def err(self) -> bytes:
        return b"" if self.service else f"halfway of {self.first}\n".encode()


@dataclass
class Asking:
    """Makes up requests from one source of chance."""

    chance: random.Random
    hosts: Sequence[str]
    services: Services
    _number: int = field(default=0)

    def run(
        self,
        *,
        kind: str = "",
        hosts: Iterable[str] = (),
        nap_s: float | None = None,
        lines: int | None = None,
        fails: int = 0,
        direct: bool = False,
        idempotent: bool = False,
    ) -> AskedRun:
        """A run of one command or script, or of the job; what is not given is left to chance."""
        self._number += 1
        chance = self.chance
        kind = kind or chance.choices(("command", "script", CHAIN), (5, 2, 3))[0]
        chosen = tuple(hosts) or tuple(chance.sample(self.hosts, chance.randint(1, 3)))
        first = self._number * 1_000_000
        count = chance.choice((2, 200, 20_000)) if lines is None else lines
        nap = chance.uniform(0, 1) if nap_s is None else nap_s
        last = first + count - 1
        env = {
            "FIRST": str(first),
            "MIDDLE": str(first + chance.randrange(count)),
            "LAST": str(last),
            "NAP": f"{nap:.3f}",
            "FAILS": str(fails),
        }
        body: dict[str, Any] = {"hosts": chosen, "env": env}
        steps = STEPS
        if kind == CHAIN:
            body["job"] = CHAIN
        else:
            steps = ("main",)
            program = {"command": TEXT} if kind == "command" else {"text": TEXT, "language": "sh"}
            body["step"] = {
                "kind": kind,
                "name": "main",
                **program,
                "retry": {"times": fails, "delay_s": 0.05},
                "idempotent": idempotent,
                "execution": "direct" if direct else "detached",
            }
        return AskedRun(
            key=f"key-{self._number}",
            body=body,
            steps=steps,
            hosts=chosen,
            first=first,
            last=last,
            fails=fails,
            direct=direct,
            idempotent=idempotent,
        )

    def service_run(self, service: str, hosts: Iterable[str] = ()) -> AskedRun:
        """A run of one request or statement for each of a few hosts."""
        self._number += 1
        chosen = tuple(hosts) or tuple(self.chance.sample(self.hosts, self.chance.randint(1, 3)))
        return AskedRun(
            key=f"key-{self._number}",
            body={"hosts": chosen, "step": {"name": "main", **self.services.step(service)}},
            steps=("main",),
            hosts=chosen,
            first=0,
            last=0,
            service=service,
        )

    def any_run(self) -> AskedRun:
        """One of all that can be asked, the usual more often."""
        return self.chance.choices(
            (
                self.run,
                lambda: self.service_run(HTTP),
                lambda: self.service_run(SQL),
                lambda: self.run(kind=self.chance.choice(("command", "script")), fails=1),
                lambda: self.run(kind="command", idempotent=True),
                lambda: self.run(kind="command", direct=True),
            ),
            (6, 1, 1, 2, 1, 1),
        )[0]()
