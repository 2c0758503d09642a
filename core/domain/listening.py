"""Where calls from outside are taken, as settings say it. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from core.errors import Invalid, Problem

_PLACE = re.compile(r"(\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[\w.-]+)):(?P<port>\d{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookListening:
    """An address for calls of schedules."""

    host: str
    port: int
    certificate: str = ""
    """Path of a PEM file; "": plain HTTP, which only this machine may speak."""
    key: str = ""
    """Path of the certificate's key; "": it is in the certificate's file."""

    @property
    def url(self) -> str:
        """What a caller's address begins with."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}"


def hook_listening(text: str, certificate: str, key: str) -> HookListening | None:
    """What the three settings mean; None: nothing is listened to. Raises: Invalid, by setting."""
    if not text:
        for name, value in (("tls_certificate", certificate), ("tls_key", key)):
            if value:
                raise _refused(name, "is of no use without `listen_hooks`")
        return None
    place = _PLACE.fullmatch(text)
    if place is None or not 1 <= int(place["port"]) <= 65535:
        raise _refused("listen_hooks", f"{text!r} is no address; try 127.0.0.1:8480 or [::]:8443")
    if key and not certificate:
        raise _refused("tls_key", "is the key of no certificate; give `tls_certificate` too")
    host = place["six"] or place["host"]
    if not certificate and not is_loopback(host):
        raise _refused(
            "listen_hooks",
            f"calls to {text} would cross the network in plain text",
            "give `tls_certificate`, or listen on 127.0.0.1 behind a proxy that speaks TLS",
        )
    return HookListening(host=host, port=int(place["port"]), certificate=certificate, key=key)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address, or comes from it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refused(name: str, what: str, hint: str = "") -> Invalid:
    problem = Problem(where=name, what=what, hint=hint)
    return Invalid("where calls are taken is not valid", [problem])
