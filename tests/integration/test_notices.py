"""Notices in a real engine: real webhooks, real mail, crashes, and nothing told twice."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.channels.message import Message
from core.clock import ManualClock
from core.domain.approval import Choice
from core.domain.authorization import Actor
from core.domain.channel import ChannelSpec
from core.errors import NotFound, StorageFault, Undelivered
from core.executors.scripted import Behaviour, ScriptedExecutor
from core.runtime.approvals import Ballot
from core.runtime.engine import Engine
from core.storage import journal, outbox
from core.storage.outbox import NoticeRow
from tests.support.certificates import Authority
from tests.support.mailserver import MailServer
from tests.support.runtime import (
    INVENTORY,
    abandon,
    assert_nowhere,
    crashing,
    ended,
    engine,
    job,
    save,
    start,
)
from tests.support.webserver import Reply, WebServer

HERE = {"http_networks": ("127.0.0.0/8",)}
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ENDS = [{"topic": "run-ended"}]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        server.serve("/hook", Reply(204))
        yield server


@pytest.fixture
async def opened(home: Path, clock: ManualClock) -> AsyncIterator[Engine]:
    async with engine(home / "j", clock=clock, **HERE) as (opened, _):
        await save(opened, *INVENTORY)
        yield opened


def channel(web: WebServer, name: str = "ops", path: str = "/hook", **spec: Any) -> dict[str, Any]:
    hook = {"url": web.url(path), **spec.pop("webhook", {})}
    return {"kind": "channel", "name": name, "spec": {"webhook": hook, "wants": ENDS, **spec}}


async def noted(opened: Engine, number: int, **where: Any) -> list[NoticeRow]:
    """Until that many notices are in the outbox; oldest first."""
    async with asyncio.timeout(20):
        while True:
            rows = await opened.store.reader.read(
                lambda c: outbox.list_notices(c, limit=99, **where)
            )
            if len(rows) >= number:
                return rows[::-1]
            await asyncio.sleep(0.01)


async def sent(opened: Engine, number: int = 1) -> list[NoticeRow]:
    """Until that many notices are sent."""
    return await noted(opened, number, state="sent")


async def run(opened: Engine, **request: Any) -> str:
    row = await start(opened, targets="h1", **request)
    await ended(opened, row.id)
    return row.id


async def test_the_end_of_a_run_is_posted_and_signed(opened: Engine, web: WebServer) -> None:
    await save(opened, channel(web, webhook={"secret": "hush-hush-1"}))

    run_id = await run(opened, title="nightly")
    (notice,) = await sent(opened)

    (request,) = web.received
    told = json.loads(request.body)
    assert told["subject"] == "nightly: succeeded"
    assert run_id in told["body"]
    assert told["notices"] == [
        {"topic": "run-ended", "subject": notice.subject, "body": notice.body, "at": notice.at}
    ]
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["webhook-id"] == told["id"] == notice.delivery_id
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    digest = hmac.new(b"hush-hush-1", text, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert int(headers["webhook-timestamp"]) == int(NOON.timestamp())


async def test_only_what_is_wanted_is_told_and_nothing_from_before_the_channel(
    opened: Engine, web: WebServer, clock: ManualClock
) -> None:
    await run(opened, title="before")
    clock.advance(timedelta(seconds=1))
    wants = [{"topic": "run-ended", "names": ["backup"], "states": ["succeeded"]}]
    await save(opened, job("backup", {"kind": "command", "name": "a", "command": "x"}))
    await save(opened, channel(web, wants=wants))
    await run(opened, title="adhoc")
    await run(opened, job="backup")
    (notice,) = await sent(opened)
    assert notice.subject == "backup: succeeded"
    assert len(web.received) == 1


async def test_a_message_that_is_not_taken_is_tried_again_under_its_id(
    opened: Engine, web: WebServer, clock: ManualClock
) -> None:
    web.serve("/hook", Reply(503), Reply(200))
    await save(opened, channel(web))
    await run(opened)
    (failing,) = await noted(opened, 1, state="sending")
    await opened.notices.sending.settled()
    (failing,) = await noted(opened, 1, state="sending")
    assert (failing.tries, failing.error) == (1, "status 503, expected 2xx")

    clock.advance(timedelta(seconds=11))
    await opened.notices.tick()
    await sent(opened)

    first, second = web.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


async def test_a_message_that_cannot_be_delivered_is_told_elsewhere_and_given_up(
    opened: Engine, web: WebServer, clock: ManualClock
) -> None:
    web.serve("/broken", Reply(500))
    broken = channel(web, "broken", "/broken", give_up_s=60, escalate={"to": "ops", "after_s": 5})
    await save(opened, channel(web, wants=[]), broken)
    await run(opened, title="nightly")
    await noted(opened, 1, channel="broken")
    for _ in range(8):
        await opened.notices.sending.settled()
        clock.advance(timedelta(seconds=30))
        await opened.notices.tick()
    (given_up,) = await noted(opened, 1, state="given_up")
    (elsewhere,) = await noted(opened, 1, channel="ops", state="sent")
    assert given_up.channel == "broken"
    assert elsewhere.subject == "nightly: succeeded"
    assert "(channel broken does not deliver: status 500, expected 2xx)" in elsewhere.body
    states = await opened.store.reader.read(outbox.states)
    assert (states["broken"].given_up, states["broken"].error) == (1, "status 500, expected 2xx")
    assert (await opened.status()).failing_channels == {"broken": "status 500, expected 2xx"}

    web.serve("/broken", Reply(200))
    await run(opened)
    await noted(opened, 1, channel="broken", state="sent")
    assert (await opened.status()).failing_channels == {}


async def test_more_than_a_channel_bears_goes_as_one(
    opened: Engine, web: WebServer, clock: ManualClock
) -> None:
    await save(opened, channel(web, rate={"messages": 1, "per_s": 60}))
    for number in range(4):
        await run(opened, title=f"run {number}")
    await noted(opened, 4)
    await opened.notices.sending.settled()
    first = len(await sent(opened))
    clock.advance(timedelta(seconds=61))
    await opened.notices.tick()
    await sent(opened, 4)
    assert first < 4
    assert len(web.received) == 2
    assert json.loads(web.received[1].body)["subject"] == f"Jobdeck: {4 - first} notices"


async def test_quiet_hours_hold_back_all_but_what_is_urgent(
    opened: Engine, web: WebServer, clock: ManualClock
) -> None:
    quiet = {"begins": "12:00", "ends": "13:00"}
    urgent = [{"topic": "run-ended", "states": ["failed"], "urgent": True}, *ENDS]
    await save(opened, channel(web, quiet=quiet, wants=urgent))
    await run(opened)
    (waiting,) = await noted(opened, 1)
    await opened.notices.sending.settled()
    assert waiting.state == "waiting"
    clock.advance(timedelta(hours=1))
    await opened.notices.tick()
    await sent(opened)


async def test_every_time_that_slots_are_missed_is_told_and_none_of_a_quiet_schedule(
    opened: Engine, clock: ManualClock, web: WebServer
) -> None:
    nightly = {"job": "j", "trigger": {"cron": "30 2 * * *"}, "misfire": "skip"}
    await save(
        opened,
        job("j", {"kind": "command", "name": "a", "command": "true"}),
        channel(web, wants=[{"topic": "schedule-missed"}]),
        {"kind": "schedule", "name": "quiet", "spec": {**nightly, "quiet": True}},
        {"kind": "schedule", "name": "told", "spec": nightly},
    )

    for _ in range(2):
        clock.advance(timedelta(days=1))
        await opened.schedules.tick()

    told = [(row.subject, row.body[:21]) for row in await noted(opened, 2)]
    assert told == [
        ("schedule told: missed", "slot 2026-05-02T02:30"),
        ("schedule told: missed", "slot 2026-05-03T02:30"),
    ]


async def test_an_approval_tells_the_channels_that_it_names(opened: Engine, web: WebServer) -> None:
    rule = {"words": ["migrate"], "level": "review", "approval": {"channels": ["ops"]}}
    await save(opened, channel(web, wants=[]))
    await save(opened, {"kind": "command-rule", "name": "eyes", "spec": rule})
    step = {"kind": "command", "name": "a", "command": "migrate"}
    row = await start(opened, step=step, targets="h1")
    (waits,) = await sent(opened)
    assert waits.subject == "approval needed: migrate"
    assert "jobdeck approvals show" in waits.body
    (asked,) = await opened.approvals.listed(Actor("ann"), limit=9)
    vote = Ballot(choice=Choice.DENY, comment="a freeze")
    await opened.approvals.vote(asked.row.id, Actor("ann"), vote)
    _, decided = await sent(opened, 2)
    assert (decided.subject, row.id in decided.body) == ("denied: migrate", True)


async def test_a_key_is_told_once_and_secrets_are_masked(opened: Engine, web: WebServer) -> None:
    account = {"kind": "account", "name": "a", "spec": {"user": "u", "password": "sesame-77-open"}}
    await save(opened, account, channel(web))

    for _ in range(2):
        await opened.notices.tell(["ops"], "s", "login with sesame-77-open", "flow/1")
    with pytest.raises(NotFound):
        await opened.notices.tell(["ops", "opps"], "", "", "x")
    (notice,) = await sent(opened)
    assert notice.body == "login with ***"
    assert json.loads(web.received[0].body)["body"] == "login with ***"


@pytest.mark.parametrize("after", ["before it left", "before it was noted"])
async def test_an_engine_that_dies_between_sending_and_noting_keeps_the_id(
    home: Path, web: WebServer, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = ScriptedExecutor(lambda *_: Behaviour())
    lost = await crashing(home / "j", hosts, **HERE)
    await save(lost, *INVENTORY, channel(web))
    reached = asyncio.Event()
    deliver = lost.notices.sending._deliver

    async def dies(spec: ChannelSpec, message: Message) -> None:
        if after == "before it was noted":
            await deliver(spec, message)
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(lost.notices.sending, "_deliver", dies)
    await run(lost)
    await asyncio.wait_for(reached.wait(), 20)
    await abandon(lost)
    async with engine(home / "j", hosts=hosts, **HERE) as (opened, _):
        await opened.notices.tick()
        await sent(opened)
        assert len(await noted(opened, 1)) == 1
    ids = {request.headers["webhook-id"] for request in web.received}
    assert len(ids) == 1
    assert len(web.received) == (2 if after == "before it was noted" else 1)


async def test_an_entry_that_no_engine_lived_to_tell_is_told_by_the_next(
    home: Path, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = ScriptedExecutor(lambda *_: Behaviour())
    lost = await crashing(home / "j", hosts, **HERE)
    await save(lost, *INVENTORY, channel(web))
    await lost.notices.stop()
    await run(lost)
    await abandon(lost)
    async with engine(home / "j", hosts=hosts, **HERE) as (opened, _):
        await sent(opened)
    async with engine(home / "j", hosts=hosts, **HERE) as (opened, _):
        await run(opened)
        assert len(await sent(opened, 2)) == 2
    assert len(web.received) == 2


@pytest.mark.expect_logs("ERROR .*notices.not-kept")
async def test_what_a_full_disk_does_not_take_is_told_when_it_does(
    opened: Engine, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await save(opened, channel(web))
    put, full = outbox.put, [True, True]

    def refuses(*words: Any) -> bool:
        if full:
            full.pop()
            raise StorageFault("the disk is full")
        return put(*words)

    monkeypatch.setattr("core.runtime.notices._PATIENCE_S", 0.01)
    monkeypatch.setattr(outbox, "put", refuses)
    await run(opened)
    await run(opened)
    assert len(await sent(opened, 2)) == 2
    assert full == []


async def test_mail_goes_through_a_real_server(opened: Engine) -> None:
    with MailServer() as server:
        mail = {
            "server": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "sender": "jobdeck@example.org",
            "to": ["ops@example.org", "dba@example.org"],
        }
        spec = {"email": mail, "wants": ENDS}
        await save(opened, {"kind": "channel", "name": "mail", "spec": spec})
        await run(opened, title="nächtlich 备份")
        (notice,) = await sent(opened)
    assert len(server.received) == 2
    message = server.received[0]
    assert message["Subject"] == "nächtlich 备份: succeeded"
    assert message["From"].addresses[0].addr_spec == "jobdeck@example.org"
    assert message["X-Jobdeck-Message"] == notice.delivery_id
    assert notice.body in message.get_body(("plain",)).get_content().replace("\r\n", "\n")


@pytest.mark.expect_logs("mail.log.*SMTP session exception", "mail.log.*login_data is deprecated")
async def test_mail_logs_in_behind_tls_to_a_server_whose_certificate_is_good(
    opened: Engine, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    with MailServer(tls=authority.server_context("127.0.0.1")) as server:
        mail = {
            "server": "127.0.0.1",
            "port": server.port,
            "user": "jobdeck@example.org",
            "password": "sesame:/7@7?open",
            "sender": "jobdeck@example.org",
            "to": ["ops@example.org"],
        }
        await save(opened, {"kind": "channel", "name": "mail", "spec": {"email": mail}})
        with pytest.raises(Undelivered) as unsent:
            await opened.notices.sending.test("mail")
        assert server.logins == [], "a password goes to nobody whose certificate is not good"
        assert "sesame" not in str(unsent.value)

        (tmp_path / "authority.pem").write_text(authority.pem)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        await opened.notices.sending.test("mail")
    assert server.logins == [("jobdeck@example.org", "sesame:/7@7?open")]
    assert len(server.received) == 1
    assert_nowhere(home / "j", b"sesame:/7@7?open")


async def test_a_test_says_why_nothing_arrives(opened: Engine, web: WebServer) -> None:
    with MailServer(refuses=True) as server:
        mail = {
            "server": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "sender": "jobdeck@example.org",
            "to": ["ops@example.org"],
        }
        await save(opened, {"kind": "channel", "name": "mail", "spec": {"email": mail}})
        with pytest.raises(Undelivered):
            await opened.notices.sending.test("mail")
    service = {"service": "slack://xoxb-1234-secret-token/nonsense"}
    await save(opened, {"kind": "channel", "name": "chat", "spec": service})
    with pytest.raises(Undelivered) as unsent:
        await opened.notices.sending.test("chat")
    assert "secret-token" not in str(unsent.value)
    await save(opened, channel(web))
    await opened.notices.sending.test("ops")
    assert json.loads(web.received[0].body)["subject"] == "Jobdeck: a test"
    entries = await opened.store.reader.read(lambda c: journal.read_after(c, 0, 999))
    assert "xoxb-1234" not in str(entries)


async def test_a_webhook_reaches_only_where_requests_may_go(home: Path, web: WebServer) -> None:
    async with engine(home / "j") as (opened, _):
        await save(opened, channel(web))
        with pytest.raises(Undelivered, match="the engine's own machine"):
            await opened.notices.sending.test("ops")
    assert web.received == []
