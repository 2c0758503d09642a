"""Asking something of a run: what it would do, in words, then the question, then the deed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from console.answers import ActionPreview, Run, RunDetail
from console.client import Client
from console.i18n import _
from console.presenters import acting
from console.presenters.results import hosts_word, short_id
from console.presenters.run import latest_steps
from console.presenters.text import Line, Span, Tone, line
from console.tui.asking import Fields, NotConfirmed, insist
from console.tui.navigation import Place
from console.tui.views.base import View
from console.tui.views.moving import move
from console.tui.widgets.choosing import Choice, Option
from console.tui.widgets.dialogs import Question
from core.domain.run import NEVER_STARTED, TERMINAL_RUN_STATES, RunState

_BAD_ENDS = frozenset(
    state
    for state in TERMINAL_RUN_STATES
    if state not in (RunState.SUCCEEDED, RunState.SKIPPED, RunState.ERROR_IGNORED)
)
_WAITING = frozenset({RunState.BATCH_WAITING, RunState.WAITING_USER})
_LIVE = frozenset(RunState) - TERMINAL_RUN_STATES
_FITS: Mapping[str, frozenset[RunState]] = {
    "retry": _BAD_ENDS,
    "ignore": _BAD_ENDS,
    "choose_way": _BAD_ENDS,
    "resolve": frozenset({RunState.ABNORMAL}),
    "continue": _WAITING,
    "skip": _LIVE,
    "fail": _LIVE,
}
"""States in which a node is meant by an action while the cursor stands on it."""
_POINTS = frozenset({"pause_before", "rerun"})
"""Actions that mean the node under the cursor, however it stands."""


class ActsOnRun(View):
    """Handlers of what may be asked of one run; subclasses say which, and what is pointed at."""

    run: RunDetail | None = None

    def node(self) -> str:
        """The node under the cursor; "" where there is none."""
        return ""

    def marked_hosts(self) -> tuple[str, ...]:
        """Hosts that were marked: actions are then about these."""
        return ()

    def ways_from(self, node: str) -> Sequence[str]:
        """Nodes that edges of a node lead to."""
        return ()

    def load_now(self) -> None:
        """Show what has become of it."""
        self.reload()

    # ------------------------------------------------------------------ asking

    async def ask(self, action: str, fields: Fields | None = None) -> None:
        """Tell what an action would do, ask, and do it."""
        run = self.run
        if run is None:
            return
        try:
            sent: Fields = {"step": self._step_meant(action, run), **(fields or {})}
            found, sent = await insist(
                self.deck, acting.action_word(action), _preview(run.id, action), sent
            )
            deed = acting.deed(action, run.id, found)
            question = Question(deed, consequences(action, found), prompt=_("why (for the record)"))
            reason = await self.deck.question(question)
            if reason is None:
                return
            sent = {**sent, "reason": reason}
            await insist(self.deck, deed, _act(run.id, action), sent)
        except NotConfirmed:
            self.deck.say(_("nothing was changed"), Tone.WARNING)
            return
        self.deck.say(_("asked: {deed}").format(deed=deed), Tone.GOOD)
        self.load_now()

    def _step_meant(self, action: str, run: RunDetail) -> str:
        """The node under the cursor, where the action fits it; else the engine finds the one."""
        node = self.node()
        states = {step.step: step.state for step in latest_steps(run)}
        fits = action in _POINTS or states.get(node) in _FITS.get(action, ())
        return node if fits else ""

    async def do_retry(self) -> None:
        hosts = self.marked_hosts()
        if hosts:
            await self.ask("retry", {"hosts": list(hosts), "step": self.node()})
            return
        scope = await self._scope()
        if scope is not None:
            await self.ask("retry", {"scope": scope})

    async def _scope(self) -> str | None:
        """Which hosts a retry is about, where more than one answer makes sense."""
        run = self.run
        counts = {s.step: s.counts for s in latest_steps(run)}.get(self.node(), {}) if run else {}
        idle = sum(counts.get(state, 0) for state in NEVER_STARTED)
        others = sum(counts.values()) - idle
        if not idle or not others:
            return "not_started" if idle else ""
        options = [
            Option("failed", _("failed"), _("hosts that failed")),
            Option("not_started", _("not started"), hosts_word(idle)),
            Option("all", _("all"), _("also those that succeeded: {hosts}").format(
                hosts=hosts_word(sum(counts.values())))),
        ]  # fmt: skip
        return await self.deck.question(Choice(_("retry on which hosts?"), options, "failed"))

    async def do_resolve(self) -> None:
        options = [
            Option("look", _("ask again"), _("hosts may have kept the work; it starts nothing")),
            Option("success", _("they ended well"), _("your word, kept in the record")),
            Option("failed", _("they failed"), _("or never ran; a retry may follow")),
        ]
        verdict = await self.deck.question(Choice(_("how did they end?"), options, "look"))
        if verdict is not None:
            hosts = list(self.marked_hosts()) or None
            await self.ask("resolve", {"verdict": verdict, "hosts": hosts})

    async def do_choose_way(self) -> None:
        node = self.node()
        options = [Option(name, name) for name in self.ways_from(node)]
        if not options:
            self.deck.say(_("put the cursor on the gateway first"), Tone.WARNING)
            return
        title = _("from {node} to which node?").format(node=node)
        to = await self.deck.question(Choice(title, options, options[0].value))
        if to is not None:
            await self.ask("choose_way", {"step": node, "to": to})

    async def do_pause_before(self) -> None:
        node = self.node()
        options = [
            Option("yes", _("pause before it"), _("the run pauses when it comes there")),
            Option("no", _("go past it"), _("takes an earlier wish back")),
        ]
        wanted = await self.deck.question(Choice(node, options, "yes"))
        if wanted is not None:
            await self.ask("pause_before", {"step": node, "wanted": wanted == "yes"})

    async def do_ignore(self) -> None:
        await self.ask("ignore")

    async def do_skip(self) -> None:
        await self.ask("skip")

    async def do_continue(self) -> None:
        await self.ask("continue")

    async def do_fail(self) -> None:
        await self.ask("fail")

    async def do_rerun(self) -> None:
        await self.ask("rerun")

    async def do_roll_back(self) -> None:
        await self.ask("roll_back")

    async def do_pause(self) -> None:
        await self.ask("pause")

    async def do_resume(self) -> None:
        await self.ask("resume")

    async def do_stop(self) -> None:
        await self.ask("stop")

    async def do_force_stop(self) -> None:
        await self.ask("force_stop")

    # ------------------------------------------------------------------ beside

    def do_again(self) -> None:
        if self.run is not None:
            self.deck.go(Place("launch", f"again {short_id(self.run.id)}"))

    async def do_note(self) -> None:
        if self.run is None:
            return
        deed = _("note on run {id}").format(id=short_id(self.run.id))
        text = await self.deck.question(Question(deed, [], prompt=_("the note"), must=True))
        if text is not None:
            await self.deck.link.act(partial(Client.add_note, run_id=self.run.id, text=text))
            self.load_now()

    async def do_move(self) -> None:
        if self.run is None:
            return
        await move(self, self.run.id, self.run.title, self.run.priority)
        self.load_now()


def consequences(action: str, found: ActionPreview) -> list[Line]:
    """What happens, as far as it can be told, before it does."""
    told = [line(acting.meaning(action))]
    begun = {each.step for each in (*found.begins, *found.ends)}
    if found.about is not None and found.about.count and found.about.step not in begun:
        hosts = f"  {hosts_word(found.about.count)}  {found.about.hosts}"
        told += [line(""), line(Span(found.about.step, Tone.STRONG), hosts)]
    foreseen = [*acting.foreseen_lines(action, found)]
    return [*told, line(""), *foreseen] if foreseen else told


def _preview(run_id: str, action: str) -> Any:
    def send(client: Client, fields: Fields) -> ActionPreview:
        return client.preview_action(run_id, action, **fields)

    return send


def _act(run_id: str, action: str) -> Any:
    def send(client: Client, fields: Fields) -> Run:
        return client.act(run_id, action, **fields)

    return send
