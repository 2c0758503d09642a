"""Hosts from an OpenSSH client configuration: one for each plain name in a `Host` line.

Settings are found as ssh finds them (ssh_config(5)): blocks from top to bottom,
the first value of a setting wins, and key files add up. `Include` and `Match`
are not followed, and whatever has no counterpart here becomes a notice.
"""

from __future__ import annotations

import fnmatch
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.domain.importing import fields
from core.domain.importing.plan import ImportedHost, ImportPlan, Notices, plan
from core.domain.names import name_problem

_LINE = re.compile(r"(?P<keyword>\w+)(?:\s*=\s*|\s+|$)(?P<rest>.*)")
_WORD = re.compile(r'"([^"]*)"|([^\s"]+)')
_USED = frozenset({"hostname", "port", "user", "identityfile", "proxyjump", "proxycommand"})
_HOST_KEYS = "host keys are always checked against Jobdeck's own list"
_REASONS: Mapping[str, str] = {
    "include": "other files are not followed; import that one as well",
    "proxycommand": "a command is not run; only ProxyJump is taken over",
    "stricthostkeychecking": _HOST_KEYS,
    "userknownhostsfile": _HOST_KEYS,
    "globalknownhostsfile": _HOST_KEYS,
    "certificatefile": "certificates belong to an account",
    "identityagent": "the agent belongs to an account",
}
_NONE = "none"


@dataclass(slots=True)
class _Block:
    """Settings, in their order, for hosts that a pattern matches and no negated one does."""

    line: int
    patterns: tuple[str, ...]
    settings: list[_Setting] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """The patterns that are plain names."""
        return tuple(text for text in self.patterns if not set(text) & set("*?!"))

    def matcher(self) -> Callable[[str], bool]:
        chosen, negated = (
            re.compile("|".join(map(_translate, patterns)) or r"(?!)").match
            for patterns in (
                [text for text in self.patterns if not text.startswith("!")],
                [text[1:] for text in self.patterns if text.startswith("!")],
            )
        )
        return lambda name: bool(chosen(name)) and not negated(name)


@dataclass(frozen=True, slots=True)
class _Setting:
    keyword: str
    value: str
    line: int


def read(text: str) -> ImportPlan:
    """Hosts of an OpenSSH client configuration. Raises: Invalid for too many hosts."""
    notices = Notices()
    blocks = _blocks(text, notices)
    lines: dict[str, int] = {}
    for block in blocks:
        for name in block.names:
            if problem := name_problem(name):
                notices.add(block.line, f"host left out: {problem}")
            else:
                lines.setdefault(name, block.line)
    hosts = [
        _host(name, lines[name], settings, notices) for name, settings in _settings(blocks, lines)
    ]
    return plan(hosts, notices)


def _blocks(text: str, notices: Notices) -> list[_Block]:
    """The blocks of the file; what stands before the first `Host` is for every host."""
    blocks = [_Block(1, ("*",))]
    skipped: Counter[str] = Counter()
    first: dict[str, tuple[int, str]] = {}
    in_match = False
    for line, raw in enumerate(text.splitlines(), 1):
        content = raw.strip()
        match = _LINE.fullmatch(content)
        if not content or content.startswith("#"):
            continue
        if not match or match["rest"].count('"') % 2:
            notices.add(line, "the line cannot be read and is left out")
            continue
        keyword = match["keyword"].lower()
        words = [quoted or bare for quoted, bare in _WORD.findall(match["rest"])]
        if keyword == "host":
            in_match = False
            blocks.append(_Block(line, tuple(words)))
            if words and not blocks[-1].names:
                what = f"Host {' '.join(words)[:60]} is a pattern: it applies to hosts, it is none"
                notices.add(line, what)
        elif keyword == "match":
            in_match = [word.lower() for word in words] != ["all"]
            blocks.append(_Block(line, ("*",)))
            if in_match:
                notices.add(line, "Match is not evaluated; its settings are left out")
        elif not in_match:
            if keyword in _USED and words:
                blocks[-1].settings.append(_Setting(keyword, words[0], line))
            if keyword not in _USED or (keyword == "proxycommand" and words[:1] != [_NONE]):
                skipped[keyword] += 1
                first.setdefault(keyword, (line, match["keyword"]))
    for keyword, count in skipped.items():
        line, written = first[keyword]
        times = f" ({count} times)" if count > 1 else ""
        reason = _REASONS.get(keyword, "it has no counterpart here")
        notices.add(line, f"{written}{times} is left out: {reason}")
    return blocks


def _settings(
    blocks: list[_Block], names: Mapping[str, int]
) -> Iterator[tuple[str, list[_Setting]]]:
    """All settings that apply to each host, in the order of the file."""
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    wide: list[int] = []
    for at, block in enumerate(blocks):
        for name in block.names:
            by_name[name].append(at)
        if len(block.names) < len(block.patterns):
            wide.append(at)
    matchers = [block.matcher() for block in blocks]
    for name in names:
        applying = [at for at in sorted({*by_name[name], *wide}) if matchers[at](name)]
        yield name, [setting for at in applying for setting in blocks[at].settings]


def _host(name: str, line: int, settings: list[_Setting], notices: Notices) -> ImportedHost:
    first: dict[str, _Setting] = {}
    key_files: dict[str, None] = {}
    for setting in settings:
        # The two proxies compete: whichever comes first hides the other (ssh_config(5)).
        keyword = "proxy" if setting.keyword.startswith("proxy") else setting.keyword
        first.setdefault(keyword, setting)
        if keyword == "identityfile" and setting.value.lower() != _NONE:
            try:
                key_files[_expanded(setting.value, name)] = None
            except ValueError as error:
                notices.add(setting.line, f"IdentityFile is left out: {error}")
    given: dict[str, Any] = {}
    for keyword, (target, check) in _FIELDS.items():
        chosen = first.get(keyword)
        if chosen is None or chosen.keyword == "proxycommand" or chosen.value.lower() == _NONE:
            continue
        try:
            given[target] = check(_expanded(chosen.value, name))
        except ValueError as error:
            notices.add(chosen.line, f"{target} of {name} is left out: {error}")
    return ImportedHost(name=name, identity_files=tuple(key_files), line=line, **given)


def _hops(text: str) -> tuple[str, ...]:
    return tuple(map(fields.hop_name, text.split(",")))


_FIELDS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "hostname": ("address", fields.address),
    "port": ("port", fields.port),
    "user": ("user", fields.user),
    "proxy": ("jump", _hops),
}


def _expanded(text: str, name: str) -> str:
    """`%h` is the name given to ssh, `%%` a percent sign; other tokens depend on the caller."""
    expanded = re.sub("%[h%]", lambda token: name if token[0] == "%h" else "\x00", text)
    if "%" in expanded:
        raise ValueError("of the % tokens only %h is known here")
    return expanded.replace("\x00", "%")


def _translate(pattern: str) -> str:
    return fnmatch.translate(pattern.replace("[", "[[]"))
