"""The application: the frame around one view, and the way from one view to another.

Nothing in it belongs to the engine's work: it may be closed or cut off at any moment.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rich.color import ColorSystem
from rich.console import RenderableType
from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.reactive import var
from textual.screen import ModalScreen, Screen

from console import themes
from console.actions import Action, Scope, Subject, registry
from console.client import Client
from console.drafts import Drafts
from console.i18n import _, is_language_given, speak
from console.preferences import PreferenceFile, Preferences
from console.presenters.actions import Offer, key_word
from console.presenters.errors import error_lines
from console.presenters.text import Line, Span, Tone, line
from console.tui import commandline, mouse, theming, views
from console.tui.bookmark import Bookmark
from console.tui.filters import BadFilter
from console.tui.keymap import bindings, keys_of, name_of_key
from console.tui.link import Changed, Link, State
from console.tui.navigation import History, Place
from console.tui.shown import Shown
from console.tui.typeahead import TypeAhead
from console.tui.updates import frugal
from console.tui.views.base import View
from console.tui.widgets.bars import Banner, Footer, Header, Status
from console.tui.widgets.commandbar import CommandBar
from console.tui.widgets.dialogs import Text
from console.tui.widgets.grid import CALM
from console.tui.widgets.palette import Palette
from console.tui.widgets.small import TooSmall
from console.tui.working import later
from core.clock import Clock
from core.errors import OpsError

_FIRST = "pulse"
"""The view that is opened first."""
_SAYS_S = 8.0
"""How long a message stands in the status line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How the application comes to its engine, and what it is called there."""

    connect: Callable[[], Client]
    """Finds the engine or starts one; blocks."""
    revive: Callable[[], object]
    """Starts an engine in the place of one that broke off; blocks."""
    socket: str
    """For `copy as curl`."""
    actor: str
    """Who sits here, as the engine records it."""
    drafts: Path
    """The folder for what is begun and not saved."""
    preferences: PreferenceFile
    """Where this person's settings are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How it is wanted this time, whatever the person's preferences say."""

    theme: str = themes.DARK
    """One of ours, where the person has chosen none: what suits the terminal."""
    write: bool = False
    """Whether read-only environments may be changed from here."""
    calm: bool = False
    """A slow line: changes are gathered longer, and less is painted."""
    erases_in_colour: bool = True
    """Whether the terminal does (`shown`)."""


class JobdeckApp(App[None]):
    """Jobdeck in a terminal."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layers: default above; }
    #body { height: 1fr; }
    Input, Input:focus { border: none; height: 1; padding: 0; background: $field; }
    CommandBar, CommandBar:focus { background: $bar; }
    #complaint { display: none; background: $raised; padding: 0 1; max-height: 40%; }
    #complaint.-shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Scope.EVERYWHERE),
        Binding("ctrl+c", "how_to_leave", show=False, priority=True),
    ]
    can_write = var(False)
    get_theme_variable_defaults = staticmethod(theming.variables)

    def __init__(
        self,
        ways: Ways,
        habits: Habits,
        clock: Clock,
        *,
        start: str = "",
        bookmark: Bookmark | None = None,
    ) -> None:
        """`start`: what the command bar would be typed to open the first view.

        Without it the place is opened where a console was cut off, as `bookmark` has it.
        """
        with theming.own_view_of_colours():
            super().__init__()
        self.clock = clock
        self.actor = ways.actor
        self.drafts = Drafts(ways.drafts, clock)
        self._ways, self._habits, self._bookmark = ways, habits, bookmark
        self._start = start or (bookmark.found() if bookmark else "") or _FIRST
        self.history = History()
        self.typing = TypeAhead(self, super().on_event)
        self._view: View | None = None
        self._going = asyncio.Lock()
        """Held while one view gives way to another."""
        self.gather_s = 1.0 if habits.calm else 0.2
        """How long changes are gathered before they are shown."""
        self.link = Link(
            ways.connect,
            ways.revive,
            # In the application's own turn: what the link calls belongs to no widget, so no timer
            # could be set there.
            on_state=partial(self.call_later, self._line_is),
            on_change=partial(self.call_later, self._changed),
            gather_s=self.gather_s,
        )
        self._read_only: frozenset[str] = frozenset()
        self._message: Line = ()
        self._says = 0
        self._shown = Shown(habits.erases_in_colour)
        self.set_class(habits.calm, CALM)
        self._has_mouse = False
        self.animation_level = "none"
        self.preferences = Preferences()
        self._not_understood: OpsError | None = None
        try:
            self.preferences = ways.preferences.read()
        except OpsError as error:
            self._not_understood = error
        self._dress()

    # ------------------------------------------------------------------ the frame

    def compose(self) -> ComposeResult:
        yield Header()
        yield Banner()
        yield Container(id="body")
        yield Text([], id="complaint")
        yield Status()
        yield CommandBar()
        yield Footer()
        yield TooSmall()

    async def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self._show_keys())
        self.app_resume_signal.subscribe(self, lambda _app: self._paint_anew())
        # What the line loads would keep the first picture waiting.
        self.call_after_refresh(self.link.open)
        try:
            place = commandline.parse(self._start, views.VIEWS).place
        except commandline.BadCommand as bad:
            place = None
            self.say(str(bad), Tone.BAD)
        await self._open(place or Place(_FIRST))
        if self._not_understood is not None:
            self.complain(self._not_understood)

    def on_resize(self, event: events.Resize) -> None:
        self.screen_stack[0].query_one(TooSmall).judge(event.size.width, event.size.height)

    @property
    def failure(self) -> Exception | None:
        """Our own mistake that ended this console; to be raised after it has ended."""
        return self._exception

    def _fatal_error(self) -> None:
        """End; whoever ran us reports `failure`.

        WORKAROUND(textual 8.2): its own report shows local variables, and with them what was
        typed and what a form holds, such as a password.
        """
        self._close_messages_no_wait()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self.typing.take(event)
        else:
            await super().on_event(event)

    def on_unmount(self) -> None:
        self.typing.close()
        self.link.close()

    @property
    def view(self) -> View:
        """The view that is open."""
        assert self._view is not None, "asked for by what stands in the frame"
        return self._view

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Send only what the terminal does not show already (`updates`)."""
        # A colour out of 256 takes half the bytes, and the themes read as well in them.
        most = ColorSystem.EIGHT_BIT if self._habits.calm else ColorSystem.TRUECOLOR
        super()._display(screen, frugal(self._shown, renderable, self.size, most))

    def _paint_anew(self) -> None:
        """Somebody else may have written to the terminal: paint everything."""
        self._shown.forget()
        self.screen.refresh()

    # ------------------------------------------------------------------ from place to place

    def go(self, place: Place, *, below: bool = True) -> None:
        """Open a place; `below`: it was opened from here, and `escape` comes back."""
        here = self.history.here
        self._travel(place.inside(here if below else None))

    def obey(self, text: str, *, below: bool = True) -> bool:
        """Do what the command bar would for this text; False, and said why, where it cannot."""
        try:
            command = commandline.parse(text, views.VIEWS)
        except commandline.BadCommand as bad:
            self.say(str(bad), Tone.BAD)
            return False
        if command.place is None:
            self._leave()
        else:
            self.go(command.place, below=below)
        return True

    def go_beside(self, place: Place) -> None:
        """Open a place that stands where this one does: `escape` leaves both at once."""
        here = self.history.here
        self._travel(place.inside(here.parent if here else None))

    def _travel(self, place: Place, *, is_step: bool = False) -> None:
        """Open a place beside the keyboard; keys that follow are for it."""
        opening = self._open(place, is_step=is_step)
        self.typing.opens(self.run_worker(opening, group="going"))

    async def _open(self, place: Place, *, is_step: bool = False) -> None:
        async with self._going:
            body = self.query_one("#body", Container)
            self._remember()
            if not is_step:
                self.history.go(place)
            view = views.make(place, self.history.memory(place))
            self.silence()
            if self._bookmark is not None:
                self._bookmark.put(str(place))
            with self.batch_update():
                await body.remove_children()
                await body.mount(view)
            self._view = view
        self._show_frame()

    def _remember(self) -> None:
        here = self.history.here
        if here is not None and self._view is not None:
            self.history.remember(here, self.view.recollection())

    def type_filter(self, text: str) -> None:
        """Begin to type a filter for the view."""
        self.query_one(CommandBar).open("/", text, lambda _text: ())

    @on(CommandBar.Typed)
    def _typed(self, event: CommandBar.Typed) -> None:
        if event.sign == "/" and type(event) is CommandBar.Typed:
            self._filter(event.text, done=False)

    @on(CommandBar.Entered)
    def _entered(self, event: CommandBar.Entered) -> None:
        if event.sign == "/":
            if self._filter(event.text, done=True):
                self._leave_bar()
            return
        if self.obey(event.text, below=False):
            self._leave_bar()

    @on(CommandBar.Left)
    def _left(self, event: CommandBar.Left) -> None:
        self._leave_bar()

    def _filter(self, text: str, *, done: bool) -> bool:
        try:
            self.view.filter(text, done=done)
        except BadFilter as bad:
            self.say(str(bad), Tone.BAD)
            return False
        return True

    def _leave_bar(self) -> None:
        self.query_one(CommandBar).close()
        self.view.take_keys()

    # ------------------------------------------------------------------ the engine

    def _line_is(self, state: State, reason: str) -> None:
        said: Mapping[State, str] = {
            State.AWAY: _("the engine is away; looking for it, what is shown may be old"),
            State.STOPPED: _("the engine was stopped; this goes on when somebody starts it"),
        }
        text = said.get(state, "")
        pieces = line(Span(f" ! {text}", Tone.WARNING), f"  {reason}") if text else ()
        self.query_one(Banner).announce(pieces)
        if state is State.LIVE:
            self.run_worker(later(self._look_at_environments), exit_on_error=False)
        self._show_frame()

    def _changed(self, changed: Changed) -> None:
        if changed.concerns("document", "environment"):
            self.run_worker(later(self._look_at_environments), exit_on_error=False)
        if self._view is not None and self.view.concerns(changed):
            self.view.reload()

    async def _look_at_environments(self) -> None:
        """Which environments are read-only, so that what would change them is not at hand."""
        found = await self.link.ask(lambda client: list(client.documents("environment")))
        self._read_only = frozenset(each.name for each in found if each.spec.get("read_only"))
        self.screen.refresh_bindings()
        self._show_frame()

    def is_read_only(self, subject: Subject) -> bool:
        """Whether changing this subject is ruled out in this console."""
        return not self._habits.write and not subject.environments.isdisjoint(self._read_only)

    # ------------------------------------------------------------------ what is said

    def say(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        """One line for the person, for a few seconds."""
        self._message = line(Span(text, tone), " ")
        self._says += 1
        turn = self._says
        self._show_status()
        self.set_timer(_SAYS_S, lambda: self._end_of_saying(turn))

    def _end_of_saying(self, turn: int) -> None:
        if turn == self._says:
            self._message = ()
            self._show_status()

    def complain(self, error: OpsError) -> None:
        """An error, until `escape`: what, where, what to try."""
        complaint = self.query_one("#complaint", Text)
        complaint.show([*error_lines(error)])
        complaint.set_class(True, "-shown")

    def silence(self) -> bool:
        """Close the complaint; False where there was none."""
        complaint = self.query_one("#complaint", Text)
        was_shown = complaint.has_class("-shown")
        complaint.set_class(False, "-shown")
        return was_shown

    async def question(self, asked: ModalScreen[str | None]) -> str | None:
        """Ask the person; called in a worker, as the handlers of views are."""
        return await self.push_screen_wait(asked)

    def on_view_said(self, event: View.Said) -> None:
        event.stop()
        if not self._going.locked():
            self._show_frame()

    def _show_frame(self) -> None:
        here = self.history.here
        if here is None or self._view is None or not self.is_running:
            return
        self._show_status()
        crumbs: list[str | Span] = [" ", Span("Jobdeck", Tone.STRONG)]
        for place in here.trail():
            tone = Tone.STRONG if place is here else Tone.QUIET
            title = self.view.title() if place is here else str(place)
            crumbs += [Span(" > ", Tone.QUIET), Span(title, tone)]
        self.query_one(Header).say(line(*crumbs), self._how_it_is())

    def _how_it_is(self) -> Line:
        """The right end of the header: read-only, and the line to the engine."""
        pieces: list[str | Span] = []
        subject = self.view.subject()
        if self.is_read_only(subject):
            names = ",".join(sorted(subject.environments & self._read_only))
            pieces.append(Span(_("read-only: {names}").format(names=names) + "  ", Tone.WARNING))
        words: Mapping[State, Span] = {
            State.CONNECTING: Span(_("connecting"), Tone.QUIET),
            State.LIVE: Span(_("live"), Tone.GOOD),
            State.AWAY: Span(_("engine away"), Tone.BAD),
            State.STOPPED: Span(_("engine stopped"), Tone.BAD),
        }
        return line(*pieces, words[self.link.state], " ")

    def _show_status(self) -> None:
        if self._view is not None and self.is_running:
            self.query_one(Status).say(self.view.said(), self._message)

    def _show_keys(self) -> None:
        if self._view is not None and self.query(Footer):
            self.query_one(Footer).show_keys(self._offers_now())

    # ------------------------------------------------------------------ preferences

    def prefer(self, **changes: Any) -> None:
        """Keep a changed preference, and take it up at once. Raises OpsError, changing nothing."""
        self.preferences = self._ways.preferences.change(**changes)
        self._dress(chosen=True)
        self.screen.refresh_bindings()
        self._show_frame()

    def keys_of(self, action: Action) -> tuple[str, ...]:
        """An action's keys as this person has them, as people read them."""
        return tuple(map(key_word, keys_of(action, self.preferences.keys)))

    def _dress(self, *, chosen: bool = False) -> None:
        wanted = self.preferences
        theming.wear(self, wanted.theme if wanted.theme in themes.NAMES else self._habits.theme)
        self.set_keymap(dict(wanted.keys))
        if wanted.language and (chosen or not is_language_given()):
            speak(wanted.language)

    # ------------------------------------------------------------------ actions

    def _offers_now(self) -> list[Offer]:
        """What can be done at this moment, the view's own first."""
        known, found = registry(), dict[str, list[str]]()
        for key, active in self.screen.active_bindings.items():
            if active.binding.id in known:
                found.setdefault(str(active.binding.id), []).append(key_word(name_of_key(key)))
        order = list(known)
        offers = [Offer(known[id_], tuple(keys), True) for id_, keys in found.items()]
        far = (Scope.LIST, Scope.TEXT, Scope.EVERYWHERE)
        return sorted(
            offers,
            key=lambda offer: (
                far.index(offer.action.scope) + 1 if offer.action.scope in far else 0,
                order.index(offer.action.id),
            ),
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return True

    async def action_perform(self, id_: str) -> None:
        action = registry()[id_]
        if action.scope is not Scope.EVERYWHERE:
            await self.view.action_perform(id_)
        elif handler := getattr(self, f"do_{action.name}", None):
            handler()
        elif action.name in views.VIEWS:
            self.go(Place(action.name), below=False)

    def do_command(self) -> None:
        self.query_one(CommandBar).open(
            ":",
            "",
            lambda text: (f":{each}" for each in commandline.completions(text[1:], views.VIEWS)),
        )

    def do_palette(self) -> None:
        now = {offer.action.id: offer for offer in self._offers_now()}
        every = [
            now.get(action.id) or Offer(action, self.keys_of(action), self._can(action))
            for action in registry().values()
        ]
        self._pick(Palette(every))

    def do_keys(self) -> None:
        self._pick(Palette(self._offers_now(), _("keys that work now")))

    def _can(self, action: Action) -> bool:
        if action.scope is Scope.EVERYWHERE:
            return True
        return action.scope is self.view.SCOPE and self.view.offers(action)

    def _pick(self, palette: Palette) -> None:
        def done(id_: str | None) -> None:
            if id_ is not None:
                self.call_later(self.action_perform, id_)

        self.push_screen(palette, done)

    def do_help(self) -> None:
        self.go(Place("help", self.view.HELP))

    def do_up(self) -> None:
        here = self.history.here
        if self.silence() or self.view.escape():
            return
        if here is not None and here.parent is not None:
            self._travel(here.parent)

    def do_last(self) -> None:
        if place := self.history.last():
            self._travel(place)

    def do_back(self) -> None:
        self._step(-1)

    def do_forward(self) -> None:
        self._step(1)

    def _step(self, by: int) -> None:
        self._remember()
        if place := self.history.step(by):
            self._travel(place, is_step=True)

    def do_refresh(self) -> None:
        self._paint_anew()
        self.view.reload()

    def do_copy_name(self) -> None:
        self._copy(self.view.copied())

    def do_copy_cli(self) -> None:
        self._copy(self.view.cli())

    def do_copy_curl(self) -> None:
        path = self.view.api()
        socket = shlex.quote(self._ways.socket)
        url = shlex.quote(f"http://jobdeck/api/v1{path}")
        self._copy(f"curl --unix-socket {socket} {url}" if path else "")

    def _copy(self, text: str) -> None:
        if not text:
            self.say(_("there is nothing to copy here"), Tone.WARNING)
            return
        self.copy_to_clipboard(text)
        self.say(_("copied: {text}").format(text=text.partition("\n")[0]), Tone.GOOD)

    def do_mouse(self) -> None:
        self._has_mouse = not self._has_mouse
        mouse.switch(self, on=self._has_mouse)
        self.say(
            _("the mouse points and scrolls")
            if self._has_mouse
            else _("the mouse is the terminal's")
        )

    def do_quit(self) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._bookmark is not None:
            self._bookmark.take_out()
        self.exit()

    def action_how_to_leave(self) -> None:
        self.say(_("q leaves; runs go on"))
