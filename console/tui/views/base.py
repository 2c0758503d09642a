"""What every view is: a place, what it shows of the engine, and the actions of its scope.

A view asks in `load`, and is asked to load again when something that concerns it has happened; at
most one question is open at a time. It formats nothing and decides nothing: presenters make its
rows, the engine says what is allowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from console.actions import Action, Scope, Subject, registry
from console.actions.base import NOTHING
from console.presenters.text import Line
from console.tui.keymap import bindings
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.working import later
from core.errors import OpsError

if TYPE_CHECKING:
    from console.tui.app import JobdeckApp


class View(Widget):
    """One view. Subclasses name their scope and write `load`, and `do_NAME` for each action."""

    SCOPE: ClassVar[Scope]
    ALSO: ClassVar[tuple[Scope, ...]] = ()
    """Further scopes whose actions are at hand."""
    WITHOUT: ClassVar[frozenset[str]] = frozenset()
    """Ids of actions of further scopes that make no sense here."""
    HELP: ClassVar[str] = "terminal"
    """The topic of its help page; that of all views where it has none of its own."""
    LEAST_S: ClassVar[float] = 0.0
    """Between two questions, where much happens and a look is enough now and then."""
    FIELDS: ClassVar[tuple[str, ...]] = ()
    """Fields that the engine can look for, as filters name them."""
    DEFAULT_CSS = "View { height: 1fr; }"

    class Said(Message):
        """What the view says of itself in the status line has changed."""

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__()
        self.place = place
        self.memory = memory
        """What it remembered when it was last open."""
        self._is_loading = False
        self._is_stale = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "SCOPE" in cls.__dict__:
            own: list[BindingType] = [*bindings(cls.SCOPE, *cls.ALSO)]
            cls.BINDINGS = [*cls.__dict__.get("BINDINGS", ()), *own]
        super().__init_subclass__(**kwargs)

    @property
    def deck(self) -> JobdeckApp:
        """The application, with its link to the engine."""
        return cast("JobdeckApp", self.app)

    # ------------------------------------------------------------------ for subclasses

    async def load(self) -> None:
        """Ask the engine for what is shown, and show it. May raise OpsError, which is then said."""

    def concerns(self, changed: Changed) -> bool:
        """Whether what has happened may change what is shown."""
        return changed.everything

    def subject(self) -> Subject:
        """What actions would be about now."""
        return NOTHING

    def copied(self) -> str:
        """What `copy the name` copies."""
        return "\n".join(self.subject().names)

    def take_keys(self) -> None:
        """Give the keys to what has the rows or the text."""
        self.query("*:can-focus").first().focus()

    def title(self) -> str:
        """The view's part of the breadcrumbs."""
        return str(self.place)

    def said(self) -> Line:
        """What it says of itself in the status line: how many, which filter."""
        return ()

    def recollection(self) -> Memory:
        """What it wants to find again when it is opened again."""
        return Memory()

    def filter(self, text: str, *, done: bool) -> None:
        """A filter is typed, or was entered (`done`). Raises filters.BadFilter."""

    def escape(self) -> bool:
        """Close what is open inside; False where there is nothing, so the place itself is left."""
        return False

    def cli(self) -> str:
        """The command line that shows the same; "" where there is none."""
        return ""

    def api(self) -> str:
        """The path below /api/v1 that answers the same; "" where there is none."""
        return ""

    # ------------------------------------------------------------------ loading

    def on_mount(self) -> None:
        """Textual calls the handlers of base classes too: subclasses never call this one."""
        self.reload()

    def reload(self) -> None:
        """Load now, or once more as soon as the load that is under way has ended."""
        if self._is_loading:
            self._is_stale = True
            return
        self._is_loading = True
        self.run_worker(later(self._load), exit_on_error=False)

    async def _load(self) -> None:
        try:
            while True:
                self._is_stale = False
                try:
                    await self.load()
                except OpsError as error:
                    self.deck.complain(error)
                self.refresh_bindings()
                self.post_message(self.Said())
                if self.LEAST_S:
                    await asyncio.sleep(self.LEAST_S)
                if not self._is_stale:
                    return
        finally:
            self._is_loading = False

    # ------------------------------------------------------------------ actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """An action that cannot be done is not there: neither its key nor its name."""
        if action != "perform" or not parameters:
            return True
        found = registry().get(str(parameters[0]))
        return found is None or self.offers(found)

    def offers(self, action: Action) -> bool:
        """Whether an action makes sense here and now, and is allowed."""
        subject = self.subject()
        if action.scope is self.SCOPE and not hasattr(self, f"do_{action.name}"):
            return False
        if action.id in self.WITHOUT:
            return False
        return action.when(subject) and not (action.changes and self.deck.is_read_only(subject))

    async def action_perform(self, id_: str) -> None:
        action = registry()[id_]
        if not self.offers(action):
            return
        if action.scope is Scope.LIST:
            self.perform_list(action.name)
            return
        if action.scope is Scope.TEXT:
            self.perform_text(action.name)
            return
        handler: Callable[[], Any] = getattr(self, f"do_{action.name}")
        done = handler()
        if done is not None:
            # In a worker: a handler may wait for a person's answer.
            self.deck.typing.opens(self.run_worker(self._guarded(done), exit_on_error=False))

    async def _guarded(self, deed: Any) -> None:
        try:
            await deed
        except OpsError as error:
            self.deck.complain(error)

    def perform_list(self, name: str) -> None:
        """Carry out an action of lists; a view hands it on to what has the rows."""

    def perform_text(self, name: str) -> None:
        """Carry out an action of texts; a view hands it on to what has the lines."""
