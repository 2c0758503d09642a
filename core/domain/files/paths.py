"""Where files may land: paths as people declare them, and names below them.

A declared place is a person's word; a name below it may come from a host or an archive and
is trusted with nothing. No name leaves its folder by its text; that no link leads it out
is seen where it is opened (`put.sh`, `core.executors.files.landing`).
"""

from __future__ import annotations

from dataclasses import dataclass

WILDCARDS = frozenset("*?[")
"""Characters that make a path a pattern."""
MAX_PATH_BYTES = 4095
MAX_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class Place:
    """Where files go on a target."""

    folder: str
    """Whole path, or one that begins with ~/ in the home of the work's user; no / at its end."""
    name: str
    """What one file is called there; "": files keep their names."""


def check_below(name: str) -> str:
    """`name`, relative to a folder; ValueError unless it can only lie below it."""
    if not name:
        raise ValueError("the name of a file is empty")
    if name.startswith("/"):
        raise ValueError(f"{shown(name)} is the whole path of a file, not a name below a folder")
    for part in name.split("/"):
        if part in ("", ".", ".."):
            raise ValueError(f"{shown(name)} does not lie below its folder: it has a part {part!r}")
        if len(_bytes(part)) > MAX_NAME_BYTES:
            raise ValueError(f"{shown(name)} has a part of more than {MAX_NAME_BYTES} bytes")
    _check_text(name)
    return name


def check_whole(path: str, *, home: bool = False) -> str:
    """`path`; ValueError unless it is whole and plain.

    `home`: of a target, where it may begin with ~/ or a drive instead.
    """
    if not (path.startswith(("/", "~/") if home else "/") or (home and on_drive(path))):
        begins = "/ or ~/, on Windows also C:/" if home else "/"
        raise ValueError(f"{shown(path)} must be a whole path, beginning with {begins}")
    if ".." in path.split("/"):
        raise ValueError(f"{shown(path)} goes up with `..`; write the path that is meant")
    _check_text(path)
    return path


def place(to: str) -> Place:
    """What `to` says: with a / at its end a folder, without one a file. ValueError if neither."""
    check_whole(to, home=True)
    folder, _, name = to.rpartition("/")
    if name in (".", "~"):
        raise ValueError(f"{shown(to)} names no file; a folder has a / at its end")
    root = "/" if not folder or folder.endswith(":") else ""
    return Place(folder + root, name)


def on_drive(path: str) -> bool:
    """Whether only Windows has such a path: `C:/folder`."""
    return path[1:3] == ":/" and path[0].isascii() and path[0].isalpha()


def joined(folder: str, name: str) -> str:
    """The path of `name` below `folder`."""
    return f"{folder.rstrip('/')}/{name}"


def shown(path: str) -> str:
    """A path for a message, whatever characters it has."""
    return "".join(each if each.isprintable() else "?" for each in path)[:300]


def _check_text(path: str) -> None:
    if bad := next((each for each in path if ord(each) < 0x20 or ord(each) == 0x7F), None):
        raise ValueError(f"{shown(path)} has a control character (code {ord(bad)})")
    if len(_bytes(path)) > MAX_PATH_BYTES:
        raise ValueError(f"{shown(path)} has more than {MAX_PATH_BYTES} bytes")


def _bytes(text: str) -> bytes:
    """As a file system takes it; a host's bytes that are no UTF-8 come as lone surrogates."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(f"{shown(text)} has a character that no file can be named with") from error
