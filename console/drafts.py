"""Drafts that outlive their console where there is room: one file each, in the home, for its owner alone.

Texts of secrets are not in them. A file that cannot be read is no draft: it holds nothing that
was ever saved, so nobody is stopped by it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.forms.draft import Draft
from console.forms.fields import Field
from core.clock import Clock


@dataclass(frozen=True, slots=True)
class Kept:
    """A draft that was kept, and when."""

    draft: Draft
    at: str


class Drafts:
    """The drafts of one home, each under the name of its place, such as `edit host/web1`."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._unwritten: dict[str, Kept] = {}
        """Drafts that no disk would take: they are there as long as this object."""

    def keep(self, name: str, draft: Draft) -> None:
        """Keep a draft in place of an earlier one.

        Raises OSError where it cannot be written: then it is kept until this console ends.
        """
        safe = draft.without_secrets()
        self._unwritten[name] = Kept(safe, self._clock.now().isoformat())
        self._write(name, safe)
        del self._unwritten[name]

    def _write(self, name: str, safe: Draft) -> None:
        text = json.dumps(
            {
                "name": name,
                "at": self._clock.now().isoformat(),
                "body": safe.body,
                "base": safe.base,
                "revision": safe.revision,
                "unread": [[list(path), text] for path, text in safe.unread.items()],
            },
            ensure_ascii=False,
        )
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self._file(name)
        beside = file.with_suffix(".new")
        descriptor = os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        beside.replace(file)

    def find(self, name: str, root: Field) -> Kept | None:
        """The draft of a place, as a draft of this form."""
        if unwritten := self._unwritten.get(name):
            return unwritten
        with suppress(OSError, ValueError, KeyError, TypeError):
            found: Mapping[str, Any] = json.loads(self._file(name).read_text(encoding="utf-8"))
            unread = {tuple(path): str(text) for path, text in found["unread"]}
            draft = Draft(root, found["body"], found["base"], found["revision"], unread)
            return Kept(draft, str(found["at"]))
        return None

    def forget(self, name: str) -> None:
        self._unwritten.pop(name, None)
        self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        # Names of documents may be longer than those of files.
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"
