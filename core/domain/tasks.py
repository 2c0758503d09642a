"""What an executor is given to do. Plain and serialisable: an executor may live in another process."""

from __future__ import annotations

from typing import Any

import msgspec


class Program(msgspec.Struct, frozen=True, kw_only=True, tag="program"):
    """What to run: a command line for /bin/sh, or a script with its interpreter."""

    text: str
    interpreter: str | None = None
    """None: `text` is a command line for /bin/sh."""
    args: tuple[str, ...] = ()
    cwd: str | None = None
    """The folder it begins in; None: the user's home."""


class Expectations(msgspec.Struct, frozen=True, kw_only=True):
    """What makes an answer a good one: see `core.domain.steps.http.Expect`."""

    status: tuple[str, ...]
    headers: dict[str, str] = {}
    json_paths: dict[str, Any] = {}
    body: str | None = None
    max_bytes: int | None = None
    within_s: float | None = None


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """Where in an answer an output comes from; one of the three is given."""

    json_path: str | None = None
    header: str | None = None
    regex: str | None = None


class HttpLogin(msgspec.Struct, frozen=True, kw_only=True):
    """How a request logs in: see `core.domain.steps.http_auth`. It holds no secret."""

    kind: str
    header: str = ""
    token_url: str = ""
    scopes: tuple[str, ...] = ()
    audience: str = ""
    in_body: bool = False


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True, tag="http"):
    """A request, with its values put in: it may hold secrets."""

    method: str
    url: str
    auth: HttpLogin | None = None
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    may_repeat: bool
    redirects: int
    tries: int
    max_body_bytes: int
    ca: str | None
    expect: Expectations
    capture: dict[str, Capture]
    keeps_body: bool = True
    """Else the body is only shown, and nothing is judged by it or taken from it."""

    def __repr__(self) -> str:
        return f"HttpRequest({self.method})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("method", self.method)]


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The row that says that a step has taken effect on a target, in this run."""

    table: str
    run: str
    step: str
    target: str


class SqlScript(msgspec.Struct, frozen=True, kw_only=True, tag="sql"):
    """Statements and their values: see `core.domain.steps.sql.SqlStep`. It may hold secrets."""

    database: str
    address: str
    """"": the target's."""
    port: int
    db: str
    """The database's name on its server, or the path of its file."""
    statements: tuple[str, ...]
    values: dict[str, str | bool | int | float | None]
    transaction: bool
    may_repeat: bool
    ledger: LedgerEntry | None
    max_rows: int
    max_affected: int | None
    statement_timeout_s: float | None
    result: str
    capture: dict[str, str]
    """Output -> column."""
    tries: int
    tls: bool
    ca: str | None

    def __repr__(self) -> str:
        return f"SqlScript({self.database})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("database", self.database)]


class FileSource(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent: files of the engine's machine, a content, or a text that the step holds."""

    path: str = ""
    """A file, a folder with all that is in it, or a pattern (`*`, `?`, `[…]`) of them."""
    content: bytes | None = None
    """Sent instead of what lies at a path."""
    sha256: str = ""
    """A content, which lies at `path`: what it must be, or else nothing of it is sent."""
    name: str = ""
    """What a content is called."""
    mode: int = 0o644
    """Permission bits of a content."""


class SharedLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A speed that all targets of a step keep together."""

    path: str
    """File on the engine's machine through which they agree."""
    bytes_per_s: int


class Push(msgspec.Struct, frozen=True, kw_only=True, tag="push"):
    """Files for a target: see `core.domain.steps.files.PushStep`. It may hold secrets."""

    sources: tuple[FileSource, ...]
    folder: str
    """On the target; nothing is written outside of it."""
    name: str
    """What the one file is called there; "": files keep their names."""
    key: str
    """Which run, step and target: names what is unfinished."""
    mode: str | None
    owner: str | None
    exists: str
    makes_folders: bool
    fills: bool
    """The files are templates."""
    check: bool
    """Only say what would happen."""
    diff: bool
    """Then show how a text would change."""
    bytes_per_s: int | None
    shared: SharedLimit | None = None

    def __repr__(self) -> str:
        return f"Push({len(self.sources)} sources)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("sources", len(self.sources))]


class Pull(msgspec.Struct, frozen=True, kw_only=True, tag="pull"):
    """Files of a target for the engine's machine: see `core.domain.steps.files.PullStep`."""

    paths: tuple[str, ...]
    folder: str
    """On the engine's machine; nothing is written outside of it."""
    key: str
    exists: str
    makes_folders: bool
    may_be_missing: bool
    keeps_mode: bool
    """Else nobody but the engine's user may read them."""
    check: bool
    """Only say what would happen."""
    bytes_per_s: int | None
    shared: SharedLimit | None = None


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a web server."""

    request: HttpRequest
    name: str
    sha256: str | None
    """None: whatever comes."""


class Distribute(msgspec.Struct, frozen=True, kw_only=True, tag="distribute"):
    """Files of other targets, or of web servers, for a target: see `core.domain.steps.files.DistributeStep`."""

    pull: Pull
    """For each source; its folder is the relay's to say."""
    downloads: tuple[Download, ...]
    push: Push
    """Its files are what came."""
    by_source: bool
    """Files of each source go to a folder that is named after it."""


Task = Program | HttpRequest | SqlScript | Push | Pull | Distribute
