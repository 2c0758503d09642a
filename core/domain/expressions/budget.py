"""What one evaluation may use: steps, and the sizes of what it makes.

Steps are counted, not timed: the same expression on the same values ends in the same way on every
machine and at every replay.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.expressions.values import NotAValue, Value, text_of

SECRET_HINT = "a secret can only be passed on whole"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one evaluation may use."""

    steps: int = 100_000
    """Terms worked out, elements compared, and the size of what is looked through."""
    characters: int = 65_536
    """Of a string that is made."""
    items: int = 10_000
    """Of a list that is made."""


class Refusal(Exception):
    """A value that an operator or a function does not take; whoever called it knows the place."""

    def __init__(self, what: str, hint: str = "", *, argument: int | None = None) -> None:
        super().__init__(what)
        self.what, self.hint = what, hint
        self.argument = argument
        """Which of a function's arguments is meant, from 0; None: the whole call."""


class Budget:
    """What is left of the bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.steps_left = bounds.steps

    def spend(self, steps: int = 1) -> None:
        self.steps_left -= steps
        if self.steps_left < 0:
            what = f"this takes more than {self.bounds.steps:,} steps"
            raise Refusal(what, "look at fewer elements")

    def read(self, value: object) -> None:
        """Pays for looking through a string, or once over the elements of a list."""
        if isinstance(value, str):
            self.spend(len(value) // 64)
        elif isinstance(value, tuple | dict):
            self.spend(len(value) // 8)

    def write(self, value: Value) -> str:
        """The value as a part of a text; what is inside of it is paid for first."""
        self._weigh(value)
        try:
            text = text_of(value)
        except NotAValue as problem:
            hint = (
                SECRET_HINT if "secret" in str(problem) else 'write `x ?? ""` where x may be null'
            )
            raise Refusal(str(problem), hint) from None
        self.text_of(len(text))
        return text

    def _weigh(self, value: Value) -> None:
        self.spend(3)
        self.read(value)
        if isinstance(value, tuple):
            for item in value:
                self._weigh(item)
        elif isinstance(value, dict):
            for key, item in value.items():
                self.read(key)
                self._weigh(item)

    def text_of(self, characters: int) -> None:
        """Pays for a string of that length, before it is made."""
        if characters > self.bounds.characters:
            raise Refusal(f"this makes a string of more than {self.bounds.characters:,} characters")
        self.spend(1 + characters // 64)

    def list_of(self, items: int) -> None:
        """Pays for a list of that length, before it is made."""
        if items > self.bounds.items:
            raise Refusal(f"this makes a list of more than {self.bounds.items:,} elements")
        self.spend(1 + items // 8)
