"""Turning into another user after login: sudo and su, with or without a password.

The other user's shell says `ready` before it reads anything, and drops what comes
before a line with the token. So a password never becomes program text, even where
none is asked for (NOPASSWD, a cached answer, root's su), and a refusal is seen at
once instead of hanging. No terminal is needed: both read the password from
standard input and keep the output byte-exact (sudo 1.9, su of util-linux; with
`Defaults requiretty` sudo refuses, and its words are shown).

sudo asks with a prompt of our own. su's prompt depends on the locale, but in every
one it is an open line that ends in a colon (and its complaints begin with `su:`).

Pure: bytes in, bytes out.
"""

from __future__ import annotations

from core.domain.quoting import is_plain_for_any_login_shell, quote_posix
from core.domain.run import TargetState
from core.errors import Invalid
from core.executors.framing import Mark, mark_text
from core.executors.protocol import BecomeLogin
from core.executors.shell import READ_PROGRAM

_NO_SUCH_USER = ("unknown user", "does not exist", "no passwd entry")
_COLONS = (b":", "：".encode())
_MAX_WORDS_BYTES = 4096


class BecomeRefused(Exception):
    """The other user's shell will not come; the message says why."""


class Door:
    """One passage from the login user to another."""

    def __init__(self, become: BecomeLogin, token: str, reader: str = READ_PROGRAM) -> None:
        """`reader`: what the other shell runs to read the program. Invalid when the user's name cannot be said to every login shell."""
        if not is_plain_for_any_login_shell(become.user) or become.user.startswith("-"):
            raise Invalid(f"the user name {become.user!r} cannot be given to {become.method}")
        self._become = become
        self._token = token
        self._reader = reader
        self._prompt = f"{mark_text(token)} password".encode("ascii")
        self._answered = False
        self._said = b""

    @property
    def request(self) -> str:
        """The command line for the login shell."""
        token, user = self._token, quote_posix(self._become.user)
        name = f"jobdeck_{token}"
        inner = (
            f"echo {mark_text(token)} {Mark.READY}; "
            f'until test "${name}" = {token}; do read -r {name} || exit; done; '
            f"{self._reader}"
        )
        if self._become.method == "su":
            return f"exec su -s /bin/sh -c '{inner}' {user}"
        ask = f"-S -p '{self._prompt.decode('ascii')}'" if self._become.password else "-n"
        return f"exec sudo {ask} -H -u {user} -- /bin/sh -c '{inner}'"

    def passed(self, text: bytes) -> bytes:
        """What is sent once the other shell is ready: the line it waits for, and the program."""
        return self._token.encode("ascii") + b"\n" + text

    def answer(self, heard: bytes) -> bytes | None:
        """What to say to `heard` on standard error: the password, once; None: nothing.

        BecomeRefused when a password is asked for that is not there, or was wrong.
        """
        self._said = (self._said + heard)[-_MAX_WORDS_BYTES:]
        if not self._asks():
            return None
        user, method, password = self._become.user, self._become.method, self._become.password
        if password is None:
            raise BecomeRefused(
                f"{method} asks for a password to become {user}, and the account has none "
                "(set become.password)"
            )
        if self._answered:
            raise BecomeRefused(f"{method} does not accept the password to become {user}")
        self._answered = True
        return password.encode("utf-8", "surrogateescape") + b"\n"

    def _asks(self) -> bool:
        """Whether a prompt has come; it is taken out of what was said."""
        if self._become.method == "su":
            # It asks once; a second open line is only what it says next.
            lines, _, open_line = self._said.rpartition(b"\n")
            if self._answered or open_line.startswith(b"su:"):
                return False
            if not open_line.rstrip().endswith(_COLONS):
                return False
            self._said = lines + b"\n"
            return True
        before, prompt, after = self._said.partition(self._prompt)
        self._said = before + after
        return bool(prompt)

    def words(self) -> bytes:
        """What was said at the door, without prompts; forgotten once read."""
        said, self._said = self._said, b""
        return said[: said.rfind(b"\n") + 1].lstrip(b"\n")

    def refused(self) -> tuple[TargetState, str]:
        """The state and the message of a passage that ended before the shell was ready."""
        user, method = self._become.user, self._become.method
        words = " ".join(self.words().decode("utf-8", "replace").split())
        said = f": {words}" if words else ""
        if any(phrase in words for phrase in _NO_SUCH_USER):
            return TargetState.USER_MISSING, f"there is no user {user} to become{said}"
        said = said or " without a word (is there a shell behind the account?)"
        return TargetState.AUTH_FAILED, f"{method} to {user} was refused{said}"
