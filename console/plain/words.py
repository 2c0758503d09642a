"""The few words that mean the same at every question. Pure."""

from __future__ import annotations

from enum import Enum

from console.i18n import _


class Word(Enum):
    """By its English name and its letter; in the reader's language too."""

    HELP = ("help", "?")
    AGAIN = ("again", "a")
    MORE = ("more", "m")
    BACK = ("back", "b")
    QUIT = ("quit", "q")

    @property
    def shown(self) -> str:
        """As it is told to people."""
        return {
            Word.HELP: _("help"),
            Word.AGAIN: _("again"),
            Word.MORE: _("more"),
            Word.BACK: _("back"),
            Word.QUIT: _("quit"),
        }[self]

    def is_meant(self, answer: str) -> bool:
        return answer.lower() in (*self.value, self.shown)


def word_of(answer: str) -> Word | None:
    """The word that an answer is, or None."""
    return next((word for word in Word if word.is_meant(answer)), None)
