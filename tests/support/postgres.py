"""A real PostgreSQL server on loopback, for tests; it never runs as root.

with Postgres() as server:
    server.port, server.query("shop", "SELECT 1")
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.support import daemons
from tests.support.sshd import free_port
from tests.support.waiting import until

ADDRESS = "127.0.0.1"
OWNER = "owner"
PASSWORD = "pw-7Hq2Zd"
"""Of every role that `Postgres` makes."""


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs; Debian keeps them by version, off the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places = os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)])
    found = shutil.which(name, path=places)
    assert found is not None, f"{name} is not installed; mark the test with needs('postgres')"
    return found


class Postgres:
    """One server with a cluster of its own; `OWNER` owns all databases."""

    def __init__(self, certificate: Path | None = None) -> None:
        """`certificate`: a file with its key; the server then speaks TLS too."""
        self._certificate = certificate
        self.port = free_port([ADDRESS])
        self._folder, self._as_user = daemons.folder_of("postgres", "jd-pg-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        options = [
            "--auth=trust",
            "--username",
            OWNER,
            "--no-sync",
            "--encoding=UTF8",
            "--no-locale",
        ]
        daemons.run(self._as_user, program("initdb"), "--pgdata", str(self._data), *options)
        rules = f"host all {OWNER} {ADDRESS}/32 trust\nhost all all {ADDRESS}/32 scram-sha-256\n"
        (self._data / "pg_hba.conf").write_text(rules)
        if self._certificate is not None:
            self._encrypt(self._certificate)
        self.start()
        return self

    def _encrypt(self, certificate: Path) -> None:
        file = self._data / "server.pem"
        file.write_bytes(certificate.read_bytes())
        file.chmod(0o600)
        owner = self._data.stat()
        os.chown(file, owner.st_uid, owner.st_gid)
        with (self._data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"ssl = on\nssl_cert_file = '{file}'\nssl_key_file = '{file}'\n")

    def __exit__(self, *_: object) -> None:
        self.halt()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        """Returns when it takes connections."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(program("postgres"), "-D", str(self._data), "-p", str(self.port)),
                    *("-h", ADDRESS, "-k", "", "-F"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                **self._as_user,
            )
        until(self._answers)

    def halt(self) -> None:
        """End it as a power cut does: nothing is finished."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)
            self._process = None

    def connect(self, db: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of the owner's, each statement for itself."""
        return psycopg.connect(
            host=ADDRESS, port=self.port, user=OWNER, dbname=db, autocommit=True, connect_timeout=5
        )

    def query(self, db: str, text: str) -> list[tuple[Any, ...]]:
        """The rows of a statement; none where it brings none."""
        with self.connect(db) as connection:
            cursor = connection.execute(text)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def role(self, name: str) -> None:
        """A role that may log in with `PASSWORD`, and owns nothing."""
        self.query("postgres", f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")

    def at_work(self, db: str) -> list[str]:
        """Statements of Jobdeck's that backends are in the middle of, in this database."""
        rows = self.query(
            db,
            "SELECT query FROM pg_stat_activity WHERE state = 'active'"
            " AND application_name = 'jobdeck' AND datname = current_database()",
        )
        return [query for (query,) in rows]

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True
