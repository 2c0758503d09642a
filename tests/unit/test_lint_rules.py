"""The bans in pyproject.toml are alive: each forbidden line is refused where the product lives."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("core", "sync", "console")

FORBIDDEN = {
    "the wall clock": ("from datetime import UTC, datetime\nNOW = datetime.now(UTC)", "TID251"),
    "utcnow": ("import datetime\nNOW = datetime.datetime.utcnow()", "TID251"),
    "today": ("from datetime import date\nTODAY = date.today()", "TID251"),
    "time.time": ("import time\nNOW = time.time()", "TID251"),
    "a renamed time.time": ("from time import time as now\nNOW = now()", "TID251"),
    "time.monotonic": ("import time\nNOW = time.monotonic()", "TID251"),
    "uuid4": ("from uuid import uuid4\nID = uuid4()", "TID251"),
    "random": ("import random\nDICE = random.randint(1, 6)", "TID251"),
    "a part of random": ("from random import choice\nPICK = choice([1, 2])", "TID251"),
    "pickle": ("import pickle\nVALUE = pickle.loads(b'')", "TID251"),
    "eval": ("VALUE = eval('1')", "S307"),
    "exec": ("exec('pass')", "S102"),
    "yaml.load": ("import yaml\nVALUE = yaml.load('', Loader=yaml.Loader)", "TID251"),
    "a shell": ("import subprocess\nsubprocess.run('ls', shell=True, check=True)", "S602"),
    "os.system": ("import os\nos.system('ls')", "TID251"),
    "a naive time": ("from datetime import datetime\nDAY = datetime(2026, 1, 1)", "DTZ001"),
    "a swallowed error": ("try:\n    x = 1\nexcept Exception:\n    pass", "S110"),
    "print in core": ("print('hello')", "T201"),
}


def codes_for(text: str, filename: str) -> set[str]:
    """The rules that ruff, with the project's settings, finds broken in `text`."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--output-format", "json", "--no-cache"]
        + ["--stdin-filename", filename, "-"],
        input=text + "\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    return {finding["code"] for finding in json.loads(done.stdout)}


@pytest.mark.parametrize(("text", "code"), FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_a_forbidden_line_is_refused_in_core(text: str, code: str) -> None:
    assert code in codes_for(text, "core/sample.py")


@pytest.mark.parametrize(
    ("filename", "allowed"),
    [("core/clock.py", True), ("core/ids.py", True), ("core/runtime/clock.py", False)],
)
def test_only_the_clock_and_the_id_source_may_reach_for_time(filename: str, allowed: bool) -> None:
    codes = codes_for("import time\nNOW = time.time()", filename)

    assert ("TID251" not in codes) == allowed


def host_key_checks_switched_off(text: str) -> Iterator[int]:
    """Lines that pass or store None as `known_hosts`, which makes asyncssh trust any host key."""

    def is_none(node: ast.expr | None) -> bool:
        return isinstance(node, ast.Constant) and node.value is None

    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
        elif isinstance(node, ast.Dict):
            pairs = [
                (key.value if isinstance(key, ast.Constant) else None, value)
                for key, value in zip(node.keys, node.values, strict=True)
            ]
        else:
            continue
        if any(name == "known_hosts" and is_none(value) for name, value in pairs):
            yield node.lineno


@pytest.mark.parametrize(
    "text",
    ["connect('h', known_hosts=None)", "connect('h', **{'known_hosts': None})"],
)
def test_switching_off_the_host_key_check_is_noticed(text: str) -> None:
    assert list(host_key_checks_switched_off(f"import asyncssh\n{text}\n")) == [2]


def test_no_product_file_switches_off_the_host_key_check() -> None:
    places = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in PRODUCT
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in host_key_checks_switched_off(path.read_text(encoding="utf-8"))
    ]

    assert places == []
