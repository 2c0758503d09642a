"""Until when a certificate is valid, read from the certificate itself: X.509 and OpenSSH. Pure.

Only what stands before the end of the time is read (RFC 5280, 4.1; PROTOCOL.certkeys of OpenSSH);
whether a signature holds, whoever is shown the certificate finds out.
"""

from __future__ import annotations

import binascii
import re
import struct
from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)

_SEQUENCE, _VERSION = 0x30, 0xA0
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18

_FIELDS_OF_KEY: Mapping[str, int] = {
    "ssh-rsa": 2,
    "ssh-dss": 4,
    "ssh-ed25519": 1,
    "ecdsa-sha2-nistp256": 2,
    "ecdsa-sha2-nistp384": 2,
    "ecdsa-sha2-nistp521": 2,
    "sk-ssh-ed25519": 2,
    "sk-ecdsa-sha2-nistp256": 3,
}
"""Kind of key -> fields between the nonce and the serial number."""
_SSH_SUFFIX = re.compile(r"-cert-v\d\d@openssh\.com$")
_FOREVER = (1 << 64) - 1


def last_day(
    expires: date | None, tls_certificate: str | None, ssh_certificate: str | None
) -> date | None:
    """The last day on which all that an account shows is valid, in UTC; None: none is known."""
    ends = [datetime.combine(expires, datetime.min.time(), UTC)] if expires else []
    if tls_certificate is not None:
        ends += tls_ends(tls_certificate)
    if ssh_certificate is not None and (end := ssh_end(ssh_certificate)):
        ends.append(end)
    return min(ends).date() if ends else None


def tls_ends(text: str) -> Iterator[datetime]:
    """When each certificate of a PEM text ends; ValueError where one cannot be read."""
    for block in _PEM.findall(text):
        try:
            yield _not_after(b64decode(block))
        except (IndexError, binascii.Error) as error:
            raise ValueError("this certificate cannot be read") from error


def ssh_end(line: str) -> datetime | None:
    """When an OpenSSH certificate ends; None: never. ValueError where it cannot be read."""
    wrong = "give an OpenSSH certificate in one line: ssh-ed25519-cert-v01@openssh.com AAAA…"
    try:
        blob = b64decode(line.split()[1], validate=True)
        kind, rest = _taken(blob)
        name, found = _SSH_SUFFIX.subn("", kind.decode("ascii"))
        if not found:
            raise ValueError(wrong)
        for _ in range(1 + _FIELDS_OF_KEY[name]):
            _, rest = _taken(rest)
        rest = rest[8 + 4 :]  # serial number, kind of certificate
        for _ in range(2):  # its id, its principals
            _, rest = _taken(rest)
        _, until = struct.unpack_from(">QQ", rest)
        return None if until == _FOREVER else datetime.fromtimestamp(until, UTC)
    except (IndexError, KeyError, struct.error, ValueError, OverflowError, OSError) as error:
        raise ValueError(wrong) from error


def _taken(data: bytes) -> tuple[bytes, bytes]:
    """The first field of SSH's wire format, and what follows it."""
    (size,) = struct.unpack_from(">I", data)
    if len(data) < 4 + size:
        raise IndexError(size)
    return data[4 : 4 + size], data[4 + size :]


def _not_after(der: bytes) -> datetime:
    body = _inside(_inside(der, _SEQUENCE)[1], _SEQUENCE)[1]
    if body[0] == _VERSION:
        body = _inside(body, _VERSION)[2]
    for _ in range(3):  # serial number, algorithm, issuer
        body = _inside(body, None)[2]
    validity = _inside(body, _SEQUENCE)[1]
    kind, text, _ = _inside(_inside(validity, None)[2], None)
    digits = text.decode("ascii")
    if kind == _UTC_TIME:  # years 1950 to 2049
        digits = ("19" if digits[0] >= "5" else "20") + digits
    elif kind != _GENERALIZED_TIME:
        raise ValueError("this certificate cannot be read")
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _inside(der: bytes, tag: int | None) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element of DER, and what follows it."""
    size, start = der[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(der[2:start])
    if (tag is not None and der[0] != tag) or len(der) < start + size:
        raise ValueError("this certificate cannot be read")
    return der[0], der[start : start + size], der[start + size :]
