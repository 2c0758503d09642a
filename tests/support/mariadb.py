"""A real MariaDB server on loopback, for tests; it never runs as root.

with Mariadb() as server:
    server.port, server.query("shop", "SELECT 1")
"""

from __future__ import annotations

import shutil
import subprocess
from typing import Any, Self

import pymysql

from tests.support import daemons
from tests.support.sshd import free_port
from tests.support.waiting import until

ADDRESS = "127.0.0.1"
OWNER = "owner"
PASSWORD = "pw-7Hq2Zd"
"""Of every user that `Mariadb` makes."""


class Mariadb:
    """One server with data of its own; `OWNER` may do everything, without a password."""

    def __init__(self) -> None:
        self.port = free_port([ADDRESS])
        self._folder, self._as_user = daemons.folder_of("mysql", "jd-my-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        data = f"--datadir={self._folder / 'data'}"
        options = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
        daemons.run(self._as_user, "mariadb-install-db", *options, data)
        grants = self._folder / "grants.sql"
        grants.write_text(
            f"CREATE USER {OWNER}@'{ADDRESS}';\nGRANT ALL ON *.* TO {OWNER}@'{ADDRESS}'"
            " WITH GRANT OPTION;\n"
        )
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("mariadbd", "--no-defaults", data, f"--port={self.port}"),
                    *(f"--bind-address={ADDRESS}", f"--socket={self._folder / 's'}"),
                    *(f"--pid-file={self._folder / 'pid'}", f"--init-file={grants}"),
                    *("--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                **self._as_user,
            )
        until(self._answers)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
        shutil.rmtree(self._folder, ignore_errors=True)

    def connect(self, db: str | None = None) -> pymysql.Connection[Any]:
        """A connection of the owner's, each statement for itself."""
        return pymysql.connect(
            host=ADDRESS, port=self.port, user=OWNER, database=db, autocommit=True
        )

    def query(self, db: str | None, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement; none where it brings none. `%s` stands for a value."""
        with self.connect(db) as connection, connection.cursor() as cursor:
            cursor.execute(text, values or None)
            return list(cursor.fetchall())

    def user(self, name: str, db: str) -> None:
        """A user who may log in with `PASSWORD`, and change rows of one database."""
        self.query(None, f"CREATE USER IF NOT EXISTS {name}@'{ADDRESS}' IDENTIFIED BY '{PASSWORD}'")
        self.query(None, f"GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.* TO {name}@'{ADDRESS}'")

    def at_work(self, db: str) -> list[str]:
        """Statements that other connections are in the middle of, in this database."""
        rows = self.query(
            None,
            "SELECT info FROM information_schema.processlist"
            " WHERE db = %s AND command = 'Query' AND id <> connection_id()",
            db,
        )
        return [info for (info,) in rows if info]

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except pymysql.OperationalError:
            return False
        return True
