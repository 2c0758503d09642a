"""Oracle Database, through python-oracledb without Oracle's client (the extra `oracle`)."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import oracledb
import sqlalchemy
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.oracle.oracledb import OracleDialect_oracledb

from core.domain.statements import Statement
from core.executors.sql.drivers.base import Answer, Driver, Values
from core.executors.sql.failures import Failure, Kind


class Oracle(Driver):
    """A transaction begins by itself with the first change, and has no BEGIN."""

    dialect = "oracle+jobdeck"
    place = ":{}"
    errors = oracledb.Error

    _has_begun = False
    _has_changed = False

    def _open(self) -> oracledb.Connection:
        entrance = self._entrance
        return oracledb.connect(
            user=entrance.user,
            password=entrance.password,
            host=entrance.address,
            port=entrance.port,
            service_name=entrance.db,
            protocol="tcps" if entrance.is_encrypted else "tcp",
            ssl_context=self._context() if entrance.is_encrypted else None,
            # The driver would compare with the address; the context compares with the name.
            ssl_server_dn_match=False,
            tcp_connect_timeout=entrance.connect_timeout_s,
            retry_count=0,
            expire_time=1,
            program="jobdeck",
        )

    def _context(self) -> ssl.SSLContext:
        context = _Named(ssl.PROTOCOL_TLS_CLIENT)
        context.name = self._entrance.host
        if self._entrance.ca is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(cadata=self._entrance.ca)
        return context

    def begin(self, connection: sqlalchemy.Connection, statements: Sequence[Statement]) -> None:
        self._raw.autocommit = False
        self._has_begun = True

    @property
    def in_transaction(self) -> bool:
        """Until something ended it: looks alone leave no trace of one."""
        try:
            return self._has_begun and not (self._has_changed and not self._is_open)
        except oracledb.Error:
            return self._has_begun

    @property
    def _is_open(self) -> bool:
        return bool(self._raw.transaction_in_progress)

    def limit(self, connection: sqlalchemy.Connection, seconds: float) -> None:
        self._raw.call_timeout = max(1, int(seconds * 1000))

    def hear(self, listener: Callable[[str], None]) -> None:
        if (said := self._raw.warning) is not None:
            listener(str(said))

    def run(
        self, connection: sqlalchemy.Connection, statement: Statement, values: Values
    ) -> Answer:
        # Only the newest servers know truth values in SQL; all of them know 1 and 0.
        known = {
            name: int(value) if isinstance(value, bool) else value for name, value in values.items()
        }
        answer = super().run(connection, statement, known)
        self._has_changed = self._has_changed or self._is_open
        return answer

    def failure(self, error: oracledb.Error, statement: Statement | None) -> Failure:
        found = _understood(error)
        if statement is None and found.kind is Kind.LOST:
            return Failure(Kind.UNREACHABLE, found.words)
        if statement is None or found.position is None:
            return found
        before = statement.text.encode()[: found.position]
        return Failure(found.kind, found.words, len(before.decode(errors="ignore")))

    def interrupt(self) -> None:
        if self._raw is not None:
            with suppress(oracledb.Error, OSError):
                self._raw.cancel()


class Dialect(OracleDialect_oracledb):
    """It asks the server nothing by itself. A program that was created and does not compile is a
    failure; Oracle tells it as a warning.
    """

    driver = "jobdeck"
    supports_statement_cache = True

    def initialize(self, connection: sqlalchemy.Connection) -> None:
        self.default_isolation_level = "AUTOCOMMIT"

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        cursor.execute(statement, parameters)
        if (warning := cursor.warning) is not None:
            raise oracledb.DatabaseError(warning)


registry.register("oracle.jobdeck", __name__, "Dialect")


class _Named(ssl.SSLContext):
    """Checks a certificate against a name, whatever address the driver connected to."""

    name: str

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        self.check_hostname = True
        return super().wrap_socket(*args, **{**options, "server_hostname": self.name})


_CONNECTION = re.compile(r" \(CONNECTION_ID=[^)]*\)\.?")
_OF_CODE: Mapping[str, Kind] = {
    **dict.fromkeys(
        ("ORA-01005", "ORA-01017", "ORA-01045", "ORA-28000", "ORA-28001"), Kind.AUTHENTICATION
    ),
    **dict.fromkeys(
        (
            *("ORA-00018", "ORA-00020", "ORA-01033", "ORA-01034", "ORA-01035"),
            *("ORA-12516", "ORA-12519", "ORA-12520", "ORA-12528"),
        ),
        Kind.BUSY,
    ),
    **dict.fromkeys(
        ("DPY-6001", "DPY-6003", "ORA-12505", "ORA-12514"),
        Kind.NO_DATABASE,
    ),
    **dict.fromkeys(("ORA-01031", "ORA-41900"), Kind.DENIED),
    "ORA-00001": Kind.DUPLICATE,
    **dict.fromkeys(("ORA-00054", "ORA-00060", "ORA-08177", "ORA-30006"), Kind.CONFLICT),
    **dict.fromkeys(("DPY-4024", "ORA-01013", "ORA-03156"), Kind.INTERRUPTED),
    **dict.fromkeys(("DPY-6000", "DPY-6005"), Kind.UNREACHABLE),
    **dict.fromkeys(
        (
            *("DPY-1001", "DPY-4011", "ORA-00028", "ORA-01012", "ORA-01092", "ORA-02396"),
            *("ORA-03113", "ORA-03114", "ORA-03135", "ORA-12537", "ORA-12547", "ORA-12570"),
        ),
        Kind.LOST,
    ),
}
"""Of the server (ORA) or the driver (DPY)."""


def _understood(error: oracledb.Error) -> Failure:
    told = error.args[0] if error.args else None
    code = getattr(told, "full_code", "")
    # A number of each connection would tell the same failure of many targets apart.
    lines = _CONNECTION.sub("", str(told or type(error).__name__)).splitlines()
    words = "; ".join(line for line in lines if not line.startswith("Help: "))
    kind = _OF_CODE.get(code)
    if kind is None:
        kind = Kind.LOST if getattr(told, "is_session_dead", False) else Kind.REFUSED
    offset = getattr(told, "offset", 0) if code.startswith("ORA-") else 0
    return Failure(kind, words, offset or None)
