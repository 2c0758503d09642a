"""The application: what views may ask for, what is typed, and the actions that are everywhere.

Nothing in it belongs to the engine's work: it may be closed or cut off at any moment. What it is
made of is asked for by name: the frame, the journey from view to view, the link to the engine.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rich.color import ColorSystem
from rich.console import RenderableType
from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import var
from textual.screen import ModalScreen, Screen

from console import themes
from console.actions import Action, Scope, Subject, registry
from console.client import Client
from console.drafts import Drafts
from console.i18n import _, choose, prefer
from console.keys import key_word, keys_of
from console.preferences import PreferenceFile, Preferences
from console.presenters.premises import Premises
from console.presenters.text import Tone
from console.tui import commandline, mouse, offers, theming, views
from console.tui.bookmark import Bookmark
from console.tui.filters import BadFilter
from console.tui.frame import Frame
from console.tui.guard import Guard
from console.tui.journey import Journey
from console.tui.keymap import bindings, key_map
from console.tui.link import Changed, Link, State
from console.tui.navigation import Place
from console.tui.shown import Shown
from console.tui.typeahead import TypeAhead
from console.tui.updates import frugal
from console.tui.views.base import View
from console.tui.widgets.commandbar import CommandBar
from console.tui.widgets.grid import CALM
from console.tui.widgets.palette import Palette
from console.tui.widgets.small import TooSmall
from console.tui.working import later
from console.wishes import read_wishes
from core.clock import Clock
from core.errors import OpsError

_FIRST = "pulse"
"""The view that is opened first."""


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
    look_around: Callable[[], Premises]
    """What is to be seen of the home without the engine; blocks."""


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
        self.look_around = ways.look_around
        self.drafts = Drafts(ways.drafts, clock)
        self._ways, self._habits = ways, habits
        self._start = start or (bookmark.found() if bookmark else "") or _FIRST
        self.journey = Journey(self, bookmark)
        self.history = self.journey.history
        self.frame = Frame(self)
        self.guard = Guard(write=habits.write)
        self.typing = TypeAhead(self, super().on_event)
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
        self._shown = Shown(habits.erases_in_colour)
        self.set_class(habits.calm, CALM)
        self._has_mouse = False
        self.animation_level = "none"
        self.wishes = read_wishes(ways.preferences)
        self._dress()

    # ------------------------------------------------------------------ its life

    def compose(self) -> ComposeResult:
        yield from self.frame.compose()

    async def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self.frame.show_keys())
        self.app_resume_signal.subscribe(self, lambda _app: self._paint_anew())
        # What the line loads would keep the first picture waiting.
        self.call_after_refresh(self.link.open)
        try:
            place = commandline.parse(self._start, views.VIEWS).place
        except commandline.BadCommand as bad:
            place = None
            self.say(str(bad), Tone.BAD)
        await self.journey.open(place or Place(_FIRST))
        if self.wishes.trouble is not None:
            self.complain(self.wishes.trouble)

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
        assert self.journey.view is not None, "asked for by what stands in the frame"
        return self.journey.view

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
        self.journey.go(place, below=below)

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
        self.journey.go_beside(place)

    # ------------------------------------------------------------------ what is typed

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
        if not self.is_running:
            return
        self.frame.announce(state, reason)
        if state is State.LIVE:
            self.run_worker(later(self._look_at_environments), exit_on_error=False)
        self.frame.show()

    def _changed(self, changed: Changed) -> None:
        if changed.concerns("document", "environment"):
            self.run_worker(later(self._look_at_environments), exit_on_error=False)
        if self.journey.view is not None and self.view.concerns(changed):
            self.view.reload()

    async def _look_at_environments(self) -> None:
        self.guard.learn(await self.link.ask(lambda client: list(client.documents("environment"))))
        self.screen.refresh_bindings()
        self.frame.show()

    def is_read_only(self, subject: Subject) -> bool:
        """Whether changing this subject is ruled out in this console."""
        return bool(self.guard.read_only(subject))

    # ------------------------------------------------------------------ what is said

    def say(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        """One line for the person, for a few seconds."""
        self.frame.say(text, tone)

    def complain(self, error: OpsError) -> None:
        """An error, until `escape`: what, where, what to try."""
        self.frame.complain(error)

    def silence(self) -> bool:
        """Close the complaint; False where there was none."""
        return self.frame.silence()

    async def question(self, asked: ModalScreen[str | None]) -> str | None:
        """Ask the person; called in a worker, as the handlers of views are."""
        return await self.push_screen_wait(asked)

    def on_view_said(self, event: View.Said) -> None:
        event.stop()
        self.frame.show()

    # ------------------------------------------------------------------ preferences

    def prefer(self, **changes: Any) -> None:
        """Keep a changed preference, and take it up at once. Raises OpsError, changing nothing."""
        self._ways.preferences.change(**changes)
        self.wishes = read_wishes(self._ways.preferences)
        if "language" in changes:
            choose(self.preferences.language)
        self._dress()
        self.screen.refresh_bindings()
        self.frame.show()

    @property
    def preferences(self) -> Preferences:
        return self.wishes.preferences

    def keys_of(self, action: Action) -> tuple[str, ...]:
        """An action's keys as this person has them, as people read them."""
        return tuple(map(key_word, keys_of(action, self.wishes.keys)))

    def _dress(self) -> None:
        wanted = self.preferences
        theming.wear(self, wanted.theme if wanted.theme in themes.NAMES else self._habits.theme)
        self.set_keymap(key_map(self.wishes.keys))
        prefer(wanted.language)

    # ------------------------------------------------------------------ actions

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
        self._pick(Palette(offers.every(self)))

    def do_keys(self) -> None:
        self._pick(Palette(offers.now(self), _("keys that work now")))

    def _pick(self, palette: Palette) -> None:
        def done(id_: str | None) -> None:
            if id_ is not None:
                self.call_later(self.action_perform, id_)

        self.push_screen(palette, done)

    def do_help(self) -> None:
        self.go(Place("help", self.view.HELP))

    def do_up(self) -> None:
        if not (self.silence() or self.view.escape()):
            self.journey.up()

    def do_last(self) -> None:
        self.journey.last()

    def do_back(self) -> None:
        self.journey.step(-1)

    def do_forward(self) -> None:
        self.journey.step(1)

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
        self.journey.end()
        self.exit()

    def action_how_to_leave(self) -> None:
        self.say(_("q leaves; runs go on"))
