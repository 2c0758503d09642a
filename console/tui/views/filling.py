"""What views with a form have in common: its actions, its help from the engine, its draft on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import SuspendNotSupported
from textual.timer import Timer

from console import editor
from console.actions import Action, Scope
from console.client import Client
from console.forms.draft import Draft, leaves
from console.forms.fields import Shape
from console.i18n import _
from console.presenters.targets import misread_lines, resolved_lines
from console.presenters.text import Tone
from console.tui.navigation import Memory, Place
from console.tui.views.base import View
from console.tui.widgets.form import Form
from console.tui.widgets.grid import Grid
from console.tui.working import later
from core.errors import EnvironmentFault, OpsError, RequestError

_KEEP_AFTER_S = 0.5
_RESOLVE_AFTER_S = 0.15
_NOT_OF_FORMS = frozenset({"filter", "mark", "mark_all", "jump"})
"""Actions of lists that a form has not."""


class FillingView(View):
    """Subclasses mount a Form in `load`, and say what is to happen when it changes."""

    ALSO: ClassVar[tuple[Scope, ...]] = (Scope.FORM, Scope.LIST)

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        self._later: dict[str, Timer] = {}
        self._expression = ""
        self._unkept: Draft | None = None
        """What is to be written to disk soon."""

    @property
    def form(self) -> Form | None:
        """The form; None until the engine has said what is to be filled in."""
        found = self.query(Form)
        return found.first() if found else None

    # ------------------------------------------------------------------ for subclasses

    def changed(self) -> None:
        """The draft is another: time to judge it."""

    @property
    def draft_name(self) -> str:
        """Under which its draft is kept."""
        return str(self.place)

    # ------------------------------------------------------------------ the draft on disk

    def on_form_changed(self, event: Form.Changed) -> None:
        event.stop()
        self.refresh_bindings()
        self.post_message(self.Said())
        self._unkept = self._form.draft
        self._soon("keep", _KEEP_AFTER_S, self.keep)
        self.changed()

    def keep(self) -> None:
        """Keep the draft, so that it is there when this console is not; one without changes goes."""
        draft, self._unkept = self._unkept, None
        if draft is None:
            return
        if not draft.is_changed:
            self.deck.drafts.forget(self.draft_name)
            return
        try:
            self.deck.drafts.keep(self.draft_name, draft)
        except OSError as error:
            text = _("the draft is kept only while this console is open: {reason}").format(
                reason=error.strerror
            )
            self.deck.say(text, Tone.WARNING)

    def on_unmount(self) -> None:
        self.keep()

    def forget(self) -> None:
        """What was written is done with: saved, started or thrown away."""
        self._unkept = None
        self.deck.drafts.forget(self.draft_name)

    def recollection(self) -> Memory:
        return Memory() if self.form is None else self.form.memory()

    def _soon(self, name: str, after_s: float, what: Callable[[], object]) -> None:
        """Once nothing more has come for a while."""
        if name in self._later:
            self._later[name].stop()

        def now() -> None:
            self._later.pop(name, None)
            what()

        self._later[name] = self.set_timer(after_s, now)

    # ------------------------------------------------------------------ help from the engine

    def on_form_names_wanted(self, event: Form.NamesWanted) -> None:
        event.stop()
        self.run_worker(
            later(partial(self._names, event.kind)),
            exit_on_error=False,
            group=f"names {event.kind}",
        )

    async def _names(self, kind: str) -> None:
        form = self.form
        if form is not None:
            form.offer(kind, await self.deck.link.ask(partial(_names, kind=kind)))

    def on_form_expression(self, event: Form.Expression) -> None:
        event.stop()
        if event.text != self._expression:
            self._expression = event.text
            self._soon("resolve", _RESOLVE_AFTER_S, self._resolve)

    def _resolve(self) -> None:
        asked = later(partial(self._say_targets, self._expression))
        self.run_worker(asked, exclusive=True, group="resolve", exit_on_error=False)

    async def _say_targets(self, text: str) -> None:
        try:
            found = await self.deck.link.ask(partial(Client.resolve, expression=text))
            lines = list(resolved_lines(found))
        except OpsError as error:
            lines = list(misread_lines(error))
        if self.form is not None and text == self._expression:
            self.form.tell(lines)

    # ------------------------------------------------------------------ actions

    def offers(self, action: Action) -> bool:
        if action.scope is Scope.LIST:
            form = self.form
            return action.name not in _NOT_OF_FORMS and form is not None and not form.is_typing
        if action.scope is Scope.FORM and (self.form is None or self.form.is_typing):
            return False
        return super().offers(action)

    def allowed(self) -> frozenset[str]:
        """What the row under the cursor allows; for the subject of subclasses."""
        return frozenset() if self.form is None else self.form.allowed()

    def perform_list(self, name: str) -> None:
        if self.form is None:
            return
        if name == "open":
            self._fill()
        else:
            self.form.grid.perform_list(name)

    def on_grid_moved(self, event: Grid.Moved) -> None:
        event.stop()
        self.refresh_bindings()
        self.post_message(self.Said())

    def on_grid_opened(self, event: Grid.Opened) -> None:
        event.stop()
        self._fill()

    def _fill(self) -> None:
        self.deck.typing.opens(self.run_worker(later(self._filled), exit_on_error=False))

    async def _filled(self) -> None:
        await self._guarded(self._form.fill(self.deck.question))

    def do_change(self) -> None:
        self._form.change(1)

    def do_change_back(self) -> None:
        self._form.change(-1)

    async def do_add(self) -> None:
        await self._form.add(self.deck.question)

    def do_remove(self) -> None:
        self._form.take_away()

    def do_revert(self) -> None:
        self._form.revert()

    def do_down(self) -> None:
        self._form.move(1)

    def do_up(self) -> None:
        self._form.move(-1)

    def do_everything(self) -> None:
        self._form.show_everything()

    async def do_editor(self) -> None:
        row = self._form.current
        assert row is not None
        written = self.in_editor(self._form.draft.text(row.path), f"{row.label}.txt")
        self._form.written(row.path, written)

    def in_editor(self, text: str, name: str) -> str:
        """A text as it comes out of the person's editor, which has the terminal meanwhile."""
        try:
            with self.app.suspend():
                return editor.edited(text, name)
        except SuspendNotSupported:
            raise EnvironmentFault(_("this terminal cannot be lent to an editor")) from None

    @property
    def _form(self) -> Form:
        assert self.form is not None, "its actions are at hand only where it is"
        return self.form


def _names(client: Client, kind: str) -> Sequence[str]:
    return [each.name for each in client.documents(kind)]


async def with_files(draft: Draft) -> Draft:
    """The draft with the texts of files in place of `@FILE` where a secret was typed."""
    for path, place, value in list(leaves(draft.root, draft.body)):
        if place.shape is Shape.SECRET and isinstance(value, str) and value.startswith("@"):
            draft = draft.put(path, await asyncio.to_thread(_read, value.removeprefix("@")))
    return draft


def _read(name: str) -> str:
    try:
        return Path(name).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else _("it is no text")
        raise RequestError(
            _("the file {name} cannot be read: {reason}").format(name=name, reason=reason)
        ) from error
