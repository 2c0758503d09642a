"""Gathering facts: what answers mean, whatever is answered, and the program in real shells."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import gathering
from core.domain.facts import FACTS

ANSWER = """\
clock=1000
hostname=web1
system=Linux
kernel=6.1.0-18-amd64
arch=x86_64
os-release PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
os-release VERSION_ID="12"
os-release ID=debian
cpus=4
kib MemTotal=16300000
kib MemAvailable=8000000
kib SwapTotal=0
load=0.25
uptime_s=7200
root=100000000 25000000
disk=100000000 /
disk=500000000 /var/lib/my data
address=10.0.0.5 fe80::1%eth0
address=fd00::5/64
address=127.0.0.1
python=Python 3.11.7
shell=sh
shell=bash
end=yes
"""


def test_an_answer_becomes_facts() -> None:
    assert gathering.read(ANSWER, 998.5) == {
        "hostname": "web1",
        "os.id": "debian",
        "os.version": "12",
        "os.name": "Debian GNU/Linux 12 (bookworm)",
        "kernel": "6.1.0-18-amd64",
        "arch": "x86_64",
        "cpus": 4,
        "mem_gb": 16.7,
        "swap_gb": 0.0,
        "disk_gb": 102.4,
        "disks": ["/ 102.4 GB", "/var/lib/my data 512 GB"],
        "addresses": ["10.0.0.5", "fd00::5"],
        "python": "3.11.7",
        "shells": ["bash", "sh"],
        "uptime_h": 2.0,
        "load": 0.25,
        "mem_free_gb": 8.2,
        "disk_free_gb": 25.6,
        "skew_s": 2,
    }


NAMES = st.sampled_from([line.partition("=")[0] for line in ANSWER.splitlines()])


@given(st.lists(st.tuples(NAMES, st.text(max_size=300)), max_size=20), st.text(max_size=200))
def test_no_answer_is_too_strange_to_be_read(lines: list[tuple[str, str]], noise: str) -> None:
    answer = "\n".join([*(f"{name}={value}" for name, value in lines), noise])
    found = gathering.read(answer, 5.0)
    assert found.keys() <= FACTS.keys()
    assert all(value not in ("", []) for value in found.values())
    texts = [text for value in found.values() if not isinstance(value, int | float)
             for text in ([value] if isinstance(value, str) else value)]  # fmt: skip
    assert all(text.isprintable() for text in texts)


@pytest.mark.parametrize("shell", [["sh"], ["bash", "--posix"], ["busybox", "sh"]])
def test_the_program_tells_the_facts_of_this_machine(shell: list[str]) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"there is no {shell[0]} here")
    done = subprocess.run(
        [*shell, "-c", gathering.PROGRAM], capture_output=True, text=True, check=True, timeout=20
    )
    found = gathering.read(done.stdout, time.time())  # noqa: TID251 - the host's own clock
    assert done.stderr == ""
    assert found.keys() >= {"hostname", "os.id", "kernel", "arch", "cpus", "mem_gb", "disk_gb"}
    assert abs(float(str(found["skew_s"]))) <= 5
    assert "sh" in found["shells"]  # type: ignore[operator]
