"""What every test gets: a home of its own, and no warning that nobody expected.

Markers are declared in pyproject.toml. The three with behaviour are kept here:
`expect_logs`, `needs` and `needs_root`.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from core.clock import SystemClock
from core.runtime import logs

logs.configure_plain(SystemClock())

# How long an example takes says how busy the machine is, and nothing about the law.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# A Unix socket's path is limited to about 100 bytes, and macOS has a long temporary folder.
_SHORT_TMP = "/tmp" if os.name == "posix" else None
# Servers live in sbin, which is not on the path of an ordinary user, or in folders by version.
_SEARCH_PATH = os.pathsep.join(
    [
        os.environ.get("PATH", os.defpath),
        *("/usr/sbin", "/sbin"),
        *map(str, Path("/usr/lib/postgresql").glob("*/bin")),
    ]
)
# What could lead a test out of its home: another engine, the user's agent, settings and keyring.
_OUTSIDE = ("SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")
_OUTSIDE_PREFIXES = ("JOBDECK_", "XDG_CONFIG", "XDG_DATA", "XDG_STATE", "XDG_CACHE")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty HOME for this test, with JOBDECK_HOME (not yet made) in it; the path is short."""
    root = Path(tempfile.mkdtemp(prefix="jd-", dir=_SHORT_TMP))
    for name in list(os.environ):
        if name in _OUTSIDE or name.startswith(_OUTSIDE_PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(root))
    monkeypatch.setenv("USERPROFILE", str(root))
    monkeypatch.setenv("JOBDECK_HOME", str(root / "j"))
    monkeypatch.setattr("console.i18n._preferred", "")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    yield root
    shutil.rmtree(root, ignore_errors=True)


class _Recorder(logging.Handler):
    """Keeps every record at WARNING or above."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def no_unexpected_logs(request: pytest.FixtureRequest) -> Iterator[None]:
    """A record at WARNING or above fails the test, unless `expect_logs(pattern, …)` names it.

    Each pattern is searched for in "LEVEL logger: message"; one that is never found fails the
    test too, so an expectation cannot outlive its reason.
    """
    patterns = [
        str(pattern)
        for marker in request.node.iter_markers("expect_logs")
        for pattern in marker.args
    ]
    recorder = _Recorder()
    logging.getLogger().addHandler(recorder)
    yield
    logging.getLogger().removeHandler(recorder)
    unexpected = [
        line for line in recorder.lines if not any(re.search(pattern, line) for pattern in patterns)
    ]
    unseen = [
        pattern
        for pattern in patterns
        if not any(re.search(pattern, line) for line in recorder.lines)
    ]
    if unexpected:
        pytest.fail("unexpected log records:\n  " + "\n  ".join(unexpected), pytrace=False)
    if unseen:
        pytest.fail(f"expected log records that never came: {unseen}", pytrace=False)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run, by name; where CI is set, a missing program fails."""
    missing = [
        program
        for marker in item.iter_markers("needs")
        for program in marker.args
        if shutil.which(program, path=_SEARCH_PATH) is None
    ]
    if missing:
        reason = f"this machine lacks {', '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, which the test command installs", pytrace=False)
        pytest.skip(reason)
    if item.get_closest_marker("needs_root") and (os.name != "posix" or os.geteuid() != 0):
        pytest.skip("runs as root only")
