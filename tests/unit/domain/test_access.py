"""Accounts: what belongs together, and what proves nothing alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.domain.documents import parse
from core.errors import Invalid
from tests.support.certificates import Authority

PEM = Authority(Path()).pem


def refusal(spec: dict[str, Any]) -> str:
    with pytest.raises(Invalid) as refused:
        parse({"kind": "account", "name": "a", "spec": spec})
    return str(refused.value)


@pytest.mark.parametrize(
    "spec",
    [
        {"user": "deploy"},
        {"token": "t"},
        {"tls_certificate": PEM, "tls_key": "k"},
        {"user": "client", "password": "p", "tls_certificate": PEM, "tls_key": "k"},
        {"token": "t", "expires": "2027-03-31"},
    ],
)
def test_somebody_is_named_by_a_user_a_token_or_a_certificate(spec: dict[str, Any]) -> None:
    assert parse({"kind": "account", "name": "a", "spec": spec}).spec


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({}, "give a `user`"),
        ({"password": "p"}, "give a `user`"),
        ({"token": "t", "password": "p"}, "`password` belongs to a `user`"),
        ({"token": "t", "become": {}}, "`become` belongs to a `user`"),
        ({"user": "u", "tls_certificate": PEM}, "belong together"),
        ({"user": "u", "tls_key": "k"}, "belong together"),
        ({"user": "u", "tls_passphrase": "k"}, "`tls_passphrase` belongs to a `tls_key`"),
        ({"tls_certificate": "no", "tls_key": "k"}, "spec.tls_certificate"),
        ({"user": "u", "expires": "tomorrow"}, "must be a day, such as 2027-03-31"),
        ({"user": "u", "expires": 2027}, "must be a day, such as 2027-03-31"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_a_sentence(
    spec: dict[str, Any], says: str
) -> None:
    assert says in refusal(spec)
