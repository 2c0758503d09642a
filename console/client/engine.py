"""The engine itself, backups, and retention."""

from __future__ import annotations

from console import answers
from console.client.calls import ENDLESS, Calls


class EngineCalls(Calls):
    """The engine itself, backups, and retention."""

    def engine(self) -> answers.Engine:
        return self._get(answers.Engine, "/engine")

    def pulse(self, limit: int) -> answers.Pulse:
        """Everything in one look; at most `limit` of each list."""
        return self._get(answers.Pulse, "/pulse", {"limit": limit})

    def stop_engine(self, mode: str, timeout_s: float | None = None) -> None:
        """Ask the engine to end by itself; `mode` is drain or detach."""
        body = {"mode": mode, **({} if timeout_s is None else {"timeout_s": timeout_s})}
        self._call("POST", "/engine/stop", body=body)

    def back_up(self, path: str | None) -> answers.Backup:
        """Copy the database while it is in use; None lets the engine choose the place."""
        body = {} if path is None else {"path": path}
        return self._decode(
            answers.Backup, self._call("POST", "/backups", body=body, timeout=ENDLESS)
        )

    def preview_retention(self) -> answers.RetentionPreview:
        """What the rules of the settings would remove now; nothing is removed."""
        return self._get(answers.RetentionPreview, "/retention/preview")

    def apply_retention(self, preview: answers.RetentionPreview) -> answers.Removed:
        """Remove what was previewed; Conflict when that is no longer what would go."""
        body = {"as_of": preview.as_of, "digest": preview.digest}
        done = self._call("POST", "/retention/apply", body=body, timeout=ENDLESS)
        return self._decode(answers.Removed, done)
