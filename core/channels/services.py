"""E-mail, chats and desktops, through Apprise: the only importer of it.

Apprise blocks, so it works in threads of its own. It says why something failed only to its
log, which is heard here and nowhere else. It cannot be told that a message is a repetition:
after a crash between sending and noting it, a message may come twice, and none is lost.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, unquote, urlencode

from core.channels.message import Message
from core.domain.channel import ChannelSpec, Email
from core.errors import Undelivered
from core.vault.masking import MIN_SECRET_BYTES, Masker

_THREADS = 4
_LOGGER = "apprise"
_LEAST_TOKEN = 6
"""Characters of a part of an address that may be a token."""


class ServiceWay:
    """Sends through Apprise."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="jobdeck-notices")

    async def send(self, spec: ChannelSpec, secrets: dict[str, str], message: Message) -> None:
        """Return when the service has taken it; raise Undelivered otherwise."""
        loop = asyncio.get_running_loop()
        if spec.email is not None:
            address = mail_address(spec.email, secrets.get("email.password"), message.id)
        else:
            address = secrets["service"]
        await loop.run_in_executor(self._threads, _send, address, message)

    def close(self) -> None:
        """Wait for nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def mail_address(spec: Email, password: str | None, message_id: str) -> str:
    """How Apprise writes a mail server, a login, who sends and who gets it."""
    login = ""
    if spec.user is not None and password is not None:
        login = f"{quote(spec.user, safe='')}:{quote(password, safe='')}@"
    host = f"[{spec.server}]" if ":" in spec.server else spec.server
    scheme = "mailto" if spec.security == "none" else "mailtos"
    mode = {"none": "insecure", "starttls": "starttls", "tls": "ssl"}[spec.security]
    query = urlencode(
        {
            "smtp": spec.server,
            "from": spec.sender,
            "to": ",".join(spec.to),
            "mode": mode,
            "format": "text",
            "+X-Jobdeck-Message": message_id,
        }
    )
    return f"{scheme}://{login}{host}:{spec.port_used}/?{query}"


def _send(address: str, message: Message) -> None:
    # Imported here: it takes half a second, and most engines never need it.
    from apprise import Apprise, AppriseAsset, NotifyFormat

    asset = AppriseAsset(
        app_id="Jobdeck", app_desc="Jobdeck", secure_logging=True, storage_mode="memory"
    )
    with _Heard() as heard:
        try:
            service = Apprise.instantiate(address, asset=asset)
            taken = service is not None and service.notify(
                title=message.subject, body=message.body, body_format=NotifyFormat.TEXT
            )
        except Exception as error:  # noqa: BLE001 - where the library ends
            # Some of its many services let through what their libraries raise.
            why = f"Apprise failed: {type(error).__name__}: {error}"
            raise Undelivered(_masked(why, address)) from None
    if service is None:
        why = heard.last or "Apprise knows no such address, or lacks what it needs"
        raise Undelivered(_masked(why, address), hint="`jobdeck help notices` shows addresses")
    if not taken:
        raise Undelivered(_masked(heard.last or "the service refused it", address))


def _masked(text: str, address: str) -> str:
    """Without the address, and without its parts that may be tokens.

    Of a mail address the server, the sender and the like may be said; that is everything but
    the login. In other addresses also what stands in a server's place may be a token.
    """
    secret, least = address, _LEAST_TOKEN
    if address.startswith(("mailto://", "mailtos://")):
        secret, least = address.partition("://")[2].rpartition("@")[0], MIN_SECRET_BYTES
    parts = [unquote(part) for part in re.split(r"[/:@?&=,]+", secret) if len(part) >= least]
    return Masker([secret, *parts]).mask_text(text)


class _Heard(logging.Handler):
    """What Apprise says in this thread, while it works."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.last = ""

    def __enter__(self) -> _Heard:
        logger = logging.getLogger(_LOGGER)
        logger.propagate = False  # a failure is told where the notices are, not in the log
        logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger(_LOGGER).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if threading.get_ident() == self._thread:
            self.last = record.getMessage()
