"""Certificate authorities that a step trusts, as people give them. Pure."""

from __future__ import annotations

import ssl
from typing import Annotated

from pydantic import AfterValidator


def check_authorities(text: str) -> str:
    """`text`; ValueError unless it holds certificates in PEM."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, TypeError, ValueError) as error:  # TypeError: not ASCII
        raise ValueError("give certificates in PEM, as -----BEGIN CERTIFICATE----- …") from error
    return text


Authorities = Annotated[str, AfterValidator(check_authorities)]
"""Certificates in PEM."""
