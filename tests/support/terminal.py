"""A real terminal: tmux with a shell in it, typed into and read back as a person would."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.waiting import until

_PROMPT = "$"
_PATIENCE_S = 30.0


class Terminal:
    """A shell in a window of a tmux server of its own, 80 by 24 unless asked otherwise."""

    def __init__(
        self, folder: Path, env: Mapping[str, str], *, columns: int = 80, rows: int = 24
    ) -> None:
        self._socket = folder / "tmux"
        self._env = {**env, "PS1": f"{_PROMPT} ", "TERM": "xterm-256color", "SHELL": "/bin/sh"}
        self._env.pop("COLUMNS", None)
        self._size = ("-x", str(columns), "-y", str(rows))
        self._folder = folder
        self._commands = 0

    @property
    def _mark(self) -> str:
        """Differs from command to command: the screen may still show the one before."""
        return f"exit{self._commands}"

    def __enter__(self) -> Self:
        settings = self._folder / "tmux.conf"
        settings.write_text('set -g default-terminal "screen-256color"\nset -g status off\n')
        shell = "exec env -u TMUX sh"
        self._tmux("-f", str(settings), "new-session", "-d", *self._size, shell)
        self.wait_for(lambda screen: screen == _PROMPT)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tmux("kill-server")

    def type(self, text: str, *, enter: bool = True) -> None:
        """Type characters, then Enter."""
        self._tmux("send-keys", "-l", text)
        if enter:
            self.press("Enter")

    def press(self, key: str) -> None:
        """A key by tmux's name for it: `Enter`, `C-c`."""
        self._tmux("send-keys", key)

    def start(self, *words: str) -> None:
        """Type a command line on an empty screen; its exit code is shown at the end."""
        self._commands += 1
        self.type(f"clear; {shlex.join(words)}; echo {self._mark}=$?")

    def screen(self, *, colours: bool = False, unwrapped: bool = False) -> str:
        """What is to be seen, without blank lines at the end.

        `unwrapped`: a line that went on in the next row of the screen is one line again.
        """
        flags = [*(["-e"] if colours else []), *(["-J"] if unwrapped else [])]
        return self._tmux("capture-pane", "-p", *flags).rstrip()

    def wait_for(self, seen: object) -> str:
        """Wait until a text (or what a function of the screen asks for) is there."""
        fits = seen if callable(seen) else lambda screen: str(seen) in screen
        try:
            until(lambda: fits(self.screen()), _PATIENCE_S)
        except AssertionError as never:
            raise AssertionError(f"{never}; there is to be seen:\n{self.screen()}") from None
        return self.screen()

    def ended(self) -> tuple[int, str]:
        """Wait for the command's end: its exit code, and the screen without that line."""
        mark = re.compile(rf"^{self._mark}=(\d+)$", re.MULTILINE)
        screen = self.wait_for(mark.search)
        code = mark.search(screen)
        assert code is not None
        return int(code[1]), screen[: code.start()].rstrip("\n")

    @property
    def title(self) -> str:
        """The window's title, which a program can set."""
        return self._tmux("display-message", "-p", "#{pane_title}").strip()

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-S", str(self._socket), *words],
            env=self._env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout
