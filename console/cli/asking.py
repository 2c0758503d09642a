"""Questions to a person at a terminal: on stderr, so that stdout stays data."""

from __future__ import annotations

import getpass
import sys

from console.cli.printing import err
from console.cli.settings import may_ask
from console.i18n import _
from console.presenters.text import Span, Tone


def ask(question: str) -> str:
    """One line of answer, without blanks around it; "" at the end of input."""
    screen = err()
    screen.write(screen.render([Span(question, Tone.STRONG)]) + " ")
    screen.flush()
    answer = sys.stdin.readline()
    if not answer:
        screen.print("")
    return answer.strip()


def confirms(question: str) -> bool:
    """Whether a person says yes; without a person, no."""
    return may_ask() and ask(f"{question} [y/N]").lower() in ("y", "yes", _("yes"))


def secret(name: str) -> str:
    """A value that is not shown while it is typed."""
    return getpass.getpass(_("{name} (not shown): ").format(name=name), stream=sys.stderr)
