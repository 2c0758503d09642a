"""Which variables are taken for secrets."""

from __future__ import annotations

import pytest

from core.domain.importing.secrets import holds_secret, is_secret_name
from core.domain.yamlsafe import Opaque


@pytest.mark.parametrize(
    "name",
    ["ansible_password", "ansible_ssh_pass", "ansible_become_pass", "ansible_become_password"]
    + ["ansible_sudo_pass", "DB_PASSWORD", "dbPassword", "mysqlpasswd", "api_key", "APIKey"]
    + ["apikey", "AWS_SECRET_ACCESS_KEY", "githubToken", "vault.token", "passphrase", "pass_word"]
    + ["client-secret", "ssh_private_key", "数据库密码", "snmp_auth", "wifi_psk"],
)
def test_these_names_are_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["http_port", "env", "compass", "bypass_proxy", "keyboard", "ssh_public_key", "key_count"]
    + ["author", "tokenizer", "role", "区域", ""],
)
def test_these_names_are_not(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "value",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----\nabc",
        "$ANSIBLE_VAULT;1.1;AES256\n6162",
        "postgres://app:hunter2@db/app",
        "redis://:hunter2@cache",
        "Server=db;User=sa;Password=hunter2",
        "--token=abc",
        Opaque("!vault"),
        [{"nested": [{"password": "x"}]}],
        {"a": ["https://u:p@h"]},
    ],
)
def test_these_values_hold_a_secret(value: object) -> None:
    assert holds_secret(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    ["https://example.com:8443/a@b", "ssh-ed25519 AAAA", "password", 5, None, {"a": [1, "b"]}],
)
def test_these_values_do_not(value: object) -> None:
    assert not holds_secret(value)  # type: ignore[arg-type]
