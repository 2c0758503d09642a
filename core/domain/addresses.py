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

_CARRY_V4 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "64:ff9b::/96",  # NAT64 (RFC 6052)
            "64:ff9b:1::/48",  # NAT64 of a site (RFC 8215)
            "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
            "::/96",  # IPv4-compatible, long deprecated and still understood
        ),
    )
)
"""Networks whose addresses end with one of IPv4."""
_ISATAP = (0x00005EFE, 0x02005EFE)
"""What stands before the IPv4 address at the end of an IPv6 one (RFC 5214)."""
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"),
    )
)
"""Metadata services of clouds that are not link-local: Alibaba, Azure, Oracle, AWS, Google."""


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
        number = int(address)
        is_carrier = any(address in network for network in _CARRY_V4)
        if number > 1 and (is_carrier or number >> 32 & 0xFFFFFFFF in _ISATAP):
            hidden.append(ipaddress.IPv4Address(number & 0xFFFFFFFF))
        yield from (each for each in hidden if each is not None)


def _kind_refused(address: Address) -> str:
    if address.is_loopback:
        return "the engine's own machine"
    if address in _METADATA:
        return "the metadata service of a cloud"
    if address.is_link_local:
        return "a link-local address (metadata services stand there)"
    if address.is_unspecified or (address.version == 4 and int(address) >> 24 == 0):
        return "no host's address"
    if address.is_multicast:
        return "a multicast address"
    if address.version == 4 and address.is_reserved:
        return "a reserved address"
    return ""
