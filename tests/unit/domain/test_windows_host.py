"""How a Windows host is entered: its usual ports, and what would show a password or trust anybody."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from core.domain.inventory import HostSpec


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({}, 22),
        ({"protocol": "winrm"}, 5986),
        ({"protocol": "winrm", "winrm": {"tls": False}}, 5985),
        ({"protocol": "winrm", "port": 443}, 443),
    ],
)
def test_each_protocol_has_its_usual_port(given: dict[str, Any], port: int) -> None:
    spec = HostSpec.model_validate(given)

    assert spec.port == port
    assert HostSpec.model_validate(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"winrm": {}}, "belongs to hosts with `protocol: winrm`"),
        ({"protocol": "winrm", "jump": ["bastion"]}, "`jump` and `host_key` belong to SSH"),
        (
            {"protocol": "winrm", "winrm": {"authentication": "basic", "tls": False}},
            "`authentication: basic` needs `tls`",
        ),
        (
            {"protocol": "winrm", "winrm": {"tls": False, "certificate": "ab" * 32}},
            "there is no certificate",
        ),
        ({"protocol": "winrm", "winrm": {"certificate": "abc"}}, "certificate"),
        ({"protocol": "winrm", "spool": "/var/x"}, r"`spool` must be the whole path .* C:\\FOLDER"),
        ({"spool": "C:\\x"}, "`spool` must be the whole path of a folder there, as /FOLDER"),
        ({"protocol": "winrm", "winrm": {"verify": False}}, "verify"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        HostSpec.model_validate(given)
