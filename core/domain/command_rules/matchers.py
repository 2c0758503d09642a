"""What the built-in rules look for: one question about one piece each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from core.domain.command_rules import paths
from core.domain.command_rules.pieces import Piece
from core.domain.command_rules.wrappers import SHELLS

_INTERPRETERS = SHELLS | {"python", "python2", "python3", "perl", "ruby", "node", "php"}
_FETCHES = re.compile(r"(?:[$<]\(|`)\s*(?:curl|wget|fetch)\b")
_OPEN_TO_ALL = re.compile(r"0?[0-7]{0,1}[0-7]?[0-7]?[2367]|(?:[ugoa]*[oa]|)\+[rx]*w[rwx]*")
_SYSTEM_FILES = re.compile(r"/etc/(?:passwd|shadow|group|gshadow|sudoers|fstab)|/boot/.+")
_IS_UNKNOWN_FOLDER = re.compile(
    r"(?!\$\{?(?:HOME|PWD)\b)(?:\$\w+|\$\{(?!\w+:?\?)[^}]*\}|\$\(.*\)|`.*`)/"
)
"""Not `${DIR:?}/`, which ends where there is no value, and not folders that are always known."""
_WRITES = (">", ">>", ">|", "&>", "&>>")


def _operands(piece: Piece) -> Iterator[str]:
    """Its paths, made plain."""
    return (paths.plain(word.text, piece.cwd) for word in piece.operands)


def _written(piece: Piece) -> Iterator[str]:
    """Files that its output goes to."""
    for redirect in piece.redirects:
        if redirect.operator in _WRITES:
            yield paths.plain(redirect.target.text, piece.cwd)
    if piece.name == "tee":
        yield from _operands(piece)


def _removes(piece: Piece) -> bool:
    """`rm`, with everything below."""
    return piece.name == "rm" and not piece.options.isdisjoint({"r", "R", "--recursive"})


def removes_system(piece: Piece) -> bool:
    if piece.name == "find" and _find_deletes(piece):
        return any(path in paths.FATAL for path in _find_roots(piece) if not _is_narrowed(piece))
    return _removes(piece) and any(path in paths.FATAL for path in _operands(piece))


def removes_precious(piece: Piece) -> bool:
    if piece.name == "find" and _find_deletes(piece):
        roots = list(_find_roots(piece))
        narrowed = _is_narrowed(piece)
        return any(path in paths.PRECIOUS or (path in paths.FATAL and narrowed) for path in roots)
    before = piece.piped_from
    if piece.name in ("rm", "shred") and before is not None and before.name == "find":
        return any(path in paths.FATAL | paths.PRECIOUS for path in _find_roots(before))
    return _removes(piece) and any(path in paths.PRECIOUS for path in _operands(piece))


def removes_unknown(piece: Piece) -> bool:
    """`rm -rf "$DIR"/…`: without its value it is a folder of the system."""
    return _removes(piece) and any(
        _IS_UNKNOWN_FOLDER.match(word.text) for word in piece.operands if not word.known
    )


def _find_roots(piece: Piece) -> Iterator[str]:
    for word in piece.words[1:]:
        if word.text.startswith(("-", "(", "!")):
            if word.text in ("-H", "-L", "-P"):
                continue
            return
        yield paths.plain(word.text, piece.cwd)


def _find_deletes(piece: Piece) -> bool:
    texts = [word.text for word in piece.words]
    return "-delete" in texts or any(
        text in ("-exec", "-execdir") and following in ("rm", "/bin/rm", "/usr/bin/rm", "shred")
        for text, following in pairwise(texts)
    )


def _is_narrowed(piece: Piece) -> bool:
    """Whether `find` has a condition beyond the sort of file."""
    tests = {"-name", "-iname", "-path", "-ipath", "-regex", "-mtime", "-mmin", "-size", "-user",
             "-newer", "-atime", "-ctime", "-empty", "-maxdepth", "-group", "-perm"}  # fmt: skip
    return any(word.text in tests for word in piece.words)


def formats_disk(piece: Piece) -> bool:
    return bool(re.fullmatch(r"mkfs(\..+)?|mke2fs|mkswap|wipefs|blkdiscard|pvremove", piece.name))


def partitions_disk(piece: Piece) -> bool:
    looks = {"l", "--list", "p", "--print", "d", "--dump"}
    if piece.name == "parted":
        return "l" not in piece.options and "print" not in (word.text for word in piece.operands)
    is_tool = piece.name in ("fdisk", "sfdisk", "gdisk", "sgdisk", "cfdisk")
    return is_tool and piece.options.isdisjoint(looks)


def writes_disk(piece: Piece) -> bool:
    if any(paths.DISKS.match(path) for path in _written(piece)):
        return True
    if piece.name in ("dd", "dcfldd"):
        outputs = (word.text for word in piece.words if word.text.startswith("of="))
        return any(paths.DISKS.match(text[3:]) for text in outputs)
    if piece.name in ("cp", "shred"):
        return any(paths.DISKS.match(path) for path in list(_operands(piece))[-1:])
    return False


def writes_system_file(piece: Piece) -> bool:
    """A file that logins, mounts or the start depend on, emptied or written over."""
    if any(
        redirect.operator in (">", ">|", "&>")
        and _SYSTEM_FILES.fullmatch(paths.plain(redirect.target.text, piece.cwd))
        for redirect in piece.redirects
    ):
        return True
    if piece.name == "tee" and "a" not in piece.options:
        return any(_SYSTEM_FILES.fullmatch(path) for path in _operands(piece))
    if piece.name in ("rm", "truncate", "shred"):
        return any(_SYSTEM_FILES.fullmatch(path) for path in _operands(piece))
    return False


def opens_to_all(piece: Piece) -> bool:
    """`chmod -R 777 /`."""
    return (
        piece.name == "chmod"
        and not piece.options.isdisjoint({"R", "--recursive"})
        and bool(piece.operands)
        and _OPEN_TO_ALL.fullmatch(piece.operands[0].text) is not None
        and any(path in paths.FATAL for path in list(_operands(piece))[1:])
    )


def changes_owners(piece: Piece) -> bool:
    """`chown -R`, `chmod -R` of what belongs to the system."""
    return (
        piece.name in ("chown", "chgrp", "chmod")
        and not piece.options.isdisjoint({"R", "--recursive"})
        and any(path in paths.FATAL for path in list(_operands(piece))[1:])
    )


def moves_system(piece: Piece) -> bool:
    return piece.name == "mv" and any(path in paths.FATAL for path in list(_operands(piece))[:-1])


def stops_machine(piece: Piece) -> bool:
    name, operands = piece.name, [word.text for word in piece.operands]
    if name in ("shutdown", "poweroff", "halt", "reboot"):
        return piece.options.isdisjoint({"c", "--help", "--version", "w", "--wtmp-only"})
    if name in ("init", "telinit"):
        return operands[:1] in (["0"], ["6"])
    if name == "systemctl":
        return operands[:1] in ([w] for w in ("poweroff", "halt", "reboot", "kexec", "rescue"))
    return False


def stops_access(piece: Piece) -> bool:
    """What logins come through: the SSH service, the network, the packet filter."""
    operands = [word.text.removesuffix(".service") for word in piece.operands]
    services = {"ssh", "sshd", "networking", "network", "NetworkManager", "systemd-networkd"}
    if piece.name == "systemctl":
        return operands[:1] in (["stop"], ["disable"], ["mask"]) and bool(
            services & set(operands[1:])
        )
    if piece.name == "service":
        return operands[:1] != [] and operands[0] in services and operands[1:2] == ["stop"]
    if piece.name in ("iptables", "ip6tables"):
        texts = [word.text for word in piece.words]
        return "-F" in texts or "--flush" in texts or ("-P" in texts and "DROP" in texts)
    if piece.name == "nft":
        return operands[:2] == ["flush", "ruleset"]
    if piece.name in ("ifdown", "ifconfig"):
        return piece.name == "ifdown" or operands[1:2] == ["down"]
    return piece.name == "ip" and operands[:2] == ["link", "set"] and "down" in operands


def ends_everything(piece: Piece) -> bool:
    texts = [word.text for word in piece.words[1:]]
    if piece.name == "kill":
        return len(texts) > 1 and "-1" in texts[1:]
    return piece.name == "killall5"


def runs_download(piece: Piece) -> bool:
    """`curl … | sh`, `bash <(curl …)`, `sh -c "$(curl …)"`."""
    if piece.name not in _INTERPRETERS | {"eval", "source", "."}:
        return False
    if any(not word.known and _FETCHES.search(word.text) for word in piece.words[1:]):
        return True
    return _fetches(piece.piped_from) and not any(
        word.text[:1] not in ("-", "+") for word in piece.words[1:2]
    )


def _fetches(piece: Piece | None) -> bool:
    """Whether what it is fed with comes from elsewhere."""
    while piece is not None:
        if piece.name in ("curl", "wget", "fetch"):
            return True
        piece = piece.piped_from
    return False


def removes_schedule(piece: Piece) -> bool:
    return piece.name == "crontab" and "r" in piece.options


def drops_database(piece: Piece) -> bool:
    if piece.name in ("dropdb", "mysqladmin"):
        return piece.name == "dropdb" or "drop" in (word.text for word in piece.words)
    return _sql(piece)[:2] in (("DROP", "DATABASE"), ("DROP", "SCHEMA"))


def drops_table(piece: Piece) -> bool:
    words = _sql(piece)
    return words[:1] == ("TRUNCATE",) or (
        words[:2] == ("DROP", "TABLE") or words[:3] == ("DROP", "FOREIGN", "TABLE")
    )


def changes_all_rows(piece: Piece) -> bool:
    words = _sql(piece)
    if words[:1] == ("DELETE",):
        return "WHERE" not in words
    return words[:1] == ("UPDATE",) and "SET" in words and "WHERE" not in words


def _sql(piece: Piece) -> tuple[str, ...]:
    """The words of a statement; none of what is no SQL."""
    return tuple(word.text for word in piece.words) if piece.language == "sql" else ()


def removes_drive(piece: Piece) -> bool:
    """`rd /s C:\\`, `Remove-Item -Recurse C:\\Windows`."""
    name = piece.name.lower()
    texts = [word.text for word in piece.words[1:]]
    lowered = {text.lower() for text in texts}
    if name in ("rd", "rmdir", "del", "erase"):
        recurses = "/s" in lowered or any(text.startswith("-r") for text in lowered)
    else:
        recurses = name in ("remove-item", "ri", "rm") and any(
            text.startswith("-r") for text in lowered
        )
    return recurses and any(paths.is_windows_system(text) for text in texts)


def formats_drive(piece: Piece) -> bool:
    name = piece.name.lower().removesuffix(".com").removesuffix(".exe")
    if name == "format":
        return any(re.fullmatch(r"(?i)[a-z]:\\?", word.text) for word in piece.words[1:])
    return name in ("diskpart", "format-volume", "clear-disk", "initialize-disk",
                    "remove-partition")  # fmt: skip


def stops_windows(piece: Piece) -> bool:
    name = piece.name.lower().removesuffix(".exe")
    texts = {word.text.lower() for word in piece.words[1:]}
    if name == "shutdown":
        return not texts.isdisjoint({"/s", "/r", "/p", "/h", "-s", "-r", "-p"})
    return name in ("stop-computer", "restart-computer")


def runs_download_windows(piece: Piece) -> bool:
    """`iwr … | iex`, `iex (… DownloadString …)`."""
    if piece.name.lower() not in ("iex", "invoke-expression"):
        return False
    before = piece.piped_from
    fetching = ("iwr", "irm", "curl", "wget", "invoke-webrequest", "invoke-restmethod")
    return (before is not None and before.name.lower() in fetching) or "downloadstring" in (
        piece.line.lower()
    )
