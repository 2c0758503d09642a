"""Gathering facts: what is asked of a host in one round trip, and what its answer means. Pure.

The answer is one `name=value` a line, whatever program printed it. `PROGRAM` is for hosts with a
POSIX shell, BusyBox included, `WINDOWS_PROGRAM` for those with PowerShell; a host with yet another
shell needs another program that prints the same lines, and nothing else here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address

from core.domain.facts import FACTS, FactValue
from core.domain.inventory import Protocol
from core.domain.names import natural_key
from core.domain.tasks import Program
from core.domain.windows import powershell

PROGRAM = r"""
say() { [ -z "$2" ] || printf '%s=%s\n' "$1" "$2"; }
say clock "$(date +%s)"
say hostname "$(uname -n)"
say system "$(uname -s)"
say kernel "$(uname -r)"
say arch "$(uname -m)"
for file in /etc/os-release /usr/lib/os-release; do
    if [ -r "$file" ]; then
        while IFS= read -r line; do
            case $line in ID=*|VERSION_ID=*|PRETTY_NAME=*) say "os-release ${line%%=*}" "${line#*=}" ;; esac
        done <"$file"
        break
    fi
done
if [ -r /proc/meminfo ]; then
    say cpus "$(grep -c '^processor' /proc/cpuinfo)"
    say cpu.model "$(sed -n 's/^model name[[:space:]]*:[[:space:]]*//p' /proc/cpuinfo | sed -n 1p)"
    while read -r name value rest; do
        case $name in MemTotal:|MemAvailable:|SwapTotal:) say "kib ${name%:}" "$value" ;; esac
    done </proc/meminfo
    read -r load rest </proc/loadavg && say load "$load"
    read -r uptime rest </proc/uptime && say uptime_s "${uptime%%.*}"
    [ ! -r /proc/sys/kernel/random/boot_id ] || say boot "$(cat /proc/sys/kernel/random/boot_id)"
else
    say cpus "$(sysctl -n hw.ncpu 2>/dev/null)"
    say cpu.model "$(sysctl -n machdep.cpu.brand_string 2>/dev/null || sysctl -n hw.model 2>/dev/null)"
    say memory_bytes "$(sysctl -n hw.memsize 2>/dev/null || sysctl -n hw.physmem 2>/dev/null)"
    say boot "$(sysctl -n kern.boottime 2>/dev/null)"
fi
df -Pk 2>/dev/null | while read -r device size used free percent place; do
    case $place in
        /) say root "$size $free" ;;
        *) case $device in /dev/*) ;; *) continue ;; esac ;;
    esac
    say disk "$size $place"
done
{ hostname -I || { ip -o addr || ifconfig -a; } |
    sed -n 's/.*inet6\{0,1\} *\(addr:\)\{0,1\} *\([^ ]*\).*/\2/p'
} 2>/dev/null | while IFS= read -r line; do say address "$line"; done
say python "$(python3 -V 2>/dev/null)"
for name in sh bash dash ash zsh ksh fish pwsh; do
    command -v "$name" >/dev/null 2>&1 && say shell "$name"
done
say end yes
"""
"""Given to /bin/sh; it changes nothing and leaves nothing."""

WINDOWS_PROGRAM = r"""
$ErrorActionPreference = 'SilentlyContinue'
function Say($Name, $Value) { if ("$Value") { [Console]::Out.WriteLine("$Name=$Value") } }
$System = Get-CimInstance Win32_OperatingSystem
Say 'clock' ([DateTimeOffset]::UtcNow.ToUnixTimeSeconds())
Say 'hostname' $env:COMPUTERNAME
Say 'system' 'windows'
Say 'os-release VERSION_ID' $System.Version
Say 'os-release PRETTY_NAME' $System.Caption
Say 'kernel' $System.Version
Say 'arch' $(switch ($env:PROCESSOR_ARCHITECTURE) {
    'AMD64' { 'x86_64' }
    'ARM64' { 'aarch64' }
    default { $_ }
})
Say 'cpus' $env:NUMBER_OF_PROCESSORS
Say 'cpu.model' (@(Get-CimInstance Win32_Processor)[0].Name)
Say 'kib MemTotal' $System.TotalVisibleMemorySize
Say 'kib MemAvailable' $System.FreePhysicalMemory
Say 'kib SwapTotal' $System.SizeStoredInPagingFiles
$Started = $System.LastBootUpTime
Say 'uptime_s' ([long]((Get-Date) - $Started).TotalSeconds)
Say 'boot' ($Started.ToUniversalTime().ToString('s'))
foreach ($Disk in Get-CimInstance Win32_LogicalDisk -Filter 'DriveType=3') {
    $Size, $Free = [long]($Disk.Size / 1024), [long]($Disk.FreeSpace / 1024)
    if ($Disk.DeviceID -eq $env:SystemDrive) { Say 'root' "$Size $Free" }
    Say 'disk' "$Size $($Disk.DeviceID)"
}
foreach ($Address in Get-NetIPAddress) { Say 'address' $Address.IPAddress }
foreach ($Name in 'powershell', 'pwsh', 'cmd', 'bash') {
    if (Get-Command $Name -CommandType Application) { Say 'shell' $Name }
}
Say 'end' 'yes'
"""
"""The same for PowerShell."""


def program(protocol: Protocol) -> Program:
    """What a host is asked with."""
    if protocol is Protocol.WINRM:
        return powershell(WINDOWS_PROGRAM)
    return Program(text=PROGRAM)


MOST_LISTED = 64
"""Values of one list that are kept; a container host has hundreds of addresses."""
MOST_CHARACTERS = 200
"""Of one value."""
_CUT_OFF_S = 0.5
"""On average; the host's clock comes in whole seconds."""


def read(answer: str, engine_clock_s: float) -> dict[str, FactValue]:
    """The facts in an answer; `engine_clock_s` is when it came, in seconds since 1970.

    What the host did not say, or what makes no sense, is left out. {} for no answer at all.
    """
    said: dict[str, list[str]] = {}
    for line in answer.splitlines():
        key, equals, value = line.partition("=")
        if equals and (text := _plain(value)):
            said.setdefault(key, []).append(text)
    found: dict[str, FactValue] = {}
    for name in FACTS:
        fact = _READERS[name](said, engine_clock_s)
        if fact is not None and fact not in ("", []):
            found[name] = fact
    return found


def _plain(value: str) -> str:
    """A value without what no screen should get, and not too long."""
    text = "".join(character if character.isprintable() else " " for character in value)
    return text.strip()[:2000]


_Said = Mapping[str, list[str]]
_Reader = Callable[[_Said, float], FactValue | None]


def _text(name: str) -> _Reader:
    return lambda said, _: next(iter(said.get(name, ())), "")[:MOST_CHARACTERS]


def _quoted(name: str) -> _Reader:
    """A value of os-release, which may stand in quotes."""
    return lambda said, _: next(iter(said.get(name, ())), "").strip("\"'")[:MOST_CHARACTERS]


def _scaled(name: str, factor: float, digits: int) -> _Reader:
    def reader(said: _Said, _: float) -> FactValue | None:
        number = _number(next(iter(said.get(name, ())), ""))
        return None if number is None else _rounded(number * factor, digits)

    return reader


def _of_root(place: int) -> _Reader:
    def reader(said: _Said, _: float) -> FactValue | None:
        words = next(iter(said.get("root", ())), "").split()
        number = _number(words[place]) if len(words) > place else None
        return None if number is None else _rounded(number * _KIB, 1)

    return reader


def _memory(said: _Said, clock_s: float) -> FactValue | None:
    known = _scaled("kib MemTotal", _KIB, 1)(said, clock_s)
    return _scaled("memory_bytes", 1e-9, 1)(said, clock_s) if known is None else known


def _system(said: _Said, clock_s: float) -> FactValue | None:
    """Where there is no os-release: the kernel's own name, in lower case."""
    given = _quoted("os-release ID")(said, clock_s)
    return given or str(_text("system")(said, clock_s)).lower()


def _disks(said: _Said, _: float) -> FactValue | None:
    found = []
    for line in said.get("disk", ()):
        size, _blank, place = line.partition(" ")
        number = _number(size)
        if number is not None and place:
            found.append(f"{place} {_rounded(number * _KIB, 1):g} GB"[:MOST_CHARACTERS])
    return _listed(found)


def _addresses(said: _Said, _: float) -> FactValue | None:
    """IP addresses; a prefix length and a zone are cut off."""
    words = [word for line in said.get("address", ()) for word in line.split()]
    found = map(_address, (re.split("[/%]", word)[0] for word in words))
    return _listed(str(address) for address in found if address is not None)


def _address(word: str) -> IPv4Address | IPv6Address | None:
    """None for what is no address, and for one that every host has."""
    try:
        address = ip_address(word)
    except ValueError:
        return None
    return None if address.is_loopback or address.is_link_local else address


def _skew(said: _Said, clock_s: float) -> FactValue | None:
    number = _number(next(iter(said.get("clock", ())), ""))
    if number is None or not clock_s:
        return None
    return round(number + _CUT_OFF_S - clock_s)


def _listed(values: Iterable[str]) -> list[str]:
    return sorted(set(values), key=natural_key)[:MOST_LISTED]


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,9})?", text) else None


def _rounded(number: float, digits: int) -> float | int:
    return round(number, digits) if digits else round(number)


_KIB = 1024 / 1e9
_READERS: Mapping[str, _Reader] = {
    "hostname": _text("hostname"),
    "os.id": _system,
    "os.version": _quoted("os-release VERSION_ID"),
    "os.name": _quoted("os-release PRETTY_NAME"),
    "kernel": _text("kernel"),
    "arch": _text("arch"),
    "cpus": _scaled("cpus", 1, 0),
    "cpu.model": _text("cpu.model"),
    "mem_gb": _memory,
    "swap_gb": _scaled("kib SwapTotal", _KIB, 1),
    "disk_gb": _of_root(0),
    "disks": _disks,
    "addresses": _addresses,
    "python": lambda said, _: next(iter(said.get("python", ())), "").removeprefix("Python "),
    "shells": lambda said, _: _listed(said.get("shell", ())),
    "boot": _text("boot"),
    "uptime_h": _scaled("uptime_s", 1 / 3600, 1),
    "load": _scaled("load", 1, 2),
    "mem_free_gb": _scaled("kib MemAvailable", _KIB, 1),
    "disk_free_gb": _of_root(1),
    "skew_s": _skew,
}
