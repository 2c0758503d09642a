"""Every bad input gets one clear problem that names the place, and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.api import cursors
from core.api.bodies import MAX_BODY_BYTES
from tests.support.api import PREFIX, Api, command, host

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Bad:
    """A request that must be refused."""

    what: str
    method: str
    path: str
    status: int
    code: str
    where: str | None = None
    """A place that must be among those of the problems."""
    hint: str = ""
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def _deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


REQUESTS = [
    # --- fields of bodies
    Bad("unknown field", "POST", "/runs", 422, "invalid", "tagets", "did you mean targets?",
        body={**command(), "tagets": "web1"}),
    Bad("unknown field of a step", "POST", "/runs", 422, "invalid", "step.retry.tims",
        "did you mean times?",
        body={"step": {"kind": "command", "name": "x", "command": "id", "retry": {"tims": 1}}}),
    Bad("wrong type", "POST", "/runs", 422, "invalid", "timeout_s",
        body=command(targets="web1", timeout_s="soon")),
    Bad("wrong step kind", "POST", "/runs", 422, "invalid", "step.kind", "did you mean command?",
        body={"step": {"kind": "comand", "name": "x", "command": "id"}}),
    Bad("two things at once", "POST", "/runs", 422, "invalid", "",
        body={**command(), "job": "check"}),
    Bad("secret by reference", "POST", "/runs", 403, "forbidden",
        body=command(targets="web1", secrets={"A": {"secret": "0" * 26}})),
    Bad("unreadable rolling expression", "POST", "/runs", 422, "invalid", "rolling.batch column 3",
        body=command(targets="web1", rolling={"batch": "5 x"})),
    Bad("unknown mode of rolling", "POST", "/runs", 422, "invalid", "rolling.mode",
        body=command(targets="web1", rolling={"mode": "manuel"})),
    Bad("threshold that is none", "POST", "/runs", 422, "invalid", "rolling.max_fail",
        body=command(targets="web1", rolling={"max_fail": "lots"})),
    Bad("unknown priority", "POST", "/runs", 422, "invalid", "priority",
        body=command(targets="web1", priority="urgend")),
    Bad("a lock that stands twice", "POST", "/runs", 422, "invalid", "locks",
        body=command(targets="web1", locks=[{"name": "a"}, {"name": "a"}])),
    Bad("unknown mode of a lock", "POST", "/runs", 422, "invalid", "locks[0].mode",
        body=command(targets="web1", locks=[{"name": "a", "mode": "sole"}])),
    Bad("override without a reason", "POST", "/runs", 422, "invalid", "override",
        body=command(targets="web1", override="")),
    Bad("freeze without a reason", "POST", "/engine/freeze", 422, "invalid", "reason", body={"reason": ""}),
    Bad("drain without a reason", "POST", "/engine/drain", 422, "invalid", "reason", body={}),
    Bad("move to nowhere", "POST", "/queue/01ARZ3NDEK/move", 422, "invalid", "priority", body={}),
    Bad("move of nothing", "POST", "/queue/01ARZ3NDEK/move", 404, "not-found", body={"priority": "low"}),
    Bad("why of nothing", "GET", "/queue/01ARZ3NDEK", 404, "not-found"),
    Bad("health check that is not there", "POST", "/runs", 404, "not-found",
        hint="did you mean 'check'?", body=command(targets="web1", rolling={"health": "chekc"})),
    Bad("rank that nothing has", "POST", "/runs/preview", 422, "invalid", "rolling.rank",
        body=command(targets="web1", rolling={"rank": "tier"})),
    Bad("change number of two lines", "POST", "/runs", 422, "invalid", "change",
        body=command(targets="web1", change="CHG-1\nCHG-2")),
    Bad("pattern that is none", "POST", "/apply", 422, "invalid",
        "documents[0].spec.change_pattern", "",
        body={"documents": [{"kind": "environment", "name": "p", "spec":
            {"change_required": True, "change_pattern": "CHG-["}}]}),
    Bad("pattern for nothing", "POST", "/apply", 422, "invalid", "documents[0].spec",
        body={"documents": [{"kind": "environment", "name": "p", "spec":
            {"change_pattern": "CHG-[0-9]+"}}]}),
    Bad("plan of a plan", "POST", "/plans", 422, "invalid", "request.plan",
        body={"request": {"plan": "01KAAAAAAA"}}),
    Bad("unknown level", "POST", "/plans", 422, "invalid", "level",
        body={"request": command(targets="web1"), "level": "deep"}),
    Bad("plan of nothing", "POST", "/plans", 422, "invalid", "request", body={"request": {}}),
    Bad("plan for nobody", "POST", "/plans", 404, "not-found",
        body={"request": command(targets="wbe1")}),
    Bad("start from no plan", "POST", "/runs", 404, "not-found", body={"plan": "01KAAAAAAA"}),
    Bad("start that repeats its plan", "POST", "/runs", 422, "invalid", "",
        body={"plan": "01KAAAAAAA", "targets": "web1"}),
    Bad("no such plan", "GET", "/plans/01KAAAAAAA", 404, "not-found"),
    Bad("unknown action on a plan", "POST", "/plans/01KAAAAAAA/actions", 422, "invalid", "action",
        body={"action": "start"}),
    Bad("no body", "POST", "/runs", 422, "invalid", ""),
    Bad("a list as a body", "POST", "/runs", 422, "invalid", "", body=[1]),
    Bad("unknown action", "POST", "/runs/{run}/actions", 422, "invalid", "action",
        body={"action": "explode"}),
    Bad("an action by its old name", "POST", "/runs/{run}/actions", 422, "invalid", "action",
        body={"action": "cancel"}),
    Bad("no action", "POST", "/runs/{run}/actions", 422, "invalid", "action", body={}),
    Bad("a field of another action", "POST", "/runs/{run}/actions", 422, "invalid", "hosts",
        body={"action": "stop", "hosts": ["web1"]}),
    Bad("a misspelt field of an action", "POST", "/runs/{run}/actions", 422, "invalid", "scop",
        "did you mean scope?", body={"action": "retry", "scop": "all"}),
    Bad("an unknown scope", "POST", "/runs/{run}/actions", 422, "invalid", "scope",
        body={"action": "retry", "scope": "some"}),
    Bad("scope and hosts", "POST", "/runs/{run}/actions", 422, "invalid", "",
        body={"action": "retry", "scope": "all", "hosts": ["web1"]}),
    Bad("a reason without end", "POST", "/runs/{run}/actions", 422, "invalid", "reason",
        body={"action": "retry", "reason": "x" * 501}),
    Bad("a retry of what succeeded", "POST", "/runs/{run}/actions", 409, "illegal-transition",
        body={"action": "retry"}),
    Bad("a stop of what has ended", "POST", "/runs/{run}/actions", 409, "illegal-transition",
        body={"action": "stop"}),
    Bad("an action on no run", "POST", "/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/actions", 404,
        "not-found", body={"action": "stop"}),
    Bad("an empty note", "POST", "/runs/{run}/notes", 422, "invalid", "text", body={"text": " \n"}),
    Bad("a note without end", "POST", "/runs/{run}/notes", 422, "invalid", "text",
        body={"text": "x" * 4001}),
    Bad("a note on no run", "POST", "/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/notes", 404, "not-found",
        body={"text": "x"}),
    Bad("notes of no run", "GET", "/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/notes", 404, "not-found"),
    Bad("a cursor of another run's operations", "GET",
        f"/runs/{{run}}/operations?cursor={cursors.encode('operations x', 3)}", 422, "invalid",
        "cursor"),
    Bad("noted, or not", "GET", "/runs?noted=perhaps", 422, "invalid", "noted"),
    Bad("unknown stop mode", "POST", "/engine/stop", 422, "invalid", "mode",
        body={"mode": "now"}),
    Bad("no key named", "POST", "/host-keys/actions", 422, "invalid", "",
        body={"action": "approve"}),
    Bad("no public key", "POST", "/host-keys/authorities", 422, "invalid",
        body={"pattern": "*.example.org", "public_key": "ssh-ed25519 nothing"}),
    Bad("unknown source", "POST", "/inventory/import", 404, "not-found",
        body={"source": "exel", "text": ""}),
    # --- documents
    Bad("unknown kind", "GET", "/documents/hots", 404, "not-found"),
    Bad("unknown kind of a body", "POST", "/documents/host", 404, "not-found",
        body={"kind": "hots", "name": "x"}),
    Bad("unknown field of a spec", "POST", "/documents/host", 422, "invalid", "spec.adress",
        "did you mean address?", body=host("new", adress="10.0.0.1")),
    Bad("unknown field of a document", "POST", "/documents/host", 422, "invalid", "lables",
        "did you mean labels?", body={**host("new"), "lables": {}}),
    Bad("another kind than the path", "POST", "/documents/group", 422, "invalid", "kind",
        body=host("new")),
    Bad("another name than the path", "PUT", "/documents/host/web1", 422, "invalid", "name",
        body=host("web2"), headers={"If-Match": "*"}),
    Bad("a name that is taken", "POST", "/documents/host", 409, "already-exists",
        body=host("web1")),
    Bad("a name that cannot be", "POST", "/documents/host", 422, "invalid", "name",
        body=host("a b")),
    Bad("a reference to nothing", "POST", "/documents/group", 422, "invalid", "spec.hosts[0]",
        "did you mean 'web1'?", body={"kind": "group", "name": "g", "spec": {"hosts": ["wbe1"]}}),
    Bad("not a document", "POST", "/documents/host", 422, "invalid", body="web1"),
    Bad("unknown document", "GET", "/documents/host/wbe1", 404, "not-found"),
    Bad("unknown revision", "GET", "/documents/host/web1?revision=9", 404, "not-found"),
    Bad("unknown revision to compare", "GET", "/documents/host/web1/diff?to=9", 404, "not-found"),
    Bad("replacing what is not there", "PUT", "/documents/host/new", 404, "not-found",
        body=host("new"), headers={"If-Match": '"1"'}),
    Bad("deleting what is not there", "DELETE", "/documents/host/new", 404, "not-found"),
    # --- preconditions and repetition
    Bad("no precondition", "PUT", "/documents/host/web1", 428, "precondition-required",
        body=host("web1")),
    Bad("a stale revision", "PUT", "/documents/host/web1", 412, "stale-revision",
        body=host("web1", port=23), headers={"If-Match": '"7"'}),
    Bad("a weak tag", "PUT", "/documents/host/web1", 412, "stale-revision",
        body=host("web1", port=23), headers={"If-Match": 'W/"1"'}),
    Bad("a stale delete", "DELETE", "/documents/host/web1", 412, "stale-revision",
        headers={"If-Match": '"7"'}),
    Bad("a malformed tag", "PUT", "/documents/host/web1", 422, "invalid", "If-Match",
        body=host("web1"), headers={"If-Match": "1"}),
    Bad("a malformed key", "POST", "/runs", 422, "invalid", "Idempotency-Key",
        body=command(targets="web1"), headers={"Idempotency-Key": "two words"}),
    # --- queries
    Bad("unknown parameter", "GET", "/runs?stat=failed", 422, "invalid", "stat",
        "did you mean state?"),
    Bad("a parameter where none is taken", "GET", "/engine?verbose=1", 422, "invalid", "verbose",
        "this path takes none"),
    Bad("a parameter on a change", "POST", "/apply?dry_run=true", 422, "invalid", "dry_run",
        body={"documents": [host("new")]}),
    Bad("a parameter twice", "GET", "/runs?limit=1&limit=2", 422, "invalid", "limit"),
    Bad("limit too small", "GET", "/runs?limit=0", 422, "invalid", "limit"),
    Bad("limit too large", "GET", "/documents/host?limit=1001", 422, "invalid", "limit"),
    Bad("limit no number", "GET", "/events?limit=many", 422, "invalid", "limit"),
    Bad("unknown state", "GET", "/runs?state=faild", 422, "invalid"),
    Bad("bad time", "GET", "/runs?since=yesterday", 422, "invalid", "since"),
    Bad("bad cursor", "GET", "/runs?cursor=abc", 422, "invalid", "cursor"),
    Bad("a cursor of another list", "GET",
        f"/runs?cursor={cursors.encode('documents host  ', 'web1')}", 422, "invalid", "cursor"),
    Bad("bad selector", "GET", "/documents/host?selector=env+in+(prod", 422, "invalid", "column 8"),
    Bad("negative after", "GET", "/events?after=-1", 422, "invalid", "after"),
    Bad("malformed last event", "GET", "/events", 422, "invalid", "Last-Event-ID",
        headers={"Accept": "text/event-stream", "Last-Event-ID": "x"}),
    Bad("unknown rule", "GET", "/runs/{run}/groups?rules=numbrs", 422, "invalid", "rules",
        "did you mean numbers?"),
    Bad("neither ordinal nor host", "GET", "/runs/{run}/output", 422, "invalid", "ordinal"),
    Bad("ordinal and host", "GET", "/runs/{run}/output?ordinal=0&host=web1", 422, "invalid",
        "ordinal"),
    Bad("unknown ordinal", "GET", "/runs/{run}/output?ordinal=7", 404, "not-found"),
    Bad("unknown host", "GET", "/runs/{run}/output?host=wbe1", 404, "not-found"),
    Bad("unknown stream", "GET", "/runs/{run}/output?ordinal=0&streams=stdout", 422, "invalid"),
    Bad("nothing to look for", "GET", "/runs/{run}/search?q=", 422, "invalid", "q"),
    Bad("nothing to look for in all runs", "GET", "/search?q=", 422, "invalid", "q"),
    Bad("no words at all", "GET", "/search", 422, "invalid", "q"),
    Bad("search since no time", "GET", "/search?q=x&since=soon", 422, "invalid", "since"),
    Bad("cursor of another search", "GET", "/search?q=x&cursor=AAAA", 422, "invalid", "cursor"),
    Bad("unknown format", "GET", "/runs/{run}/export?format=pdf", 422, "invalid", "format"),
    Bad("export of an unknown run", "GET", "/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/export", 404,
        "not-found"),
    Bad("cursor of no merged output", "GET", "/runs/{run}/output/merged?cursor=AAAA", 422,
        "invalid", "cursor"),
    Bad("retention without a preview", "POST", "/retention/apply", 422, "invalid", body={}),
    Bad("retention as of no time", "POST", "/retention/apply", 422, "invalid", "as_of",
        body={"as_of": "soon", "digest": "0" * 64}),
    Bad("retention by a digest of nothing", "POST", "/retention/apply", 409, "conflict",
        body={"as_of": "2026-01-01T00:00:00Z", "digest": "0" * 64}),
    Bad("a required parameter is missing", "GET", "/runs/{run}/groups/diff?a=0", 422, "invalid",
        "b"),
    Bad("unknown run", "GET", "/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV", 404, "not-found"),
    # --- expressions
    Bad("bad expression", "POST", "/targets/resolve", 422, "invalid",
        body={"expression": "web[1-"}),
    Bad("bad targets of a run", "POST", "/runs", 422, "invalid", body=command(targets="web1 or")),
    Bad("unknown host of a run", "POST", "/runs", 404, "not-found", body=command(targets="wbe1")),
    Bad("no targets", "POST", "/runs", 422, "invalid", body=command()),
    Bad("targets that match nothing", "POST", "/runs", 422, "invalid",
        body=command(targets="env=nowhere")),
    Bad("prune without a selector", "POST", "/apply", 422, "invalid",
        body={"documents": [], "prune": " "}),
    Bad("a document twice", "POST", "/apply", 422, "invalid",
        body={"documents": [host("new"), host("new")]}),
    # --- transport
    Bad("malformed JSON", "POST", "/runs", 400, "malformed-json", body=b'{"step": ', headers=JSON),
    Bad("not UTF-8", "POST", "/runs", 400, "malformed-json", body=b'"\xff"', headers=JSON),
    Bad("half a surrogate pair", "POST", "/runs", 400, "malformed-json",
        body=b'{"title": "\\ud800"}', headers=JSON),
    Bad("no number", "POST", "/runs", 400, "malformed-json", body=b'{"timeout_s": NaN}',
        headers=JSON),
    Bad("nested too deeply", "POST", "/apply", 400, "malformed-json", body=_deep(200_000),
        headers=JSON),
    Bad("a form", "POST", "/runs", 415, "unsupported-media-type", body=b"job=x",
        headers={"Content-Type": "application/x-www-form-urlencoded"}),
    Bad("plain text", "POST", "/runs", 415, "unsupported-media-type", body=b"{}",
        headers={"Content-Type": "text/plain"}),
    Bad("no media type", "POST", "/runs", 415, "unsupported-media-type", body=b"{}"),
    Bad("too large a body", "POST", "/apply", 413, "body-too-large",
        body=b" " * (MAX_BODY_BYTES + 1), headers=JSON),
    Bad("unknown path", "GET", "/runz", 404, "no-such-route"),
    Bad("a slash too many", "GET", "/runs/", 404, "no-such-route"),
    Bad("wrong method", "DELETE", "/engine", 405, "method-not-allowed"),
    Bad("wrong method beside others", "PATCH", "/documents/host/web1", 405, "method-not-allowed"),
]  # fmt: skip


@pytest.fixture
async def web(api: Api) -> tuple[Api, str]:
    """An engine with a host and a run that ended."""
    await api.apply(host("web1"))
    return api, await api.run(command(targets="web1"))


@pytest.mark.parametrize("bad", REQUESTS, ids=[bad.what for bad in REQUESTS])
async def test_it_is_refused_with_a_problem_and_changes_nothing(
    web: tuple[Api, str], bad: Bad
) -> None:
    api, run = web
    before = api.journal_end
    content = bad.body if isinstance(bad.body, bytes) else None
    answer = await api.http.request(
        bad.method,
        PREFIX + bad.path.replace("{run}", run),
        content=content,
        json=bad.body if content is None else None,
        headers=bad.headers,
    )
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (bad.status, bad.code), problem
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == bad.status
    assert problem["type"].endswith(f"/problems/{bad.code}")
    assert problem["detail"]
    assert set(problem) <= {"type", "title", "status", "detail", "code", "hint", "problems"}
    if bad.where is not None:
        hints = {found["where"]: found["hint"] for found in problem["problems"]}
        assert bad.where in hints
        assert bad.hint in hints[bad.where]
    assert api.journal_end == before
    assert not api.engine.stop_requested.is_set()


async def test_a_misspelt_host_of_a_run_gets_the_nearest_name(web: tuple[Api, str]) -> None:
    api, run = web
    answer = await api.get(f"/runs/{run}/output?host=wbe1")
    assert answer.json()["hint"] == "did you mean 'web1'?"


async def test_an_expression_s_error_points_at_the_character(api: Api) -> None:
    problem = (await api.post("/targets/resolve", {"expression": "web1,(db1"})).json()
    assert problem["problems"][0]["where"] == "column 6"
    assert problem["detail"].endswith("\n  web1,(db1\n       ^")


async def test_a_refusal_never_repeats_what_was_sent(api: Api) -> None:
    secret = "hunter2-hunter2"
    account = {"user": "root", "password": [secret], "passphrase": {"secret": secret}}
    requests = [
        ("/documents/account", {"kind": "account", "name": "root", "spec": account}),
        ("/apply", {"documents": [{"kind": "account", "name": "root", "spec": account}]}),
        ("/runs", {**command(), "secrets": {"A": [secret]}, "timeout_s": secret, "env": secret}),
    ]
    answers = [await api.post(path, body) for path, body in requests]
    assert [answer.status_code for answer in answers] == [422] * len(requests)
    assert not [answer.text for answer in answers if secret in answer.text]


async def test_a_body_without_an_announced_length_is_measured_as_it_comes(api: Api) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 20
            yield b" " * (1 << 20)

    answer = await api.http.post(f"{PREFIX}/apply", content=endless(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert sent <= MAX_BODY_BYTES + (1 << 20)


async def test_the_methods_that_a_path_takes_are_told(api: Api) -> None:
    answer = await api.delete("/engine")
    assert answer.headers["Allow"] == "GET"


@pytest.mark.expect_logs("ERROR core.api.routes: .*api.bug")
async def test_a_bug_is_told_by_its_id_which_the_log_has_too(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("the secret plan")

    monkeypatch.setattr(api.engine, "status", broken)
    answer = await api.get("/engine")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (500, "internal-error")
    assert "secret plan" not in answer.text
    assert problem["instance"] in caplog.text
