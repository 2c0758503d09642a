"""Request bodies: JSON that says so, of a bounded size, read strictly.

Strict means: UTF-8 only, no NaN, no lone surrogates, nothing after the value.
The standard library's parser takes all of these, and storage would then refuse
them as a bug of ours.
"""

from __future__ import annotations

from email.message import Message
from typing import Any

import msgspec
from starlette.requests import Request

from core.api.problems import BodyTooLarge, MalformedJson, UnsupportedMediaType

MAX_BODY_BYTES = 32 * 1024 * 1024

_NOTHING = object()


class JsonRequest(Request):
    """A request whose body was read by `read` before the framework asks for it."""

    _value: Any = _NOTHING

    async def read(self) -> None:
        """Read and parse the body; raises the errors of this module's imports."""
        self._require_json()
        body = await self._bounded()
        if body:
            self._value = _parse(body)

    async def json(self) -> Any:
        assert self._value is not _NOTHING, "read() comes first"
        return self._value

    def _require_json(self) -> None:
        given = self.headers.get("Content-Type")
        if given is None and self._is_empty():
            return
        header = Message()
        header["Content-Type"] = given or ""
        # A site's form can send three types to us without being asked; JSON is none of them.
        if given is None or header.get_content_type() != "application/json":
            raise UnsupportedMediaType(
                "the body must be JSON and say so", hint="Content-Type: application/json"
            )

    def _is_empty(self) -> bool:
        chunked = "transfer-encoding" in self.headers
        return not chunked and self.headers.get("Content-Length", "0") == "0"

    async def _bounded(self) -> bytes:
        """The body; refused before it is read where its length is announced."""
        announced = self.headers.get("Content-Length", "")
        if announced.isdigit() and int(announced) > MAX_BODY_BYTES:
            raise _too_large()
        pieces, size = list[bytes](), 0
        async for piece in self.stream():
            size += len(piece)
            if size > MAX_BODY_BYTES:
                raise _too_large()
            pieces.append(piece)
        self._body = b"".join(pieces)
        return self._body


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(
        f"the body is larger than {MAX_BODY_BYTES // 1024 // 1024} MiB",
        hint="send fewer documents at a time",
    )


def _parse(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise MalformedJson(f"the body is not UTF-8: byte {error.start}") from None
    except RecursionError:
        raise MalformedJson("the body is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise MalformedJson(f"the body is not JSON: {error}") from None
