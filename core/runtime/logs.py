"""The engine's log: one JSON object a line, rotated, in the home folder.

Secrets never reach it: values of requests are not logged, only names, ids and
our own messages (see `core.vault.masking` for what hosts print).
"""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from core.clock import Clock
from core.storage.writer import timestamp

_MAX_BYTES = 5_000_000
_KEPT_FILES = 3


def configure(path: Path, level: str, clock: Clock, *, to_stderr: bool) -> None:
    """Send structlog and the libraries' own records to the file, 0600, and to stderr if asked."""
    shared = _shared(clock)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False),
        ],
    )
    path.touch(mode=0o600, exist_ok=True)
    handlers: list[logging.Handler] = [
        logging.handlers.RotatingFileHandler(
            path, maxBytes=_MAX_BYTES, backupCount=_KEPT_FILES, encoding="utf-8"
        )
    ]
    if to_stderr:
        handlers.append(logging.StreamHandler())
    for handler in handlers:
        handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(level.upper())
    # At INFO one tells of every wake-up, the other of every connection, with addresses and users.
    for talkative in ("apscheduler", "asyncssh"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    _through_logging([*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter])


def configure_plain(clock: Clock) -> None:
    """Make structlog's events ordinary log records, one line each; for tests and tools."""
    _through_logging([*_shared(clock), structlog.processors.JSONRenderer()])


def _through_logging(processors: Sequence[structlog.typing.Processor]) -> None:
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _shared(clock: Clock) -> list[structlog.typing.Processor]:
    def stamp(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["at"] = timestamp(clock.now())
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        stamp,
        # Plain tracebacks: a formatter that shows local variables would show secrets.
        structlog.processors.format_exc_info,
    ]
