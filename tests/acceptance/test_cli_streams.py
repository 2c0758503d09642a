"""Streams that a shell has bent: closed, full, or read by somebody who leaves."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.support.product import Product

pytestmark = pytest.mark.slow


@pytest.fixture
def product() -> Iterator[Product]:
    with Product() as product:
        yield product


def in_shell(product: Product, line: str) -> subprocess.CompletedProcess[bytes]:
    """A line of bash in which `$jobdeck` is the command."""
    command = " ".join(map(str, product.command()))
    return subprocess.run(
        ["bash", "-c", f'jobdeck="{command}"; {line}'],
        capture_output=True,
        env=product.env,
        cwd=product.folder,
        timeout=60,
        check=False,
    )


def test_a_reader_that_has_seen_enough_is_no_failure_of_ours(product: Product) -> None:
    product.apply("{kind: host, name: here, spec: {protocol: local}}")
    product.run("run", "--on", "here", "--", "yes | head -c 2000000")

    for words in ("runs output last here", "runs output last here --raw"):
        done = in_shell(product, f"$jobdeck {words} | head -n 1; exit ${{PIPESTATUS[0]}}")
        assert (done.returncode, done.stdout, done.stderr) == (141, b"y\n", b"")


@pytest.mark.parametrize("words", ["get hosts --json", "export", "help targets"])
def test_a_full_disk_under_stdout_is_said_in_one_line(product: Product, words: str) -> None:
    product.apply("{kind: host, name: here, spec: {}}")

    done = in_shell(product, f"$jobdeck {words} >/dev/full")

    assert done.returncode == 3
    first, hint = done.stderr.decode().splitlines()
    assert first.startswith("error: the output cannot be written: No space left")
    assert hint.startswith("  hint: ")


def test_closed_streams_are_no_reason_to_fail(product: Product) -> None:
    done = in_shell(product, "$jobdeck version >&- 2>&- <&-")

    assert done.returncode == 0
