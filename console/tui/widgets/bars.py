"""The frame around a view: one line each for where one is, what is wrong, what is said, the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.strip import Strip
from textual.widget import Widget

from console.presenters.actions import Offer
from console.presenters.text import Line, Span, Tone
from console.themes import Surface
from console.tui import painting

_APART = "  "
_ALL_KEYS = "everywhere.keys"


class Bar(Widget):
    """One line: something at the left, something at the right, which is kept when it is narrow."""

    DEFAULT_CSS = "Bar { height: 1; }"
    SURFACE = Surface.PAGE

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._left: Line = ()
        self._right: Line = ()

    def say(self, left: Line, right: Line = ()) -> None:
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    @property
    def text(self) -> str:
        """What it says, without tones."""
        return "".join(span.text for span in (*self._left, *self._right))

    def render_line(self, y: int) -> Strip:
        cells, colours = self.size.width, self.app.theme_variables
        right = min(painting.text_width(self._right), max(0, cells - 1))
        left = painting.strip(self._left, cells - right, colours)
        strip = Strip.join([left, painting.strip(self._right, right, colours)])
        strip = strip.apply_style(painting.ground(self.SURFACE, colours))
        return strip.apply_style(self.rich_style)


class Header(Bar):
    """Where one is, and how the engine is."""

    SURFACE = Surface.BAR


class Banner(Bar):
    """What is wrong with the line, as long as it is."""

    SURFACE = Surface.RAISED
    DEFAULT_CSS = "Banner { height: 1; display: none; } Banner.-shown { display: block; }"

    def announce(self, line: Line) -> None:
        """Say this until it is over; an empty line is the end of it."""
        self.set_class(bool(line), "-shown")
        self.say(line)


class Status(Bar):
    """What the view says of itself, and the last thing that was said to the person."""


class Footer(Bar):
    """The keys that work now, those of the view first; the key that lists all stands last."""

    SURFACE = Surface.BAR

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._offers: Sequence[Offer] = ()

    def show_keys(self, offers: Sequence[Offer]) -> None:
        """Name these actions with their first keys, as far as there is room."""
        self._offers = [offer for offer in offers if offer.action.shown and offer.keys]
        self._fit()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        last = [self._named(offer) for offer in self._offers if offer.action.id == _ALL_KEYS]
        room = self.size.width - sum(map(painting.text_width, last))
        left: list[Span] = [Span(" ")]
        for offer in self._offers:
            named = self._named(offer)
            if offer.action.id != _ALL_KEYS and painting.text_width([*left, *named]) <= room:
                left += named
        self.say(tuple(left), tuple(span for named in last for span in named))

    def _named(self, offer: Offer) -> Line:
        title = f" {offer.action.title}{_APART}"
        return Span(offer.keys[0], Tone.STRONG), Span(title, Tone.QUIET)
