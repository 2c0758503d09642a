# ruff: noqa: E402  (the workaround below comes before httpx is imported)
"""The typed client of the HTTP API: one method for each route, synchronous.

The only module of the consoles that knows HTTP. It asks over the engine's Unix
socket and turns every failure into an error of `core.errors`: a refusal keeps
the API's code and hint, an engine that does not answer is EngineUnreachable.
"""

from __future__ import annotations

import copy
import json
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar
from urllib.parse import quote

# WORKAROUND(httpx 0.28): the package imports its own command line (click, rich, pygments),
# which takes as long as the rest of it. It does without when that module cannot be found.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx
import msgspec

from console import answers
from console.i18n import _
from console.problems import EngineBug, error_of
from console.sse import ServerEvent, parse_events, split_lines
from core.errors import (
    EngineHalted,
    EngineStopped,
    EngineUnreachable,
    EnvironmentFault,
    OpsError,
    RequestError,
)

A = TypeVar("A")

_BASE = "http://jobdeck/api/v1"
"""The host's name is never looked up: the transport is the socket."""
_TIMEOUT = httpx.Timeout(60, connect=5)
_ENDLESS = httpx.Timeout(None, connect=5)
_PAGE = 1000
"""Items asked for at once where everything is wanted: the most that the API gives."""

_BLOCK_BYTES = 1 << 20

_MOST_ABSENCES = 5
"""How often a question is asked again: one that no engine survives has to end somewhere."""

_BYE = "bye"
"""The last event of a stream that ends because the engine stops."""

Query = Mapping[str, Any]
"""Parameters: text, numbers, lists of text; None is left out."""


class Client:
    """Calls on one engine. Safe to use from several threads; close it when done."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._http = httpx.Client(
            transport=transport, base_url=_BASE, timeout=_TIMEOUT, trust_env=False
        )
        self._until_back: Callable[[EngineUnreachable], None] | None = None

    @classmethod
    def over_socket(cls, path: Path) -> Self:
        """A client of the engine that listens on this Unix socket."""
        return cls(httpx.HTTPTransport(uds=str(path), retries=0))

    def patient(self, until_back: Callable[[EngineUnreachable], None] | None) -> Self:
        """This client, for somebody whose calls outlive the engine's absence; None: they do not.

        `until_back` returns when an engine answers again, or raises. What only asks is asked
        again, and so is what certainly never arrived; whether any other action arrived is for
        its caller to find out.
        """
        twin = copy.copy(self)
        twin._until_back = until_back
        return twin

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # --- engine -----------------------------------------------------------------------------

    def engine(self) -> answers.Engine:
        return self._get(answers.Engine, "/engine")

    def stop_engine(self, mode: str, timeout_s: float | None = None) -> None:
        """Ask the engine to end by itself; `mode` is drain or detach."""
        body = {"mode": mode, **({} if timeout_s is None else {"timeout_s": timeout_s})}
        self._call("POST", "/engine/stop", body=body)

    def back_up(self, path: str | None) -> answers.Backup:
        """Copy the database while it is in use; None lets the engine choose the place."""
        body = {} if path is None else {"path": path}
        return self._decode(
            answers.Backup, self._call("POST", "/backups", body=body, timeout=_ENDLESS)
        )

    def preview_retention(self) -> answers.RetentionPreview:
        """What the rules of the settings would remove now; nothing is removed."""
        return self._get(answers.RetentionPreview, "/retention/preview")

    def apply_retention(self, preview: answers.RetentionPreview) -> answers.Removed:
        """Remove what was previewed; Conflict when that is no longer what would go."""
        body = {"as_of": preview.as_of, "digest": preview.digest}
        done = self._call("POST", "/retention/apply", body=body, timeout=_ENDLESS)
        return self._decode(answers.Removed, done)

    # --- vault ------------------------------------------------------------------------------

    def vault(self) -> answers.Vault:
        return self._get(answers.Vault, "/vault")

    def init_vault(self, unlocker: str, passphrase: str | None) -> answers.Vault:
        """Keep the master key by this unlocker."""
        body = {"unlocker": unlocker, **_given(passphrase)}
        return self._decode(answers.Vault, self._call("POST", "/vault/init", body=body))

    def unlock_vault(self, passphrase: str | None) -> answers.Vault:
        body = _given(passphrase)
        return self._decode(answers.Vault, self._call("POST", "/vault/unlock", body=body))

    def lock_vault(self) -> answers.Vault:
        return self._decode(answers.Vault, self._call("POST", "/vault/lock"))

    def rotate_vault(self) -> answers.Vault:
        done = self._call("POST", "/vault/rotate", timeout=_ENDLESS)
        return self._decode(answers.Vault, done)

    def export_vault(self, passphrase: str) -> str:
        """The master key, as a text that the passphrase opens."""
        done = self._call("POST", "/vault/export", body=_given(passphrase))
        return self._decode(answers.SealedKey, done).text

    def import_vault(self, text: str, passphrase: str) -> answers.Vault:
        """Take in what `export_vault` gave."""
        body = {"text": text, **_given(passphrase)}
        return self._decode(answers.Vault, self._call("POST", "/vault/import", body=body))

    def secrets(self) -> Iterator[answers.KeptSecret]:
        """Whose secrets are kept, by owner."""
        return self._all(answers.KeptSecret, "/vault/secrets", {})

    def verify_vault(self) -> answers.Verdict:
        done = self._call("GET", "/vault/verify", timeout=_ENDLESS)
        return self._decode(answers.Verdict, done)

    # --- documents --------------------------------------------------------------------------

    def kinds(self) -> list[answers.Kind]:
        return self._get(list[answers.Kind], "/kinds")

    def schema(self, kind: str) -> dict[str, Any]:
        """The JSON Schema of a whole document of this kind."""
        return self._get(dict[str, Any], f"/kinds/{_part(kind)}/schema")

    def documents(
        self, kind: str, *, selector: str | None = None, q: str | None = None
    ) -> Iterator[answers.Document]:
        """All documents of a kind, in order of name, page by page."""
        return self._all(
            answers.Document, f"/documents/{_part(kind)}", {"selector": selector, "q": q}
        )

    def document(self, kind: str, name: str, revision: int | None = None) -> answers.Document:
        return self._get(answers.Document, _document(kind, name), {"revision": revision})

    def replace(self, body: Mapping[str, Any], revision: int) -> answers.Document:
        """Replace a document that has not changed since `revision`; StaleRevision if it has."""
        path = _document(str(body["kind"]), str(body["name"]))
        headers = {"If-Match": f'"{revision}"'}
        return self._decode(answers.Document, self._call("PUT", path, body=body, headers=headers))

    def delete(self, kind: str, name: str) -> None:
        self._call("DELETE", _document(kind, name))

    def history(self, kind: str, name: str) -> list[answers.Revision]:
        page = self._get(answers.Page[answers.Revision], f"{_document(kind, name)}/history")
        return page.items

    def diff(
        self, kind: str, name: str, first: int | None, last: int | None
    ) -> list[answers.FieldChange]:
        """What changed from one revision to another; None: the newest, and the one before."""
        path = f"{_document(kind, name)}/diff"
        return self._get(answers.DocumentDiff, path, {"from": first, "to": last}).changes

    def apply(
        self,
        documents: Sequence[Mapping[str, Any]],
        *,
        dry_run: bool,
        prune: str | None = None,
        coming: Sequence[str] = (),
    ) -> answers.Applied:
        """Make documents what these say. `coming`: contents that a dry run takes to be there."""
        body = {"documents": list(documents), "dry_run": dry_run, "prune": prune}
        if coming:
            body["coming"] = list(coming)
        return self._post(answers.Applied, "/apply", body)

    def import_inventory(self, body: Mapping[str, Any]) -> answers.InventoryImport:
        """Documents from another tool's inventory; nothing is stored."""
        return self._post(answers.InventoryImport, "/inventory/import", body)

    def sources(self) -> list[answers.Source]:
        """Every inventory source."""
        return self._get(list[answers.Source], "/inventory/sources")

    def refresh_source(self, name: str, *, apply: bool, overwrite: bool) -> answers.Refreshed:
        """Ask a source; answers when it has, or has failed to."""
        path = f"/inventory/sources/{_part(name)}/refresh"
        body = {"apply": apply, "overwrite": overwrite}
        done = self._call("POST", path, body=body, timeout=_ENDLESS)
        return self._decode(answers.Refreshed, done)

    def resolve(self, expression: str) -> answers.Resolved:
        return self._post(answers.Resolved, "/targets/resolve", {"expression": expression})

    # --- schedules --------------------------------------------------------------------------

    def schedules(self) -> list[answers.Schedule]:
        """Every schedule."""
        return self._get(list[answers.Schedule], "/schedules")

    def forecast(self, schedule: str, count: int) -> list[answers.ForecastSlot]:
        """The next slots."""
        path = f"/schedules/{_part(schedule)}/next"
        return self._get(list[answers.ForecastSlot], path, {"count": count})

    def fires(self, schedule: str, limit: int) -> list[answers.Fire]:
        """The newest rows of its ledger, newest first."""
        path = f"/schedules/{_part(schedule)}/fires"
        return self._get(answers.Page[answers.Fire], path, {"limit": limit}).items

    def why(self, schedule: str, at: str) -> answers.Why:
        """What became of the slot at a moment."""
        return self._get(answers.Why, f"/schedules/{_part(schedule)}/why", {"at": at})

    def pause_schedule(self, schedule: str, reason: str) -> answers.Schedule:
        path = f"/schedules/{_part(schedule)}/pause"
        return self._post(answers.Schedule, path, {"reason": reason})

    def resume_schedule(self, schedule: str) -> answers.Schedule:
        return self._post(answers.Schedule, f"/schedules/{_part(schedule)}/resume", {})

    def fire_schedule(self, schedule: str) -> answers.Run:
        """Start its run now; sent once."""
        return self._post(answers.Run, f"/schedules/{_part(schedule)}/fire", {})

    # --- hosts ------------------------------------------------------------------------------

    def gather_facts(self, hosts: Sequence[str], run_as: str | None) -> list[answers.Gathered]:
        """Ask hosts for their facts; answers when all of them have."""
        body = {"hosts": list(hosts), "run_as": run_as}
        done = self._call("POST", "/facts/gather", body=body, timeout=_ENDLESS)
        return self._decode(list[answers.Gathered], done)

    def facts(self) -> list[answers.Fact]:
        """Every fact there is."""
        return self._get(list[answers.Fact], "/facts")

    def host_facts(self, host: str) -> answers.HostFacts:
        return self._get(answers.HostFacts, f"{_host(host)}/facts")

    def samples(self, host: str, *, limit: int) -> list[answers.HostSample]:
        """The newest samples of a host, newest first."""
        return self._get(list[answers.HostSample], f"{_host(host)}/samples", {"limit": limit})

    def host_states(self) -> list[answers.HostState]:
        """Hosts of which there is something to say."""
        return self._get(list[answers.HostState], "/hosts")

    def set_maintenance(
        self, hosts: Sequence[str], *, on: bool, reason: str, for_s: float | None
    ) -> list[answers.HostState]:
        body = {"hosts": list(hosts), "on": on, "reason": reason, "for_s": for_s}
        return self._post(list[answers.HostState], "/hosts/maintenance", body)

    def note_host(self, host: str, text: str) -> answers.Note:
        return self._post(answers.Note, f"{_host(host)}/notes", {"text": text})

    def host_notes(self, host: str) -> list[answers.Note]:
        """Notes on a host, oldest first."""
        return self._get(list[answers.Note], f"{_host(host)}/notes")

    # --- runs -------------------------------------------------------------------------------

    def start(self, request: Mapping[str, Any], key: str) -> answers.RunStarted:
        """Start a run once: the same `key` never starts a second one."""
        headers = {"Idempotency-Key": key}
        done = self._call("POST", "/runs", body=request, headers=headers)
        return self._decode(answers.RunStarted, done)

    def preview(self, request: Mapping[str, Any]) -> answers.Preview:
        return self._post(answers.Preview, "/runs/preview", request)

    def runs(self, query: Query, *, limit: int) -> list[answers.Run]:
        """The newest `limit` runs that fit, newest first."""
        found: list[answers.Run] = []
        for item in self._all(answers.Run, "/runs", {**query, "limit": min(limit, _PAGE)}):
            found.append(item)
            if len(found) == limit:
                break
        return found

    def run(self, run_id: str) -> answers.RunDetail:
        return self._get(answers.RunDetail, _run(run_id))

    def run_definition(self, run_id: str) -> dict[str, Any]:
        return self._get(dict[str, Any], f"{_run(run_id)}/definition")

    def run_request(self, run_id: str) -> answers.RunRequest:
        """What the run was asked to do, ready to be asked again."""
        return self._get(answers.RunRequest, f"{_run(run_id)}/request")

    def act(self, run_id: str, action: str, **fields: Any) -> answers.Run:
        """Ask something of a run; fields that are empty are left out."""
        given = {name: value for name, value in fields.items() if value not in (None, "", {})}
        return self._post(answers.Run, f"{_run(run_id)}/actions", {"action": action, **given})

    def operations(self, run_id: str) -> Iterator[answers.Operation]:
        """What people asked of a run since its start, oldest first."""
        return self._all(answers.Operation, f"{_run(run_id)}/operations", {})

    def add_note(self, run_id: str, text: str) -> answers.Note:
        return self._post(answers.Note, f"{_run(run_id)}/notes", {"text": text})

    def notes(self, run_id: str) -> Iterator[answers.Note]:
        """Notes on a run, oldest first."""
        return self._all(answers.Note, f"{_run(run_id)}/notes", {})

    def targets(self, run_id: str, query: Query) -> Iterator[answers.Target]:
        """Targets in the run's order; `query` takes step, attempt, state and host."""
        return self._all(answers.Target, f"{_run(run_id)}/targets", query)

    def lost_lines(self, run_id: str) -> answers.Lost:
        """Hosts of a live run that are looked for at this moment."""
        return self._get(answers.Lost, f"{_run(run_id)}/lost-lines")

    def groups(self, run_id: str, query: Query) -> answers.Groups:
        return self._get(answers.Groups, f"{_run(run_id)}/groups", query)

    def groups_diff(self, run_id: str, query: Query) -> answers.Diff:
        return self._get(answers.Diff, f"{_run(run_id)}/groups/diff", query)

    def compare(self, run_id: str, other: str, step: str | None) -> answers.RunComparison:
        """Two runs host by host, and what they were asked to do."""
        query = {"with": other, "step": step}
        return self._get(answers.RunComparison, f"{_run(run_id)}/comparison", query)

    def compare_output(self, run_id: str, query: Query) -> answers.Diff:
        """One host's output in two runs; `query` takes with, host, step and rules."""
        return self._get(answers.Diff, f"{_run(run_id)}/comparison/output", query)

    def output(self, run_id: str, query: Query) -> Iterator[answers.Piece]:
        """One target's output from `offset` (0 when the query names none) to its present end."""
        asked = dict(query)
        while True:
            page = self._get(answers.OutputPage, f"{_run(run_id)}/output", asked)
            yield from page.pieces
            if page.next_offset in (None, asked.get("offset", 0)):
                return
            asked["offset"] = page.next_offset

    def output_page(self, run_id: str, query: Query) -> answers.OutputPage:
        """The beginning of one target's output, with how much of it there is no more."""
        return self._get(answers.OutputPage, f"{_run(run_id)}/output", {**query, "limit": 1})

    def raw_output(self, run_id: str, query: Query) -> Iterator[bytes]:
        """The exact bytes that one target wrote."""
        headers = {"Accept": "application/octet-stream"}
        with self._stream(f"{_run(run_id)}/output", query, headers) as response:
            yield from response.iter_bytes()

    def merged_output(self, run_id: str) -> Iterator[answers.StreamedPiece]:
        """What all hosts printed, in the order in which it arrived."""
        return self._all(answers.StreamedPiece, f"{_run(run_id)}/output/merged", {"limit": None})

    def export(self, run_id: str, format_: str) -> Iterator[bytes]:
        """A run's whole output as one document: text, jsonl, html or zip."""
        with self._stream(f"{_run(run_id)}/export", {"format": format_}, {}) as response:
            yield from response.iter_bytes()

    def search(self, run_id: str, words: str) -> Iterator[answers.Match]:
        """Every target that printed these words, in the run's order."""
        return self._all(answers.Match, f"{_run(run_id)}/search", {"q": words})

    def search_all(self, query: Query, *, limit: int) -> list[answers.RunMatch]:
        """The newest `limit` matches of `q` in what any run printed; takes job, host and since."""
        asked = {**query, "limit": min(limit, _PAGE)}
        return list(islice(self._all(answers.RunMatch, "/search", asked), limit))

    def follow_output(
        self, run_id: str, after: str = "0"
    ) -> Iterator[tuple[str, answers.StreamedPiece]]:
        """Output of all targets as it arrives, each with its place, until the run's end.

        Raises as `follow_events` does when the engine goes before that. Asked again with the last
        place as `after`, it leaves nothing out and repeats nothing.
        """
        with self._events(f"{_run(run_id)}/output/stream", {"after": after}) as events:
            for event in events:
                if event.type == "end":
                    return
                if event.type == "output":
                    piece = self._decode_text(answers.StreamedPiece, event.data)
                    yield event.id, piece
        raise _stopped()

    # --- dry runs ---------------------------------------------------------------------------

    def make_plan(self, request: Mapping[str, Any], level: str) -> answers.PlanDetail:
        """Resolve a request without starting it; a probe goes on after this answers."""
        return self._post(answers.PlanDetail, "/plans", {"request": request, "level": level})

    def plans(self, *, limit: int) -> list[answers.Plan]:
        """The newest `limit` dry runs, newest first."""
        found = self._all(answers.Plan, "/plans", {"limit": min(limit, _PAGE)})
        return list(islice(found, limit))

    def plan(self, plan_id: str) -> answers.PlanDetail:
        return self._get(answers.PlanDetail, f"/plans/{_part(plan_id)}")

    def cancel_probe(self, plan_id: str) -> answers.Plan:
        """Stop a probe; returns when it has ended."""
        path = f"/plans/{_part(plan_id)}/actions"
        return self._post(answers.Plan, path, {"action": "cancel"})

    def compare_plan(self, plan_id: str, run_id: str | None) -> answers.PlanComparison:
        """A plan and a run; without one, the run that it was started as or what would run now."""
        path = f"/plans/{_part(plan_id)}/comparison"
        return self._get(answers.PlanComparison, path, {"run": run_id})

    # --- contents ---------------------------------------------------------------------------

    def contents(self, begins: str = "") -> Iterator[answers.Content]:
        """Contents whose SHA-256 begins so."""
        return self._all(answers.Content, "/contents", {"begins": begins})

    def content(self, sha256: str) -> answers.Content:
        return self._get(answers.Content, f"/contents/{_part(sha256)}")

    def verify_content(self, sha256: str) -> answers.ContentVerdict:
        """Whether a content is what it was; all of it is read."""
        done = self._call("GET", f"/contents/{_part(sha256)}/verify", timeout=_ENDLESS)
        return self._decode(answers.ContentVerdict, done)

    def read_content(self, sha256: str) -> Iterator[bytes]:
        """The exact bytes of a content."""
        with self._stream(f"/contents/{_part(sha256)}/bytes", {}, {}) as response:
            yield from response.iter_bytes()

    def put_content(self, sha256: str, file: BinaryIO) -> answers.Content:
        """Have the engine keep what can be read from `file`; Conflict where it is something else."""
        request = self._http.build_request(
            "PUT",
            f"/contents/{_part(sha256)}/bytes",
            content=iter(partial(file.read, _BLOCK_BYTES), b""),
            headers={"Content-Type": "application/octet-stream"},
            timeout=_ENDLESS,
        )
        return self._decode(answers.Content, self._send(request))

    # --- events -----------------------------------------------------------------------------

    def events(self, query: Query) -> answers.EventPage:
        return self._get(answers.EventPage, "/events", query)

    def all_events(self, query: Query) -> Iterator[answers.Event]:
        """Journal entries from `after` (0) to the present end, page by page."""
        asked = {"after": 0, "limit": _PAGE, **query}
        while True:
            page = self.events(asked)
            yield from page.items
            if len(page.items) < asked["limit"]:
                return
            asked["after"] = page.next

    def follow_events(self, query: Query) -> Iterator[answers.Event]:
        """Journal entries after `after`, then every further one.

        EngineUnreachable is the end; EngineStopped where the engine took its leave.
        """
        with self._events("/events", query) as events:
            for event in events:
                if event.type != _BYE:
                    yield self._decode_text(answers.Event, event.data)
        raise _stopped()

    # --- host keys --------------------------------------------------------------------------

    def host_keys(self, status: str | None = None) -> Iterator[answers.HostKey]:
        return self._all(answers.HostKey, "/host-keys", {"status": status})

    def decide_host_keys(
        self, action: str, *, ids: Sequence[str] = (), hosts: Sequence[str] = ()
    ) -> list[answers.HostKey]:
        """Approve or revoke keys, named by their ids or their hosts."""
        body = {"action": action, "ids": list(ids), "hosts": list(hosts)}
        return self._post(answers.Page[answers.HostKey], "/host-keys/actions", body).items

    def import_host_keys(self, known_hosts: str, *, dry_run: bool) -> answers.KeyImport:
        body = {"known_hosts": known_hosts, "dry_run": dry_run}
        return self._post(answers.KeyImport, "/host-keys/import", body)

    def add_authority(self, pattern: str, public_key: str) -> answers.HostKey:
        body = {"pattern": pattern, "public_key": public_key}
        return self._post(answers.HostKey, "/host-keys/authorities", body)

    # --- HTTP -------------------------------------------------------------------------------

    def _get(self, answer: type[A], path: str, query: Query | None = None) -> A:
        return self._decode(answer, self._call("GET", path, query=query))

    def _post(self, answer: type[A], path: str, body: Mapping[str, Any]) -> A:
        return self._decode(answer, self._call("POST", path, body=body))

    def _all(self, item: type[A], path: str, query: Query) -> Iterator[A]:
        asked = {"limit": _PAGE, **query}
        while True:
            page = self._get(answers.Page[item], path, asked)  # type: ignore[valid-type]
            yield from page.items
            if page.next_cursor is None:
                return
            asked["cursor"] = page.next_cursor

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
    ) -> httpx.Response:
        request = self._http.build_request(
            method, path, params=_params(query), json=body, headers=headers, timeout=timeout
        )
        for _absence in range(_MOST_ABSENCES):
            try:
                return self._send(request)
            except EngineUnreachable as gone:
                if self._until_back is None or not (method == "GET" or _never_arrived(gone)):
                    raise
                self._until_back(gone)
        return self._send(request)

    def _send(self, request: httpx.Request) -> httpx.Response:
        with _unreachable():
            response = self._http.send(request)
        if response.status_code >= 400:
            raise _error(response)
        return response

    @contextmanager
    def _stream(
        self, path: str, query: Query, headers: Mapping[str, str]
    ) -> Iterator[httpx.Response]:
        with (
            _unreachable(),
            self._http.stream(
                "GET", path, params=_params(query), headers=headers, timeout=_ENDLESS
            ) as response,
        ):
            if response.status_code >= 400:
                response.read()
                raise _error(response)
            yield response

    @contextmanager
    def _events(self, path: str, query: Query) -> Iterator[Iterator[ServerEvent]]:
        with self._stream(path, query, {"Accept": "text/event-stream"}) as response:
            yield parse_events(split_lines(response.iter_bytes()))

    def _decode(self, answer: type[A], response: httpx.Response) -> A:
        return self._decode_text(answer, response.content)

    def _decode_text(self, answer: type[A], text: str | bytes) -> A:
        try:
            return msgspec.json.decode(text, type=answer)
        except msgspec.DecodeError as error:
            raise EnvironmentFault(
                _("the engine's answer cannot be read: {reason}").format(reason=error),
                hint=_("engine and console may differ in version: `jobdeck engine restart`"),
            ) from error


def _stopped() -> EngineStopped:
    return EngineStopped(
        _("the engine has stopped"), hint=_("`jobdeck engine status` shows whether it runs")
    )


def _given(passphrase: str | None) -> dict[str, Any]:
    return {} if passphrase is None else {"passphrase": passphrase}


def _part(text: str) -> str:
    """A name or an id as a part of a path, where nothing would be another path."""
    if not text.strip():
        raise RequestError(
            _("a name or an id is empty"), hint=_("`--help` shows what it stands for")
        )
    return quote(text, safe="")


def _document(kind: str, name: str) -> str:
    return f"/documents/{_part(kind)}/{_part(name)}"


def _host(name: str) -> str:
    return f"/hosts/{_part(name)}"


def _run(run_id: str) -> str:
    return f"/runs/{_part(run_id)}"


def _params(query: Query | None) -> httpx.QueryParams:
    """Query parameters; a list is repeated."""
    found: list[tuple[str, Any]] = []
    for name, value in (query or {}).items():
        if isinstance(value, bool):
            found.append((name, "true" if value else "false"))
        elif isinstance(value, str | int):
            found.append((name, str(value)))
        else:
            found += [(name, item) for item in value or ()]
    return httpx.QueryParams(found)


def _error(response: httpx.Response) -> OpsError:
    try:
        body = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        body = None
    if not isinstance(body, dict):
        text = _("the engine answered {status} without saying why")
        return EngineBug(text.format(status=response.status_code))
    return error_of(response.status_code, body)


@contextmanager
def _unreachable() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        refused = isinstance(error, httpx.ConnectError)
        _close_refused_sockets(error)
        if isinstance(error, httpx.ReadTimeout):
            raise EngineHalted(
                _("the engine's process is there, and does not answer"),
                hint=_(
                    "a halted process goes on after `kill -CONT`; after `kill -9` the next"
                    " command starts another, and runs go on"
                ),
            ) from error
        raise EngineUnreachable(
            _("the engine does not answer") if refused else _("the engine stopped answering"),
            hint=_("`jobdeck engine status` shows whether it runs"),
        ) from error


def _never_arrived(gone: EngineUnreachable) -> bool:
    return isinstance(gone.__cause__, httpx.ConnectError)


def _close_refused_sockets(error: httpx.TransportError) -> None:
    """Close what an attempt to connect has left open.

    WORKAROUND(httpcore 1.0): a socket that is refused stays open as a local variable of the
    frames that the error refers to, until somebody frees the error.
    """
    cause: BaseException | None = error
    while cause is not None:
        for frame, _line in traceback.walk_tb(cause.__traceback__):
            for value in frame.f_locals.values():
                if isinstance(value, socket.socket):
                    value.close()
        cause = cause.__cause__
