"""A client's certificate and key, as texts, into a TLS context, which takes files alone."""

from __future__ import annotations

import secrets
import ssl
import tempfile
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption


def show_certificate(
    context: ssl.SSLContext, certificate: str, key: str, passphrase: str | None
) -> None:
    """Let `context` prove itself by a certificate (PEM, with its chain).

    ValueError says what does not fit. The key lies in a file for a moment, under a
    passphrase that nobody but this function ever knows.
    """
    opener = None if passphrase is None else passphrase.encode()
    try:
        private = serialization.load_pem_private_key(key.encode(), opener)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("`tls_key` cannot be opened with `tls_passphrase`") from error
    once = secrets.token_urlsafe(32)
    sealed = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        BestAvailableEncryption(once.encode()),
    )
    with tempfile.TemporaryDirectory(prefix="jobdeck-") as folder:
        file = Path(folder, "client.pem")
        file.write_bytes(certificate.encode() + b"\n" + sealed)
        try:
            context.load_cert_chain(file, password=once)
        except ssl.SSLError as error:
            raise ValueError("`tls_key` is not the key of `tls_certificate`") from error
