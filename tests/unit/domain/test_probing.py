"""Looking at a host: what its answer means, whatever it answers, in real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import probing
from core.domain.probing import Facts, Finding, Note
from core.domain.run import TargetCode, TargetState

ANSWER = """\
clock=1000
user=deploy
interpreter sh=/bin/sh
interpreter python3=
spool=/home/deploy/.jobdeck
free=100000
tmp_free=2000000
setsid=yes
tail=gnu
"""


def finding() -> Finding:
    return Finding(ordinal=0, host="web1", account="a", steps=["s"], state=TargetState.SUCCESS)


def test_an_answer_is_read_by_its_names() -> None:
    assert probing.read(ANSWER, 998.5) == Facts(
        user="deploy",
        interpreters={"sh": "/bin/sh", "python3": ""},
        spool="/home/deploy/.jobdeck",
        free_bytes=102_400_000,
        tmp_free_bytes=2_048_000_000,
        skew_s=2,
        setsid=True,
        tail="gnu",
    )


@given(st.text(max_size=300))
def test_no_answer_is_too_strange_to_be_read(answer: str) -> None:
    facts = probing.read(answer, 0.0)
    assert probing.judged(finding(), facts, wanted=["sh"], detached=True).host == "web1"


def test_what_an_answer_leaves_out_is_unknown_and_no_fault() -> None:
    facts = probing.read("user=x\ninterpreter sh=/bin/sh\n", 5.0)
    judged = probing.judged(finding(), facts, wanted=["sh"], detached=True)
    assert (judged.state, judged.notes) == (TargetState.SUCCESS, [])
    assert (facts.skew_s, facts.free_bytes) == (None, None)


def test_a_missing_interpreter_keeps_the_work_from_starting() -> None:
    facts = probing.read(ANSWER, 1000.0)
    judged = probing.judged(finding(), facts, wanted=["sh", "python3"], detached=True)
    assert (judged.state, judged.code) == (
        TargetState.SUBMIT_FAILED,
        TargetCode.INTERPRETER_MISSING,
    )
    assert "'python3'" in judged.message
    assert "'sh'" not in judged.message


@pytest.mark.parametrize(
    ("changed", "detached", "expected"),
    [
        ("", True, []),
        ("refusal=mkdir: /x: Read-only file system\n", True, [Note.SPOOL_UNUSABLE]),
        ("refusal=mkdir: /x: Read-only file system\n", False, []),
        ("clock=900\n", True, [Note.CLOCK_SKEW]),
        ("clock=1004\n", True, []),
        ("free=10\n", True, [Note.LITTLE_SPACE]),
        ("tmp_free=0\n", True, [Note.LITTLE_SPACE]),
    ],
)
def test_what_keeps_no_work_from_starting_is_a_note(
    changed: str, detached: bool, expected: list[Note]
) -> None:
    facts = probing.read(changed + ANSWER, 1000.0)
    assert probing.judged(finding(), facts, wanted=["sh"], detached=detached).notes == expected


def test_a_refusal_is_said_without_the_words_of_the_tool() -> None:
    facts = probing.read("refusal=mkdir: cannot create directory '/x': Read-only file system\n", 0)
    assert facts.spool_refusal == "Read-only file system"


SHELLS = [[path] for name in ("dash", "bash") if (path := shutil.which(name))] + [
    [path, "sh"] for name in ("busybox",) if (path := shutil.which(name))
]


def asked(shell: list[str], home: Path, **env: str) -> Facts:
    """What this machine answers when `shell` runs the program."""
    done = subprocess.run(
        [*shell, "-c", probing.PROGRAM],
        env={"PATH": os.environ["PATH"], "HOME": str(home), **env},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stderr == ""
    return probing.read(done.stdout, 0.0)


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: Path(shell[0]).name)
def test_real_shells_answer_and_nothing_is_left_behind(shell: list[str], tmp_path: Path) -> None:
    facts = asked(shell, tmp_path, **{probing.INTERPRETERS: "sh no-such-interpreter"})
    assert facts.interpreters["sh"].endswith("/sh")
    assert facts.interpreters["no-such-interpreter"] == ""
    assert facts.spool == f"{tmp_path}/.jobdeck"
    assert facts.spool_refusal == ""
    assert facts.free_bytes is not None
    assert facts.free_bytes > 0
    assert facts.skew_s is not None
    assert facts.user
    assert facts.tail in ("gnu", "busybox", "other")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: Path(shell[0]).name)
def test_a_folder_that_nobody_can_make_is_refused_in_words(
    shell: list[str], tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    facts = asked(shell, tmp_path, **{probing.SPOOL: "/proc/no/such"})
    assert facts.spool == "/proc/no/such"
    assert facts.spool_refusal
    assert facts.free_bytes is None
