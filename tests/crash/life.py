"""A home whose engines are started and killed, one after the other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from core.home import Home
from tests.crash.engines import Engine, Line, Zygote


class Life:
    """A home whose engines are started and killed."""

    def __init__(self, zygote: Zygote, folder: Path) -> None:
        self._zygote = zygote
        self.home = Home(folder / "j")
        self.effects = folder / "effects"
        self.line = Line(self.home)

    def engine(self, plan: str = "") -> Engine:
        variables = {
            "JOBDECK_HOME": str(self.home.root),
            "HOME": str(self.home.root.parent),
            "PATH": os.environ["PATH"],
        }
        return Engine(self._zygote, self.home, variables, plan)

    def get(self, path: str) -> Any:
        return self.line.call("GET", path).json()

    def every(self, path: str) -> list[dict[str, Any]]:
        """All items of a list, page by page."""
        found, cursor = [], ""
        while True:
            page = self.get(f"{path}limit=100{cursor}")
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"
