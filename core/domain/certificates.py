"""Certificates as people give them: authorities that a step trusts, an account's own. Pure."""

from __future__ import annotations

import ssl
from typing import Annotated

from pydantic import AfterValidator

from core.domain.values import Lines


def check_certificates(text: str) -> str:
    """`text`; ValueError unless it holds certificates in PEM."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, TypeError, ValueError) as error:  # TypeError: not ASCII
        raise ValueError("give certificates in PEM, as -----BEGIN CERTIFICATE----- …") from error
    return text


Authorities = Annotated[Lines, AfterValidator(check_certificates)]
"""Certificates in PEM, of those whose signatures are trusted."""

Certificates = Annotated[Lines, AfterValidator(check_certificates)]
"""A certificate in PEM, and what leads from it to an authority."""
