"""Answers of hosts, none of which is longer than a host's can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from requests import Response, Session
from requests.adapters import HTTPAdapter
from winrm.transport import Transport

_MOST_BYTES = 16 << 20
"""A message of WinRM has 150 kB, unless somebody has set more for the host."""


class TooLong(Exception):
    """An answer of which no end is in sight."""


class Bounded(HTTPAdapter):
    """Gives no more of an answer than that. Whoever reads on raises TooLong.

    `requests` reads an answer to its end before it gives it to anybody: also that of a host whose
    login is still to come.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: Response | None = None

    def send(self, *args: Any, **kwargs: Any) -> Response:
        response = self._last = super().send(*args, **kwargs)
        response.raw.stream = partial(_bounded, response.raw.stream)
        return response

    def close(self) -> None:
        """With the connection that an answer nobody read, such as a refused login, still holds."""
        if self._last is not None:
            self._last.close()
        super().close()


def bound_from_the_first_answer(transport: Transport) -> None:
    """Without TLS the library asks the host before it gives its session to anybody."""
    set_up = transport.setup_encryption

    def set_up_bounded(session: Session) -> None:
        session.mount("http://", Bounded())
        try:
            set_up(session)
        except BaseException:  # it belongs to nobody yet
            session.close()
            raise

    transport.setup_encryption = set_up_bounded  # type: ignore[method-assign]  # the one seam there


def _bounded(stream: Callable[..., Iterator[bytes]], *args: Any, **kwargs: Any) -> Iterator[bytes]:
    size = 0
    for piece in stream(*args, **kwargs):
        size += len(piece)
        if size > _MOST_BYTES:
            raise TooLong(f"more than {_MOST_BYTES:,} bytes")
        yield piece
