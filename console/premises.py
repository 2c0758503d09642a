"""What can be seen of a home and its machine without the engine: a look at the disk, no question."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

from console import autostart
from console.preferences import PreferenceFile
from console.presenters.premises import Premises
from console.wishes import read_wishes
from core.home import Home
from core.scheduling import zones

_A_ZONE = "Europe/Berlin"
_OTHERS = 0o077
"""What a folder's mode says of everybody but its owner."""


def look_around(place: Home, *, listens: bool) -> Premises:
    """Everything there at this moment; `listens`: whether an engine answers. Blocks."""
    root, seen = place.root, Premises(home=str(place.root), has_zones=_has_zones())
    if not root.is_dir():
        return seen
    status = root.stat()
    return replace(
        seen,
        is_ours=status.st_uid == os.getuid() if hasattr(os, "getuid") else True,
        is_open=bool(status.st_mode & _OTHERS),
        free_bytes=shutil.disk_usage(root).free,
        is_held=not listens and autostart.is_running(place),
        trouble=read_wishes(PreferenceFile(place.preferences)).trouble,
    )


def _has_zones() -> bool:
    try:
        zones.zone(_A_ZONE)
    except ValueError:
        return False
    return True
