"""Which network addresses a request may go to. Pure.

A URL is written by one person and resolved by another's name server. Whatever it resolves
to, spelt in whatever way, is judged as the address that is connected to.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_CARRIES_V4 = ipaddress.IPv6Network("::/96")
"""IPv4-compatible addresses, long deprecated and still understood."""


def check_network(text: str) -> str:
    """`text`; ValueError unless it names a network or one address."""
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"not a network such as 10.0.0.0/8 or an address: {error}") from error
    return text


NetworkText = Annotated[str, AfterValidator(check_network)]


def refusal(address: str, allowed: Sequence[str], own: str = "") -> str | None:
    """Why nothing may be sent to `address`; None where it may.

    `allowed`: networks; where there are any, nothing outside them is reached. Without them
    everything may be reached but what belongs to the engine's own machine and link. `own`:
    the target's address on record, which a person has approved.
    """
    if address == own:
        return None
    faces = list(_faces(ipaddress.ip_address(address.partition("%")[0])))
    if allowed:
        networks = [ipaddress.ip_network(text) for text in allowed]
        if any(face in network for face in faces for network in networks):
            return None
        return f"{address} is in none of the networks allowed: {', '.join(allowed)}"
    for face in faces:
        if kind := _kind_refused(face):
            return f"{address} is {kind}, which a request reaches only where it is allowed"
    return None


def _faces(address: Address) -> Iterator[Address]:
    """The address, and those that are hidden in it."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        hidden = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64 or (address in _CARRIES_V4 and int(address) > 1):
            hidden.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        yield from (each for each in hidden if each is not None)


def _kind_refused(address: Address) -> str:
    if address.is_loopback:
        return "the engine's own machine"
    if address.is_link_local:
        return "a link-local address (metadata services stand there)"
    if address.is_unspecified or (address.version == 4 and int(address) >> 24 == 0):
        return "no host's address"
    if address.is_multicast:
        return "a multicast address"
    if address.version == 4 and address.is_reserved:
        return "a reserved address"
    return ""
