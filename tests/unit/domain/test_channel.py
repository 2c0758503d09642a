"""Channels: what a document may say, and what the journal's entries mean to one."""

from __future__ import annotations

from typing import Any

import pytest

from core.domain import notices
from core.domain.channel import ChannelSpec
from core.domain.documents import parse
from core.domain.notices import Happening, RunFacts
from core.errors import Invalid

HOOK = {"webhook": {"url": "https://example.org/hook"}}
MAIL = {"server": "mx", "sender": "a@example.org", "to": ["b@example.org"]}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({}, "give `webhook`, `email` or `service`"),
        ({**HOOK, "service": "slack://a/b/c"}, "one of the three"),
        ({"webhook": {"url": "ftp://x"}}, "must be a web address"),
        ({"email": {**MAIL, "to": []}}, "spec.email.to"),
        ({"email": {**MAIL, "to": ["nobody"]}}, "must be a mail address"),
        ({"email": {**MAIL, "user": "u"}}, "belong together"),
        ({"email": {**MAIL, "user": "u", "password": "p", "security": "none"}}, "can be read"),
        ({"service": "json://example.org/"}, "`webhook` does that, and signs it"),
        ({"service": "example.org"}, "begins with the name of a service"),
        ({**HOOK, "quiet": {"begins": "24:00", "ends": "07:00"}}, "must be a time of the day"),
        ({**HOOK, "quiet": {"begins": "07:00", "ends": "07:00"}}, "are the same"),
        ({**HOOK, "quiet": {"begins": "1:00", "ends": "07:00", "time_zone": "Mars"}}, "time zone"),
        ({**HOOK, "wants": [{"topic": "run-endet"}]}, "run-ended"),
        ({**HOOK, "rate": {"messages": 0}}, "spec.rate.messages"),
    ],
)
def test_a_channel_that_makes_no_sense_is_refused(spec: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse({"kind": "channel", "name": "c", "spec": spec})
    assert says in str(raised.value)


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_mail_takes_the_usual_port_of_its_security(security: str, port: int) -> None:
    spec = ChannelSpec.model_validate({"email": {**MAIL, "security": security}})
    assert spec.email is not None
    assert spec.email.port_used == port


def ended(state: str = "failed", job: str = "backup", **data: Any) -> Happening | None:
    run = RunFacts(title="t", job=job, actor="ann", counts={"success": 2, "failed": 1})
    return notices.TELLERS["run.state"]("01R", {"state": state, **data}, run)


def test_the_end_of_a_run_says_how_it_went() -> None:
    found = ended(reason="1 of 3 targets did not succeed")
    assert found is not None
    assert found.subject == "t: failed"
    assert found.body == (
        "run 01R, started by ann\n2 success, 1 failed\n1 of 3 targets did not succeed"
    )
    assert ended("running") is None


@pytest.mark.parametrize(
    ("want", "fits"),
    [
        ({"topic": "run-ended"}, True),
        ({"topic": "host-health"}, False),
        ({"topic": "run-ended", "states": ["failed", "timed_out"]}, True),
        ({"topic": "run-ended", "states": ["succeeded"]}, False),
        ({"topic": "run-ended", "names": ["back*"]}, True),
        ({"topic": "run-ended", "names": ["Back*", "x"]}, False),
    ],
)
def test_a_channel_is_told_what_it_wants(want: dict[str, Any], fits: bool) -> None:
    spec = ChannelSpec.model_validate({**HOOK, "wants": [want]})
    happening = ended()
    assert happening is not None
    assert (notices.wanted(spec, happening) is not None) == fits


@pytest.mark.parametrize(
    ("type_", "subject", "data", "said"),
    [
        (
            "schedule.missed",
            "schedule/nightly",
            {"slot": "S", "reason": "asleep"},
            ("schedule nightly: missed", "slot S: asleep", "nightly"),
        ),
        (
            "host.health",
            "host/web1",
            {"state": "down", "message": "no route"},
            ("host web1: down", "no route", "web1"),
        ),
        (
            "host_key.pending",
            "01K",
            {"host": "web1", "fingerprint": "SHA256:x"},
            ("key of host web1: pending", "SHA256:x", "web1"),
        ),
        (
            "source.failed",
            "inventory-source/cmdb",
            {"reason": "503"},
            ("inventory source cmdb does not answer", "503", "cmdb"),
        ),
    ],
)
def test_other_entries_are_told_in_a_sentence(
    type_: str, subject: str, data: dict[str, Any], said: tuple[str, str, str]
) -> None:
    found = notices.TELLERS[type_](subject, data, None)
    assert found is not None
    assert (found.subject, found.body, found.name) == said
