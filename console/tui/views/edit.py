"""One document as a form: judged by the engine while it is typed, saved where it is taken.

The place is `edit KIND/NAME`, `edit KIND` for a new one, `edit KIND from NAME` for a copy, and
`edit KIND/NAME REVISION` to begin with what a revision said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from console.actions import Scope, Subject
from console.answers import Document
from console.client import Client
from console.forms import placing
from console.forms.draft import Draft
from console.forms.fields import Field, Path, whole
from console.i18n import _
from console.presenters.changes import field_lines
from console.presenters.dangers import danger_lines
from console.presenters.drafts import again_lines, differences, kept_line
from console.presenters.text import Line, Span, Table, Tone, line
from console.sentences import said
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.filling import FillingView, with_files
from console.tui.widgets.choosing import Option, Picker
from console.tui.widgets.dialogs import Question
from console.tui.widgets.form import Form
from console.tui.working import later
from core.errors import EngineUnreachable, Invalid, OpsError, Problem, RequestError, StaleRevision

_JUDGE_AFTER_S = 0.3
_KEPT, _ANEW = "kept", "anew"
_MINE_ON_THEIRS, _MINE, _THEIRS = "mine on theirs", "mine", "theirs"


class EditView(FillingView):
    """The form of one document."""

    SCOPE = Scope.EDIT

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        what, _blank, self._origin = place.argument.partition(" ")
        self._kind, _slash, self._called = what.partition("/")

    # ------------------------------------------------------------------ opening

    async def load(self) -> None:
        if self.form is not None:
            await self._look_at_theirs()
            return
        draft = await self._opened()
        kept = self.deck.drafts.find(self.draft_name, draft.root)
        if kept is not None and kept.draft.body != draft.body:
            now = self.deck.clock.now()
            options = [
                Option(_KEPT, _("go on with the draft"), kept_line(kept.at, now)),
                Option(_ANEW, _("clear the form"), _("the draft is discarded")),
            ]
            told = list(again_lines(kept.draft, draft))
            chosen = await self.deck.question(
                Picker(_("you began this before"), options, told=told)
            )
            if chosen == _KEPT:
                draft = kept.draft
            elif chosen == _ANEW:
                self.forget()
        await self.mount(Form(draft, self.memory))
        self.changed()

    async def _opened(self) -> Draft:
        """The document as it is saved, or what a new one begins as."""
        schema = await self.deck.link.ask(partial(Client.schema, kind=self._kind))
        root = whole(schema)
        if not self._called:
            return await self._new(root)
        saved = await self._saved()
        draft = _opened(root, saved)
        if self._origin:
            revision, name = int(self._origin), saved.name
            past = await self.deck.link.ask(
                lambda client: client.document(saved.kind, name, revision)
            )
            draft = replace(draft, body=past.body())
        return draft

    async def _new(self, root: Field) -> Draft:
        body: dict[str, Any] = {"kind": self._kind, "name": "", "labels": {}, "spec": {}}
        if self._origin:
            name = self._origin.removeprefix("from ")
            model = await self.deck.link.ask(lambda client: client.document(self._kind, name))
            body |= {"labels": model.labels, "spec": model.spec}
        return Draft(root, body, {"kind": self._kind, "name": "", "labels": {}, "spec": {}})

    async def _saved(self) -> Document:
        return await self.deck.link.ask(lambda client: client.document(self._kind, self._called))

    def concerns(self, changed: Changed) -> bool:
        return bool(self._called) and changed.concerns("document")

    async def _look_at_theirs(self) -> None:
        """Say so as soon as somebody else has changed what is being edited."""
        assert self.form is not None
        theirs = await self._saved()
        if theirs.revision == self.form.draft.revision:
            return
        if self.form.draft.is_changed:
            text = _("{actor} has changed it meanwhile; saving asks what is to become of that")
            self.deck.say(text.format(actor=theirs.updated_by), Tone.WARNING)
        else:
            self.form.show(_opened(self.form.draft.root, theirs))

    # ------------------------------------------------------------------ judging

    def changed(self) -> None:
        self._soon("judge", _JUDGE_AFTER_S, self._judge)

    def _judge(self) -> None:
        self.run_worker(
            later(self._ask_judgement), exclusive=True, group="judge", exit_on_error=False
        )

    async def _ask_judgement(self) -> None:
        form = self.form
        if form is None or form.draft.unread or not form.draft.is_changed:
            if form is not None:
                form.object_to({})
            return
        draft = form.draft.without_secrets()
        body = draft.body
        try:
            await self.deck.link.ask(
                lambda client: client.apply([body], dry_run=True, prune=None, coming=())
            )
        except Invalid as error:
            form.object_to(placing.placed(draft.root, body, error.problems))
        except OpsError as error:
            form.object_to({(): [Problem(where="", what=error.message, hint=error.hint)]})
        else:
            form.object_to({})

    # ------------------------------------------------------------------ as a view

    def title(self) -> str:
        what = f"{said(self._kind)} {self._called}".strip()
        text = _("edit {what}") if self._called else _("new {what}")
        return text.format(what=what)

    def subject(self) -> Subject:
        form = self.form
        changed = {"discard", "differences"} if form is not None and form.draft.is_changed else {}
        return Subject(
            kind=self._kind,
            names=(self._called,) if self._called else (),
            allowed=self.allowed() | frozenset(changed),
        )

    def said(self) -> Line:
        form = self.form
        if form is None:
            return ()
        pieces: list[str | Span] = [" "]
        if form.draft.revision is not None:
            pieces.append(_("revision {revision}").format(revision=form.draft.revision) + "  ")
        if form.draft.is_changed:
            pieces.append(Span(_("not saved"), Tone.WARNING))
        return line(*pieces)

    def cli(self) -> str:
        return f"jobdeck edit {self._kind} {self._called}" if self._called else ""

    def api(self) -> str:
        return f"/documents/{self._kind}/{self._called}" if self._called else ""

    # ------------------------------------------------------------------ actions

    async def do_save(self) -> None:
        form = self._form
        if complaints := form.draft.complaints():
            self._refuse(complaints)
            return
        draft = await with_files(form.draft)
        try:
            saved = await self.deck.link.act(
                partial(_save, body=draft.body, revision=draft.revision)
            )
        except StaleRevision:
            await self._choose_side()
        except Invalid as error:
            problems = placing.placed(draft.root, draft.body, error.problems)
            form.object_to(problems)
            self._refuse(problems, error)
        except EngineUnreachable as gone:
            self.keep()
            raise RequestError(
                _("nobody knows whether it was saved; the draft is kept"),
                hint=_("look at the document when the engine is back, then save again"),
            ) from gone
        else:
            self._is_saved(saved)

    def _refuse(
        self, problems: Mapping[Path, Sequence[Problem]], error: Invalid | None = None
    ) -> None:
        """Go to the first field with a problem, and say how many there are."""
        first = min(problems, default=(), key=len)
        self._form.move_to(
            placing.nearest(first, [each.row.path for each in self._form.grid.items])
        )
        self.deck.say(error.message if error else _("not saved: see the fields"), Tone.BAD)

    def _is_saved(self, saved: Document) -> None:
        self.forget()
        self._form.show(_opened(self._form.draft.root, saved))
        here = self.deck.history.here
        document = Place("document", f"{saved.kind}/{saved.name}")
        parent = None if here is None else here.parent
        if parent == document or (parent is not None and self._called):
            self.deck.do_up()
        else:
            self.deck.go(document.inside(parent), below=False)
        text = _("{kind} {name} is now revision {revision}")
        words = {"kind": saved.kind, "name": saved.name, "revision": saved.revision}
        self.deck.say(text.format(**words), Tone.GOOD)

    async def _choose_side(self) -> None:
        """Somebody else was faster: show both, and let the person say which is to stand."""
        form, theirs = self._form, await self._saved()
        mine = form.draft
        told: list[Line | Table] = [
            line(""),
            line(Span(_("{actor} changed:").format(actor=theirs.updated_by), Tone.STRONG)),
            *field_lines(differences(mine.base, theirs.body()), indent="  "),
            line(Span(_("you changed:"), Tone.STRONG)),
            *field_lines(differences(mine.base, mine.without_secrets().body), indent="  "),
        ]
        options = [
            Option(_MINE_ON_THEIRS, _("both"), _("your changes on top of theirs; then save")),
            Option(_MINE, _("yours"), _("theirs are undone when you save")),
            Option(_THEIRS, _("theirs"), _("yours are discarded")),
        ]
        question = _("somebody else was faster")
        chosen = await self.deck.question(Picker(question, options, told=told))
        if chosen == _MINE_ON_THEIRS:
            form.show(mine.onto(theirs.body(), theirs.revision))
        elif chosen == _MINE:
            form.show(replace(mine, base=theirs.body(), revision=theirs.revision))
        elif chosen == _THEIRS:
            form.show(_opened(mine.root, theirs))
        else:
            return
        self.post_message(Form.Changed())

    async def do_differences(self) -> None:
        draft = self._form.draft.without_secrets()
        lines = [*field_lines(differences(draft.base, draft.body))]
        body = draft.body
        if not self._form.draft.complaints():
            found = await self.deck.link.ask(
                lambda client: client.apply([body], dry_run=True, prune=None, coming=())
            )
            lines += [row for each in found.changes for row in danger_lines(each.dangers)]
        if await self.deck.question(Question(_("save this"), lines)) is not None:
            await self.do_save()

    async def do_discard(self) -> None:
        if await self.deck.question(Question(_("discard the draft"), [])) is None:
            return
        self.forget()
        base = self._form.draft
        self._form.show(replace(base, body=base.base, unread={}))
        self.changed()

    async def do_whole(self) -> None:
        from core.domain import yamlsafe

        draft = self._form.draft
        text = self.in_editor(yamlsafe.dump(draft.without_secrets().body), f"{self._kind}.yaml")
        found = yamlsafe.load(text).value
        if not isinstance(found, dict):
            raise RequestError(_("the text is no document; nothing was changed"))
        body = {**found, "kind": self._kind, "name": self._called or found.get("name", "")}
        self._form.show(replace(draft, body=body, unread={}))
        self.post_message(Form.Changed())


def _opened(root: Field, saved: Document) -> Draft:
    return Draft(root, saved.body(), saved.body(), saved.revision)


def _save(client: Client, body: Mapping[str, Any], revision: int | None) -> Document:
    return client.create(body) if revision is None else client.replace(body, revision)
