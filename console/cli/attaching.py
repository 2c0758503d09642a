"""Files that documents attach: `attach` becomes `contents` of a push, and `text` of a script.

A step says `attach: ./app.conf`, or a list of files and folders, relative to the file that the
document stands in. What is sent to the engine names each by its SHA-256; an exported document
does so already, and its contents lie beside it in a folder `contents`. A script, as a document
or as a step, attaches one file, which becomes its text: so it has revisions, and rules judge it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.cli.printing import err
from console.client import Client
from console.i18n import _
from console.presenters.durations import size
from console.presenters.text import Span, Tone
from core.errors import EnvironmentFault, Invalid, Problem

FOLDER = "contents"
"""Beside exported documents: files that are called by their SHA-256."""
ATTACH = "attach"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_FILES = 1000
_SCRIPTS = ("script", "scripts")
_STEPS = ("steps", "nodes")
"""Fields of jobs and flows that hold steps."""
_NESTED = "step"
"""Field of a node that holds one."""


@dataclass(slots=True)
class Attached:
    """A document that names contents, and the files that they are read from."""

    body: Any
    contents: dict[str, Path] = field(default_factory=dict)
    """SHA-256 -> file."""
    problems: list[Problem] = field(default_factory=list)


def attach(body: Any, folder: Path) -> Attached:
    """`body`, a document in `folder`, with `contents` in the place of every `attach`."""
    found = Attached(body)
    if not (isinstance(body, dict) and isinstance(spec := body.get("spec"), dict)):
        return found
    if body.get("kind") in _SCRIPTS:
        found.body = {**body, "spec": _script(spec, "spec", folder, found)}
        return found
    changed = {
        name: [_step(step, f"spec.{name}[{n}]", folder, found) for n, step in enumerate(steps)]
        for name in _STEPS
        if isinstance(steps := spec.get(name), list)
    }
    found.body = {**body, "spec": {**spec, **changed}}
    return found


def of_files(paths: Sequence[str]) -> tuple[list[dict[str, str]], dict[str, Path]]:
    """Files and folders of this machine as `contents` of a step, and what these are read from.

    Invalid where one of them is not there, or a folder has nothing in it.
    """
    found = Attached(None)
    named = [each for path in paths for each in _named(Path(), path, "FILE", found)]
    if found.problems:
        raise Invalid(_("nothing was started"), found.problems)
    return named, found.contents


def contents_of(spec: Mapping[str, Any]) -> Iterator[str]:
    """SHA-256 of each content that the steps of a job or a flow name."""
    for step in (step for name in _STEPS for step in spec.get(name) or ()):
        for each in (step, step.get(_NESTED) or {}):
            yield from (str(content["sha256"]) for content in each.get("contents") or ())


def bring(client: Client, contents: Mapping[str, Path]) -> None:
    """Give the engine what it does not have; a line on stderr for each."""
    for sha256, file in contents.items():
        if not any(client.contents(sha256)):
            put(client, sha256, file)


def put(client: Client, sha256: str, file: Path) -> None:
    """Give the engine a file of this machine, and say so."""
    try:
        with file.open("rb") as opened:
            kept = client.put_content(sha256, opened)
    except OSError as error:
        raise _unreadable(file, error) from error
    text = _("{file}: {size} brought to the engine")
    err().print(Span(text.format(file=file, size=size(kept.size_bytes)), Tone.QUIET))


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file of this machine."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(file, error) from error


def _step(step: Any, where: str, folder: Path, found: Attached) -> Any:
    if not isinstance(step, dict):
        return step
    if isinstance(inner := step.get(_NESTED), dict):
        return {**step, _NESTED: _step(inner, f"{where}.{_NESTED}", folder, found)}
    if step.get("kind") == "script":
        return _script(step, where, folder, found)
    named = step.get("contents") or []
    if isinstance(named, list):
        found.contents |= _beside(named, folder)
    # Other kinds have no contents: they keep the field, and it is refused as any unknown one is.
    if ATTACH not in step or step.get("kind") != "push" or not isinstance(named, list):
        return step
    given = step[ATTACH]
    places = [given] if isinstance(given, str) else given
    if not isinstance(places, list) or not all(isinstance(each, str) for each in places):
        what = _("must be the path of a file or folder, or a list of them")
        found.problems.append(Problem(where=f"{where}.{ATTACH}", what=what))
        return step
    contents = list(named)
    for number, place in enumerate(places):
        at = f"{where}.{ATTACH}" if isinstance(given, str) else f"{where}.{ATTACH}[{number}]"
        contents += _named(folder, place, at, found)
    return {**{key: value for key, value in step.items() if key != ATTACH}, "contents": contents}


def _script(script: dict[str, Any], where: str, folder: Path, found: Attached) -> dict[str, Any]:
    """A script, with the text of the file that it attaches."""
    if ATTACH not in script:
        return script
    where, place = f"{where}.{ATTACH}", script[ATTACH]
    if not isinstance(place, str):
        what = _("must be the path of a file")
    elif "text" in script:
        what = _("give `attach` or `text`, one of the two")
    elif not (file := folder / Path(place).expanduser()).is_file():
        what = _("{path} is no file").format(path=file)
    else:
        rest = {key: value for key, value in script.items() if key != ATTACH}
        try:
            return {**rest, "text": file.read_bytes().decode("utf-8")}
        except UnicodeDecodeError:
            what = _("{path} is no text in UTF-8").format(path=file)
        except OSError as error:
            raise _unreadable(file, error) from error
    found.problems.append(Problem(where=where, what=what))
    return script


def _named(folder: Path, place: str, where: str, found: Attached) -> Iterator[dict[str, str]]:
    top = folder / Path(place).expanduser()
    files = list(_files(top))
    if not files or len(files) > _MOST_FILES:
        what = (
            _("{path} is not there").format(path=top)
            if not top.exists()
            else _("{path} has no file, or more than {most}").format(path=top, most=_MOST_FILES)
        )
        found.problems.append(Problem(where=where, what=what))
        return
    for file in files:
        sha256 = sha256_of(file)
        found.contents[sha256] = file
        named = {"name": str(file.relative_to(top.parent)), "sha256": sha256}
        # As git has it: other bits differ from one copy of a folder to the next.
        yield {**named, "mode": "0755"} if file.stat().st_mode & 0o100 else named


def _files(top: Path) -> Iterator[Path]:
    """A file, or all plain files below a folder; links in a folder are left out."""
    if top.is_file():
        yield top
    elif top.is_dir():
        inside = (path for path in top.rglob("*") if path.is_file() and not path.is_symlink())
        yield from sorted(inside)


def _beside(named: list[Any], folder: Path) -> Iterator[tuple[str, Path]]:
    """Contents of an exported document that lie beside it, or beside its folder."""
    for each in named:
        sha256 = str(each.get("sha256")) if isinstance(each, dict) else ""
        if _SHA256.fullmatch(sha256):
            above = Path(os.path.normpath(folder / ".."))
            files = [place / FOLDER / sha256 for place in (folder, above)]
            yield from [(sha256, file) for file in files if file.is_file()][:1]


def _unreadable(file: Path, error: OSError) -> EnvironmentFault:
    text = _("{path} cannot be read: {reason}")
    return EnvironmentFault(text.format(path=file, reason=error.strerror))
