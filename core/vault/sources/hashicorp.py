"""Secrets in HashiCorp Vault, key-value engine version 2, over its HTTP API.

https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from core.config import HashicorpVault
from core.domain.values import SecretSource
from core.errors import EnvironmentFault
from core.vault.sources.reading import MOST_BYTES, TIMEOUT_S, without_line_end

TOKEN_VARIABLE = "VAULT_TOKEN"
"""As Vault's own programs call it; used where the settings name no file."""
_MOST_ANSWER_BYTES = 4 * MOST_BYTES
_HINTS = {
    403: "the token does not give access to it, or has expired",
    404: "nothing is kept there, or the engine at this mount is not KV version 2",
    503: "the vault is sealed",
}


class _Data(msgspec.Struct):
    data: dict[str, Any] | None = None


class _Answer(msgspec.Struct):
    data: _Data


class HashicorpReader:
    """Asks one server, by the settings' address and token."""

    def __init__(self, settings: HashicorpVault | None) -> None:
        self._settings = settings

    def __call__(self, source: SecretSource) -> str:
        assert source.vault is not None
        assert source.field is not None
        # Loaded where there is such a server.
        import httpx

        settings = self._settings
        if settings is None:
            raise EnvironmentFault(
                f"the secret from {source} has no server",
                hint="settings.toml names it: [hashicorp_vault] address = …",
            )
        mount, _, path = source.vault.partition("/")
        url = f"{settings.address.rstrip('/')}/v1/{quote(mount)}/data/{quote(path)}"
        headers = {"X-Vault-Token": _token(settings), "X-Vault-Request": "true"}
        if settings.namespace:
            headers["X-Vault-Namespace"] = settings.namespace
        try:
            with httpx.Client(
                verify=_trusted(settings), trust_env=False, timeout=TIMEOUT_S
            ) as client:
                answer = client.get(url, headers=headers)
        except httpx.HTTPError as error:
            raise EnvironmentFault(
                f"the secret from {source}: {settings.address} does not answer:"
                f" {type(error).__name__}"
            ) from error
        if answer.status_code != httpx.codes.OK:
            raise EnvironmentFault(
                f"the secret from {source}: {settings.address} answers {answer.status_code}",
                hint=_HINTS.get(answer.status_code, ""),
            )
        return _value(answer.content, source)


def _value(content: bytes, source: SecretSource) -> str:
    try:
        found = msgspec.json.decode(content[:_MOST_ANSWER_BYTES], type=_Answer).data.data or {}
    except msgspec.MsgspecError as error:
        raise EnvironmentFault(
            f"the secret from {source}: the answer is not Vault's", hint=_HINTS[404]
        ) from error
    value = found.get(source.field or "")
    if not isinstance(value, str):
        what = "is no text" if source.field in found else "is not there"
        raise EnvironmentFault(f"the secret from {source}: this field {what}")
    return without_line_end(value)


def _token(settings: HashicorpVault) -> str:
    if settings.token_file is None:
        token = os.environ.get(TOKEN_VARIABLE, "")
        where = f"the environment variable {TOKEN_VARIABLE} of the engine"
    else:
        where = settings.token_file
        try:
            token = Path(settings.token_file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise EnvironmentFault(f"the token for Vault cannot be read from {where}") from error
    if not token.strip() or not token.strip().isascii() or not token.strip().isprintable():
        raise EnvironmentFault(f"there is no token for Vault in {where}")
    return token.strip()


def _trusted(settings: HashicorpVault) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise EnvironmentFault(
            f"{settings.ca_file} cannot be read as certificates in PEM"
        ) from error
