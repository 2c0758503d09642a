"""Secrets on the engine's own machine: an environment variable, a file, what a command prints."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from core.domain.values import SecretSource
from core.errors import EnvironmentFault
from core.plainfiles import open_plain
from core.vault.sources.reading import MOST_BYTES, TIMEOUT_S, without_line_end


def read_env(source: SecretSource) -> str:
    """The variable as the engine got it when it started."""
    assert source.env is not None
    text = os.environ.get(source.env)
    if text is None:
        raise EnvironmentFault(
            f"the engine has no environment variable {source.env}",
            hint="set it where the engine is started, and restart it",
        )
    return text


def read_file(source: SecretSource) -> str:
    """A regular file's content: devices and pipes could be read for ever."""
    assert source.file is not None
    try:
        with open_plain(Path(source.file)) as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise EnvironmentFault(
            f"the secret's file {source.file} cannot be read: {error.strerror}"
        ) from error
    return _decoded(content, source)


def read_command(source: SecretSource) -> str:
    """What a program prints; no shell reads its arguments."""
    assert source.command is not None
    try:
        process = subprocess.Popen(
            source.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # nobody can say whether it holds the secret
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else "its arguments hold a NUL"
        raise EnvironmentFault(f"the secret's {source} cannot be started: {what}") from error
    with process:
        try:
            content, _ = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            _end(process)
            raise EnvironmentFault(
                f"the secret's {source} did not end within {TIMEOUT_S:g} s",
                hint="it can ask nobody: it has no terminal and no input",
            ) from None
    if process.returncode:
        raise EnvironmentFault(f"the secret's {source} ended with status {process.returncode}")
    return _decoded(content, source)


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it started."""
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _decoded(content: bytes, source: SecretSource) -> str:
    if len(content) > MOST_BYTES:
        raise EnvironmentFault(f"the secret from {source} has more than {MOST_BYTES:,} bytes")
    try:
        return without_line_end(content.decode())
    except UnicodeDecodeError as error:
        raise EnvironmentFault(f"the secret from {source} is not UTF-8") from error
