"""One home, its hosts behind a real sshd, and everything that was ever asked there."""

from __future__ import annotations

import hashlib
import json
import os
import random
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from core.domain.hostkeys import name_on_record
from core.domain.run import TERMINAL_RUN_STATES, RunState
from core.home import Home
from tests.crash import work
from tests.crash.engines import Engine, Follower, Line, Zygote
from tests.crash.services import Services, services
from tests.crash.work import AskedRun, Asking
from tests.support.certificates import Authority
from tests.support.processes import alive
from tests.support.sshd import Sshd, loopback
from tests.support.waiting import until
from tests.support.winrm_line import PASSWORD, USER
from tests.support.winrmd import WinrmServer

NETWORK = 77
LOCAL = "here"
"""A host that is the engine's own machine."""
WINDOWS = "win"
"""A host behind WinRM: a double of one."""
_SESSION_S = 5.0
"""How long its sessions outlive an engine that asks no more; a question for output takes 2 s."""
QUIET_S = 90.0
"""How long everything that was asked may take to end once nothing breaks any more."""


@dataclass
class World:
    """What a crash test breaks, and what it remembers of it."""

    folder: Path
    home: Home
    sshd: Sshd
    zygote: Zygote
    homes: dict[str, Path]
    """Host -> its home folder."""
    services: Services
    windows: WinrmServer
    asking: Asking
    runs: list[AskedRun] = field(default_factory=list)
    """Every run that was asked for."""
    applied: int = 0
    """Number in the last acknowledged change of the document `mark`."""
    sent: int = 0
    """The same of the last change that was sent."""
    backups: list[Path] = field(default_factory=list)
    """Acknowledged backups that nobody has looked at."""
    contents: set[str] = field(default_factory=set)
    """SHA-256 of contents that were acknowledged, and that an acknowledged document names."""
    heard: list[int] = field(default_factory=list)
    """Numbers of the journal's entries, as followers heard them."""
    judged: set[str] = field(default_factory=set)
    """Runs that were looked at already."""
    strangers: int = 0
    secrets: int = 0
    """Accounts with a secret that were made to be looked for after a rotation."""
    engine: Engine | None = None
    _line: Line | None = None
    _follower: Follower | None = None

    # ------------------------------------------------------------------ engines

    def spawn(self, plan: str = "") -> Engine:
        """Start an engine, and do not wait for it."""
        assert self.engine is None
        variables = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.homes[LOCAL]),
            "JOBDECK_HOME": str(self.home.root),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "LANG": "C.UTF-8",
        }
        self.engine = Engine(self.zygote, self.home, variables, plan)
        return self.engine

    def meet(self) -> bool:
        """Wait until the engine listens; False when it ended first."""
        assert self.engine is not None
        if not self.engine.wait_ready():
            return False
        self._line = Line(self.home)
        self._follower = Follower(self.home, self.heard.append)
        return True

    def start(self, plan: str = "") -> bool:
        """Start an engine; False when it ended before it listened."""
        self.spawn(plan)
        return self.meet()

    @property
    def line(self) -> Line:
        assert self._line is not None
        return self._line

    def gone(self) -> int:
        """Forget an engine that has ended, or is about to; its exit code."""
        assert self.engine is not None
        status = self.engine.wait_end()
        left = self.engine.left
        until(lambda: not alive(left))
        if self._follower is not None:
            self._follower.wait_end()
        self.engine = self._line = self._follower = None
        return status

    def kill(self) -> None:
        if self.engine is not None:
            self.engine.kill()
            self.gone()

    # ------------------------------------------------------------------ what people do

    def ask(self, run: AskedRun) -> None:
        """Ask for a run; the same again when an earlier answer was lost."""
        if run not in self.runs:
            self.runs.append(run)
        answer = self.line.call("POST", "/runs", run.body, **{"Idempotency-Key": run.key})
        assert answer.status in (202, 409), answer.content
        if answer.status == 202:
            run.run_id = answer.json()["id"]

    def ask_again(self) -> None:
        """Ask once more for what never had an answer, as a console does."""
        for run in self.runs:
            if not run.run_id:
                self.ask(run)

    def act(self, run: AskedRun, action: str) -> None:
        """Ask something of a run; its state may forbid it."""
        answer = self.line.call("POST", f"/runs/{run.run_id}/actions", {"action": action})
        assert answer.status in (202, 409, 422), answer.content

    def mark(self) -> None:
        """Change a document."""
        self.sent += 1
        number = self.sent
        spec = {"text": f"echo {number}\n", "language": "sh"}
        document = {"kind": "script", "name": "mark", "spec": spec}
        if self.line.call("POST", "/apply", {"documents": [document]}).status == 200:
            self.applied = number

    def back_up(self) -> None:
        answer = self.line.call("POST", "/backups", {})
        if answer.status == 201:
            self.backups.append(Path(answer.json()["path"]))

    def keep(self) -> None:
        """Add two contents, one of which a job names from then on."""
        named = self._add(f"named {secrets.token_hex(8)}")
        self._add(f"nobody's {secrets.token_hex(8)}")
        step = {"name": "s", "kind": "push", "contents": [{"name": "x", "sha256": named}],
                "to": "/x/"}  # fmt: skip
        self.apply({"kind": "job", "name": f"keeps-{named[:8]}", "spec": {"steps": [step]}})
        self.contents.add(named)

    def _add(self, text: str) -> str:
        sha256 = hashlib.sha256(json.dumps(text).encode()).hexdigest()
        kind = {"Content-Type": "application/octet-stream"}
        answer = self.line.call("PUT", f"/contents/{sha256}/bytes", text, **kind)
        assert answer.status == 200, answer.content
        return sha256

    def sweep(self) -> None:
        """Remove what nobody refers to, as if that were so for long."""
        with closing(sqlite3.connect(self.home.database, timeout=20)) as database, database:
            database.execute("UPDATE content SET used_at = '2020'")
        shown = self.line.call("GET", "/retention/preview").json()
        body = {"as_of": shown["as_of"], "digest": shown["digest"]}
        assert self.line.call("POST", "/retention/apply", body).status == 200

    def rotate(self) -> None:
        """Keep a secret, then make another master key, and keep that in another place and back."""
        self.secrets += 1
        spec = {"user": "u", "password": f"secret {self.secrets}"}
        self.apply({"kind": "account", "name": f"kept{self.secrets}", "spec": spec})
        self.line.call("POST", "/vault/rotate")
        under = {"unlocker": "passphrase", "passphrase": "a long passphrase"}
        self.line.call("POST", "/vault/init", under)
        self.line.call("POST", "/vault/init", {"unlocker": "key file"})

    def meet_stranger(self) -> None:
        """Run on a host whose key nobody knows, then approve its key."""
        self.strangers += 1
        name = f"stranger{self.strangers}"
        address = loopback(self.strangers, network=NETWORK + 1)[-1]
        self.apply(_host(name, address, self.sshd.port))
        body = {"hosts": [name], "step": {"kind": "command", "name": "main", "command": "true"}}
        run_id = self.line.call("POST", "/runs", body).json()["id"]
        until(lambda: self.has_ended(run_id))
        self.line.call("POST", "/host-keys/actions", {"action": "approve", "hosts": [name]})

    def apply(self, *documents: dict[str, Any]) -> None:
        answer = self.line.call("POST", "/apply", {"documents": documents})
        assert answer.status == 200, answer.content

    def has_ended(self, run_id: str) -> bool:
        shown: dict[str, Any] = self.line.call("GET", f"/runs/{run_id}").json()
        return shown["state"] in TERMINAL_RUN_STATES

    def has_begun(self, run: AskedRun) -> bool:
        """Whether its work has noted so on every host."""
        files = [self.homes[host] / "ledger" for host in run.hosts]
        return all(file.exists() and f"begin {run.run_id} " in file.read_text() for file in files)

    def live(self) -> list[AskedRun]:
        """Acknowledged runs that have not ended."""
        states = [state for state in RunState if state not in TERMINAL_RUN_STATES]
        query = urlencode({"state": states}, doseq=True)
        shown = self.line.call("GET", f"/runs?limit=1000&{query}").json()["items"]
        ids = {row["id"] for row in shown}
        return [run for run in self.runs if run.run_id in ids]

    def settle(self) -> None:
        """Nothing breaks any more: everything that was asked is acknowledged and ends."""
        if self.engine is None:
            assert self.start(), "the engine does not start again"
        self.ask_again()
        until(lambda: not self.live(), QUIET_S)

    def forget(self) -> None:
        """What was looked at is not looked at again."""
        self.judged.update(run.run_id for run in self.runs)
        self.runs.clear()
        for home in self.homes.values():
            (home / "ledger").unlink(missing_ok=True)
        self.services.forget()


@contextmanager
def world(seed: int, *, workers: int = 2, hosts: int = 5) -> Iterator[World]:
    """A world that is known to its engine; everything it started is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="jd-crash-", dir="/tmp"))
    folder.chmod(0o755)
    addresses = loopback(hosts, network=NETWORK)
    names = [f"h{number}" for number in range(1, hosts + 1)]
    homes = {name: folder / "hosts" / name for name in names}
    by_address = dict(zip(addresses, homes.values(), strict=True))
    for name in (LOCAL, WINDOWS):
        homes[name] = folder / "hosts" / name
        homes[name].mkdir(parents=True)
    try:
        with (
            Sshd(folder / "sshd", ["0.0.0.0"], homes=by_address, config="MaxSessions 100") as sshd,
            Zygote() as zygote,
            services(folder) as served,
            WinrmServer(
                homes[WINDOWS], Authority(folder), proof="basic", patience_s=_SESSION_S
            ) as windows,
        ):
            home = Home(folder / "j")
            home.create()
            # The first session is the engine's own, those beside it are the workers'.
            home.settings.write_text(
                f"workers = {workers}\nworkers_from = 1\nhttp_networks = ['127.0.0.0/8']\n"
            )
            asking = Asking(random.Random(seed), [*names, LOCAL, WINDOWS], served)
            made = World(folder, home, sshd, zygote, homes, served, windows, asking)
            try:
                _furnish(made, dict(zip(names, addresses, strict=True)))
                yield made
            finally:
                made.kill()
    finally:
        _until_quiet(lambda: shutil.rmtree(folder))


def _furnish(made: World, addresses: dict[str, str]) -> None:
    """The account, the hosts with their keys on record, and the job."""
    assert made.start()
    key = made.sshd.client_key.export_private_key("openssh").decode()
    user = os.environ.get("USER") or "root"
    made.apply(
        {"kind": "account", "name": "tester", "spec": {"user": user, "key": key}},
        *(_host(name, address, made.sshd.port) for name, address in addresses.items()),
        {"kind": "host", "name": LOCAL, "spec": {"protocol": "local"}},
        *_windows(made.windows),
        *work.documents(),
    )
    shown = made.sshd.public_host_key()
    places = (name_on_record(address, made.sshd.port) for address in addresses.values())
    lines = "".join(f"{place} {shown}\n" for place in places)
    answer = made.line.call("POST", "/host-keys/import", {"known_hosts": lines})
    assert len(answer.json()["added"]) == len(addresses), answer.content


def _windows(server: WinrmServer) -> Iterator[dict[str, Any]]:
    yield {"kind": "account", "name": WINDOWS, "spec": {"user": USER, "password": PASSWORD}}
    spec = {
        "address": "127.0.0.1",
        "port": server.port,
        "protocol": "winrm",
        "account": WINDOWS,
        "winrm": {"authentication": "basic", "certificate": server.fingerprint()},
    }
    yield {"kind": "host", "name": WINDOWS, "spec": spec}


def _host(name: str, address: str, port: int) -> dict[str, Any]:
    spec = {"address": address, "port": port, "account": "tester"}
    return {"kind": "host", "name": name, "spec": spec}


def _until_quiet(remove: Callable[[], None]) -> None:
    """Work that still ends may add a file while its folder is removed."""
    for _ in range(5):
        with suppress(OSError):
            remove()
            return
