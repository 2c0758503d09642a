"""The frame around a view: where one is, how the engine is, what is said, which keys work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container

from console.i18n import _
from console.presenters.errors import error_lines
from console.presenters.text import Line, Span, Tone, line
from console.tui import offers
from console.tui.link import State
from console.tui.widgets.bars import Banner, Footer, Header, Status
from console.tui.widgets.commandbar import CommandBar
from console.tui.widgets.dialogs import Text
from console.tui.widgets.small import TooSmall
from core.errors import OpsError

if TYPE_CHECKING:
    from console.tui.app import JobdeckApp

_SAYS_S = 8.0
"""How long a message stands in the status line."""


class Frame:
    """It owns the message and its time; all else is asked for whenever it is shown."""

    def __init__(self, deck: JobdeckApp) -> None:
        self._deck = deck
        self._message: Line = ()
        self._says = 0

    def compose(self) -> ComposeResult:
        yield Header()
        yield Banner()
        yield Container(id="body")
        yield Text([], id="complaint")
        yield Status()
        yield CommandBar()
        yield Footer()
        yield TooSmall()

    # ------------------------------------------------------------------ what is said

    def say(self, text: str, tone: Tone) -> None:
        """One line for the person, for a few seconds."""
        self._message = line(Span(text, tone), " ")
        self._says += 1
        turn = self._says
        self._show_status()
        self._deck.set_timer(_SAYS_S, lambda: self._end_of_saying(turn))

    def _end_of_saying(self, turn: int) -> None:
        if turn == self._says:
            self._message = ()
            self._show_status()

    def complain(self, error: OpsError) -> None:
        """An error, until it is silenced: what, where, what to try."""
        complaint = self._complaint
        complaint.show([*error_lines(error)])
        complaint.set_class(True, "-shown")

    def silence(self) -> bool:
        """Close the complaint; False where there was none."""
        complaint = self._complaint
        was_shown = complaint.has_class("-shown")
        complaint.set_class(False, "-shown")
        return was_shown

    @property
    def _complaint(self) -> Text:
        return self._deck.query_one("#complaint", Text)

    def announce(self, state: State, reason: str) -> None:
        """Say what is wrong with the line, as long as it is."""
        said: Mapping[State, str] = {
            State.AWAY: _("the engine is away; looking for it, what is shown may be old"),
            State.STOPPED: _("the engine was stopped; this goes on when somebody starts it"),
        }
        text = said.get(state, "")
        pieces = line(Span(f" ! {text}", Tone.WARNING), f"  {reason}") if text else ()
        self._deck.query_one(Banner).announce(pieces)

    # ------------------------------------------------------------------ what is shown

    @property
    def _stands(self) -> bool:
        """Whether there is a view to frame, and not one that is going, and a screen to do it on."""
        journey = self._deck.journey
        return self._deck.is_running and journey.view is not None and not journey.is_going

    def show(self) -> None:
        """Show where one is, how the engine is and what is said, as it is now."""
        here = self._deck.history.here
        if here is None or not self._stands:
            return
        self._show_status()
        crumbs: list[str | Span] = [" ", Span("Jobdeck", Tone.STRONG)]
        for place in here.trail():
            tone = Tone.STRONG if place is here else Tone.QUIET
            title = self._deck.view.title() if place is here else str(place)
            crumbs += [Span(" > ", Tone.QUIET), Span(title, tone)]
        self._deck.query_one(Header).say(line(*crumbs), self._how_it_is())

    def _how_it_is(self) -> Line:
        """The right end of the header: read-only, and the line to the engine."""
        pieces: list[str | Span] = []
        if names := ",".join(self._deck.guard.read_only(self._deck.view.subject())):
            pieces.append(Span(_("read-only: {names}").format(names=names) + "  ", Tone.WARNING))
        words: Mapping[State, Span] = {
            State.CONNECTING: Span(_("connecting"), Tone.QUIET),
            State.LIVE: Span(_("live"), Tone.GOOD),
            State.AWAY: Span(_("engine away"), Tone.BAD),
            State.STOPPED: Span(_("engine stopped"), Tone.BAD),
        }
        return line(*pieces, words[self._deck.link.state], " ")

    def _show_status(self) -> None:
        if self._stands:
            self._deck.query_one(Status).say(self._deck.view.said(), self._message)

    def show_keys(self) -> None:
        """Name the keys that work now."""
        if self._deck.journey.view is not None and self._deck.query(Footer):
            self._deck.query_one(Footer).show_keys(offers.now(self._deck))
