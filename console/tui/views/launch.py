"""A start as a form: what it is given, where it runs, and what it would do, while it is typed.

launch                     what can be started, to choose from
launch job/deploy          a saved job or flow
launch command on EXPR     one command line
launch again RUN           what an earlier run was asked to do
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Container

from console import answers
from console.actions import Scope, Subject
from console.client import Client
from console.forms import launching, placing, values
from console.forms.draft import Draft
from console.forms.fields import Field, Path, Shape, inner, whole
from console.forms.launching import Work
from console.i18n import _
from console.presenters import launch as presenter
from console.presenters.errors import error_lines
from console.presenters.plans import probe_progress, warning_lines
from console.presenters.results import short_id
from console.presenters.text import Line, Span, Table, Tone, line
from console.sentences import said
from console.tui.asking import Fields, NotConfirmed, insist
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.base import View
from console.tui.views.filling import FillingView, with_files
from console.tui.views.listing import ListView
from console.tui.widgets.dialogs import Question
from console.tui.widgets.form import Form
from console.tui.widgets.reader import Reader
from console.tui.working import later
from core.errors import EngineUnreachable, Invalid, OpsError, Problem, RequestError

_FORESEE_AFTER_S = 0.3
_WIDE = 120
"""Cells from which what it would do stands beside the form, not below."""
_AGAIN, _ON = "again", "on "
_PROBING = "probing"


def launch_view(place: Place, memory: Memory) -> View:
    """The view of a place: what can be started, or one start."""
    return LaunchView(place, memory) if place.argument else LaunchMenu(place, memory)


class LaunchMenu(ListView):
    """Everything that can be started."""

    SCOPE = Scope.LAUNCH
    EMPTY = staticmethod(lambda: (_("nothing can be started"), ""))

    async def load(self) -> None:
        found = await self.deck.link.ask(_startable)
        self.show_items([None, *found], lambda each: f"{each.kind}/{each.name}" if each else "")

    def present(self, items: Sequence[Any]) -> Table:
        return presenter.menu_table(items)

    def labels_of(self, item: Any) -> Mapping[str, str]:
        return item.labels if isinstance(item, answers.Document) else {}

    def concerns(self, changed: Changed) -> bool:
        return changed.concerns("document")

    def title(self) -> str:
        return _("launch")

    def subject(self) -> Subject:
        chosen = [each for each in self.grid.chosen if each is not None]
        names = tuple(each.name for each in chosen) or (launching.COMMAND,)
        return Subject(kind=chosen[0].kind if chosen else launching.COMMAND, names=names)

    def open_item(self, item: Any) -> None:
        what = f"{item.kind}/{item.name}" if item is not None else launching.COMMAND
        self.deck.go(Place("launch", what))


def _startable(client: Client) -> list[answers.Document]:
    return [*client.documents("job"), *client.documents("flow")]


class LaunchView(FillingView):
    """One start."""

    SCOPE = Scope.LAUNCH
    DEFAULT_CSS = """
    LaunchView #launch { height: 1fr; layout: vertical; }
    LaunchView #launch Form { height: 1fr; }
    LaunchView #foreseen { height: auto; min-height: 3; max-height: 40%;
                           border-top: solid $tone-rule; }
    LaunchView.-wide #launch { layout: horizontal; }
    LaunchView.-wide #foreseen { width: 2fr; height: 1fr; max-height: 100%; border-top: none;
                                 border-left: solid $tone-rule; }
    LaunchView.-wide #launch Form { width: 3fr; }
    """

    def __init__(self, place: Place, memory: Memory) -> None:
        opened = memory.more.get("opened", [[launching.PARAMETERS]])
        super().__init__(place, replace(memory, more={**memory.more, "opened": opened}))
        self._work = Work()
        self._preview: answers.Preview | None = None
        self._plan: answers.PlanDetail | None = None
        """The dry run that is shown in the place of what a start would do."""
        self._key = ""
        """Of the start that is being sent: the same request never starts a second run."""
        self._sent: Mapping[str, Any] = {}

    def compose(self) -> ComposeResult:
        yield Container(id="launch")

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= _WIDE, "-wide")

    # ------------------------------------------------------------------ opening

    async def load(self) -> None:
        if self.form is None:
            draft = await self._begun()
            kept = self.deck.drafts.find(self.draft_name, draft.root)
            if kept is not None and kept.draft.body != draft.body:
                draft = kept.draft
                self.deck.say(_("this is what you had begun; X begins anew"), Tone.BUSY)
            reader = Reader(id="foreseen", is_wide=True)
            reader.can_focus = False
            await self.query_one("#launch", Container).mount(Form(draft, self.memory), reader)
            self.changed()
        elif self._plan is not None and self._plan.state == _PROBING:
            await self._look_at_plan(self._plan.id)

    async def _begun(self) -> Draft:
        """What the form begins as."""
        what, _blank, rest = self.place.argument.partition(" ")
        body: dict[str, Any] = {}
        if what == _AGAIN:
            before = await self.deck.link.ask(partial(Client.run_request, run_id=rest))
            self._work, body = launching.filled_in(before.request)
        elif what != launching.COMMAND:
            kind, _slash, name = what.partition("/")
            self._work = Work(kind, name)
        if rest.startswith(_ON):
            body["targets"] = rest.removeprefix(_ON)
        root = await self._root(body)
        if any(each.name == launching.PARAMETERS for each in inner(root)):
            body.setdefault(launching.PARAMETERS, {})
        return Draft(root, body, body)

    async def _root(self, body: Mapping[str, Any]) -> Field:
        spec: Mapping[str, Any] = {}
        if self._work.is_saved:
            kind, name = self._work.kind, self._work.name
            spec = (await self.deck.link.ask(lambda client: client.document(kind, name))).spec
        return whole(launching.schema_of(self._work, spec, body))

    def concerns(self, changed: Changed) -> bool:
        return changed.concerns("plan")

    # ------------------------------------------------------------------ what it would do

    def changed(self) -> None:
        self._plan = None
        self._soon("foresee", _FORESEE_AFTER_S, self._foresee)

    def _foresee(self) -> None:
        self.run_worker(
            later(self._ask_preview), exclusive=True, group="foresee", exit_on_error=False
        )

    async def _ask_preview(self) -> None:
        form = self.form
        if form is None or form.draft.unread:
            return
        draft, self._preview = form.draft, None
        request = launching.request_of(self._work, draft.without_secrets().body)
        try:
            found = await self.deck.link.ask(partial(Client.preview, request=request))
        except OpsError as error:
            self._show_refusal(draft, error)
        else:
            self._preview = found
            form.object_to({})
            self._foretell([*presenter.preview_lines(found)])
        self.refresh_bindings()
        self.post_message(self.Said())

    def _show_refusal(self, draft: Draft, error: OpsError) -> None:
        """Why nothing would start, at the fields that it is about and in words."""
        assert self.form is not None
        placed = _placed(draft, error.problems)
        self.form.object_to({path: found for path, found in placed.items() if path})
        if error.problems and not placed:
            self._foretell([line(Span(_("secrets are given when it starts"), Tone.QUIET))])
            return
        if placed and () not in placed:
            self._foretell([*presenter.unready_lines(error.message, placed)])
        else:
            self._foretell(error_lines(error))

    def _foretell(self, parts: Sequence[Line | Table]) -> None:
        reader = self.query_one("#foreseen", Reader)
        reader.show(parts)
        reader.move_to(0)

    async def _dry_run(self, level: str) -> None:
        draft = await self._complete()
        if draft is None:
            return
        request = launching.request_of(self._work, draft.body)
        try:
            self._plan = await self.deck.link.act(
                partial(Client.make_plan, request=request, level=level)
            )
        except Invalid as error:
            self._show_refusal(draft, error)
            return
        self._show_plan()

    async def _look_at_plan(self, plan_id: str) -> None:
        self._plan = await self.deck.link.ask(partial(Client.plan, plan_id=plan_id))
        self._show_plan()

    def _show_plan(self) -> None:
        assert self._plan is not None
        if self._plan.state == _PROBING:
            self._foretell([probe_progress(self._plan)])
        else:
            self._foretell([*presenter.dry_run_parts(self._plan, self.deck.clock.now())])

    # ------------------------------------------------------------------ as a view

    def title(self) -> str:
        return _("launch {what}").format(what=presenter.work_title(self._work))

    def subject(self) -> Subject:
        return Subject(
            kind=self._work.kind,
            names=(self._work.name,) if self._work.is_saved else (),
            allowed=self.allowed() | ({"start"} if self.form is not None else set()),
        )

    def said(self) -> Line:
        if self._preview is None:
            return ()
        return line(f" {presenter.deed(self._preview)}")

    def cli(self) -> str:
        if self._work.is_saved:
            verb = "flow start" if self._work.kind == "flow" else "start"
            return f"jobdeck {verb} {self._work.name}"
        return "jobdeck run --on EXPR -- COMMAND"

    def api(self) -> str:
        return "/runs/preview"

    # ------------------------------------------------------------------ actions

    async def do_plan(self) -> None:
        await self._dry_run("plan")

    async def do_probe(self) -> None:
        await self._dry_run("probe")

    async def do_check(self) -> None:
        await self._dry_run("check")

    async def do_anew(self) -> None:
        """Forget what was begun."""
        self.forget()
        self._form.show(await self._begun())
        self.changed()

    def do_scroll(self) -> None:
        self.query_one("#foreseen", Reader).perform_text("page_down")

    def do_scroll_back(self) -> None:
        self.query_one("#foreseen", Reader).perform_text("page_up")

    async def do_start(self) -> None:
        draft = await self._complete()
        if draft is None:
            return
        request = launching.request_of(self._work, draft.body)
        preview = await self._previewed(draft, request)
        if preview is None:
            return
        wanted = "" if preview.confirm_hosts is None else str(preview.confirm_hosts)
        asked = Question(
            presenter.deed(preview), [*presenter.preview_lines(preview)], wanted=wanted
        )
        if await self.deck.question(asked) is None:
            return
        if preview.confirm_hosts is not None:
            request["confirm_hosts"] = preview.confirm_hosts
        if preview.seed:
            request["seed"] = preview.seed  # the batches that were shown
        run = await self._started(presenter.deed(preview), request)
        if run is None:
            return
        self.forget()
        self._form.show(draft.without_secrets())
        for each in warning_lines(presenter.remarks_in_fields(run.warnings)):
            self.deck.say("".join(span.text for span in each), Tone.WARNING)
        here = self.deck.history.here
        parent = None if here is None else here.parent
        self.deck.go(Place("run", short_id(run.id)).inside(parent), below=False)

    async def _complete(self) -> Draft | None:
        """The draft, where every field is as it says it must be."""
        form = self._form
        complaints = form.draft.complaints()
        if not complaints:
            return await with_files(form.draft)
        first = min(complaints, key=len)
        self._show_field(first)
        self.deck.say(_("nothing was started: see the fields"), Tone.BAD)
        return None

    def _show_field(self, path: Path) -> None:
        form = self._form
        form.open_to(path)
        form.move_to(placing.nearest(path, [each.row.path for each in form.grid.items]))

    async def _previewed(self, draft: Draft, request: Mapping[str, Any]) -> answers.Preview | None:
        try:
            return await self.deck.link.ask(partial(Client.preview, request=request))
        except Invalid as error:
            self._show_refusal(draft, error)
            placed = _placed(draft, error.problems)
            if placed and (first := min(placed, key=len)):
                self._show_field(first)
            self.deck.say(error.message, Tone.BAD)
            return None

    async def _started(self, deed: str, request: dict[str, Any]) -> answers.RunStarted | None:
        """The run; None where the person does not want what the engine demands."""
        try:
            run, _sent = await insist(self.deck, deed, self._send, request)
        except NotConfirmed:
            self.deck.say(_("not confirmed; nothing was started"), Tone.WARNING)
            return None
        except EngineUnreachable as gone:
            raise RequestError(
                _("nobody knows whether it was started"),
                hint=_("start again: the same request never starts a second run"),
            ) from gone
        self._key = ""
        return run

    def _send(self, client: Client, request: Fields) -> answers.RunStarted:
        if request != self._sent or not self._key:
            self._sent, self._key = dict(request), secrets.token_hex(16)
        return client.start(request, self._key)


def _placed(draft: Draft, problems: Sequence[Problem]) -> dict[Path, list[Problem]]:
    """Problems at their fields; that a secret is missing is none where one was typed."""
    told = [replace(each, hint=launching.in_fields(said(each.hint))) for each in problems]
    placed = placing.placed(draft.root, draft.body, told)
    return {
        path: found
        for path, found in placed.items()
        if not (_is_secret(draft, path) and draft.value(path))
    }


def _is_secret(draft: Draft, path: Path) -> bool:
    return values.field_at(draft.root, draft.body, path).shape is Shape.SECRET
