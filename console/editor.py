"""The editor of whoever sits here: VISUAL, EDITOR, else vi."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from console.i18n import _
from core.errors import EnvironmentFault, RequestError


def open_file(file: Path) -> None:
    """Open a file and wait until the editor ends; raises OpsError where it fails to."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        done = subprocess.run([*shlex.split(editor), str(file)], check=False)
    except OSError as error:
        raise EnvironmentFault(
            _("the editor {editor} cannot be started: {reason}").format(
                editor=editor, reason=error.strerror
            ),
            hint=_("set VISUAL or EDITOR"),
        ) from error
    if done.returncode != 0:
        raise RequestError(
            _("the editor ended with {code}; nothing was changed").format(code=done.returncode)
        )


def edited(text: str, name: str) -> str:
    """What becomes of a text in the editor; `name`: of the file that it is in meanwhile.

    An editor ends a file with a line end; one that the text did not have is taken off again.
    """
    with tempfile.TemporaryDirectory(prefix="jobdeck-edit-") as folder:
        file = Path(folder) / name
        file.write_text(text, encoding="utf-8")
        open_file(file)
        found = file.read_text(encoding="utf-8")
    return found if text.endswith("\n") else found.removesuffix("\n")
