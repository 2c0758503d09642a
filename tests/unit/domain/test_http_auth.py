"""What a step says about its login, and what an account must have for it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from core.domain.access import AccountSpec
from core.domain.steps import Given, HttpStep


def step(**spec: Any) -> HttpStep:
    raw = {"kind": "http", "name": "main", "url": "https://x/", **spec}
    return HttpStep.model_validate(raw)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"url": "http://x/", "auth": {"kind": "basic"}}, "use https://"),
        ({"auth": {"kind": "oauth2", "token_url": "http://x/"}}, "must begin with https://"),
        ({"auth": {"kind": "oauth2", "token_url": "https:///t"}}, "must begin with https://"),
        (
            {"auth": {"kind": "bearer"}, "headers": {"authorization": "x"}},
            "sets the header authorization already",
        ),
        ({"auth": {"kind": "api-key"}, "headers": {"x-api-key": "x"}}, "x-api-key already"),
        ({"auth": {"kind": "basic"}, "once": True}, "`run_as` names the account"),
        ({"run_as": "a", "once": True}, "give both or none"),
        ({"auth": {"kind": "digest"}}, "auth"),
        ({"auth": {"kind": "basic", "header": "x"}}, "header"),
    ],
)
def test_a_login_that_makes_no_sense_is_refused(spec: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        step(**spec)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "has", "lacks"),
    [
        ("basic", {"user": "u"}, "password"),
        ("basic", {"token": "t"}, "user"),
        ("bearer", {"user": "u", "password": "p"}, "token"),
        ("api-key", {"token": "t"}, ""),
        ("certificate", {"token": "t"}, "tls_certificate"),
    ],
)
def test_an_account_that_lacks_what_a_login_takes_is_told(
    kind: str, has: dict[str, Any], lacks: str
) -> None:
    assert step(auth={"kind": kind}).lacks(AccountSpec.model_validate(has)) == lacks


def test_a_url_that_turns_out_to_be_unencrypted_is_refused_unless_the_step_says_so() -> None:
    given = Given(script=None, env={"BASE": "http://x"})
    with pytest.raises(ValueError, match="could be read on its way"):
        step(url="${BASE}/", auth={"kind": "bearer"}).task(given)
    task = step(url="${BASE}/", auth={"kind": "bearer", "unencrypted": True}).task(given)
    assert task.url == "http://x/"


def test_a_request_without_a_login_needs_nothing_of_an_account() -> None:
    assert step().lacks(AccountSpec(user="u")) == ""
    assert not step().logs_in
