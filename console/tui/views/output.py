"""What hosts printed: one of them, some, or all merged; of any length, and while it grows."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from console.actions import Action, Scope, Subject
from console.answers import RunDetail, Target
from console.i18n import _
from console.logs.log import Log
from console.logs.margin import Margin, Times, host_cells
from console.logs.matches import Matches
from console.logs.wanted import BadWanted, Wanted, parse
from console.presenters.logs import Stand, host_line, nothing_lines, stand_line
from console.presenters.results import short_id
from console.presenters.text import Line, Span, Tone
from console.tui import outputs
from console.tui.feed import Feed
from console.tui.link import Changed
from console.tui.navigation import Memory, Place
from console.tui.views.taking import TakingView
from console.tui.widgets.dialogs import Question
from console.tui.widgets.logview import LogView
from console.tui.working import later

_ONLY = ("", "err", "out")
"""What `streams` goes through."""


class OutputView(TakingView):
    """A window on an output."""

    SCOPE = Scope.OUTPUT
    ALSO: ClassVar[tuple[Scope, ...]] = (Scope.TEXT,)

    def __init__(self, place: Place, memory: Memory) -> None:
        super().__init__(place, memory)
        self._bad = ""
        try:
            self.wanted = parse(place.argument)
        except BadWanted as bad:
            self._bad = str(bad)
        kept = memory.more
        self.wanted = replace(self.wanted, only=kept.get("only", self.wanted.only))
        self._times = Times(kept.get("times", Times.NONE))
        self._has_numbers = bool(kept.get("numbers", False))
        self._words = memory.filter or self.wanted.words
        """To be looked for as soon as there is a log."""
        self._row = int(memory.cursor) if memory.cursor else None
        """To be gone to as soon as it is there."""
        self._targets: list[Target] = []
        self._host_cells = (0, 0)
        """Of so many hosts the names take so many cells."""

    def on_mount(self) -> None:
        self.shown.focus()
        self.window.wraps = bool(self.memory.more.get("wraps", True))
        if self._bad:
            self.deck.say(self._bad, Tone.BAD)

    # ------------------------------------------------------------------ what comes

    async def load(self) -> None:
        link, wanted = self.deck.link, self.wanted
        self.detail = run = await link.ask(partial(outputs.find_run, wanted=wanted))
        self._targets = await link.ask(partial(outputs.targets_of, run=run, wanted=wanted))
        if self.feed is None:
            self._open(run)
        elif self.feed.has_ended and run.finished_at is None:
            self._follow(self.feed)

    def _open(self, run: RunDetail) -> None:
        """Begin with an empty log."""
        self.printed = Log()
        self.shown.open(self.printed)
        self.window.follows = run.finished_at is None and self._row is None
        query = self.wanted.query(tuple(target.ordinal for target in self._targets))
        came = partial(self._came, self.printed)
        feed = Feed(self.deck.link, self.printed, run.id, query, came, gather_s=self.deck.gather_s)
        self.feed = feed
        self._follow(feed)
        if self._words:
            self.filter(self._words, done=True)

    def _follow(self, feed: Feed) -> None:
        self._work(feed.follow, group="follow", exclusive=True)

    def _came(self, log: Log) -> None:
        """Something came from the engine."""
        feed = self.feed
        if log is not self.printed or feed is None or not self.is_mounted:
            return
        if self._row is not None and (log.rows > self._row or feed.has_ended):
            self.window.go_to_row(self._row)
            self._row = None
        self.shown.beside(self._margin())
        self.shown.say_nothing(nothing_lines(has_ended=feed.has_ended, target=self._only_target))
        self.shown.news()
        self._fetch(feed)
        matches = self.window.matches
        if matches is not None and matches.counted_to < log.last_number and not feed.is_counting:
            self._work(partial(feed.count, matches))
        self.post_message(self.Said())

    def _fetch(self, feed: Feed) -> None:
        if not feed.is_fetching and self.window.missing():
            self._work(partial(feed.fetch, self.window.missing))

    @property
    def _only_target(self) -> Target | None:
        """Whose output it is, where it is one's alone."""
        return self._targets[0] if len(self._targets) == 1 else None

    def _margin(self) -> Margin:
        hosts = self.printed.hosts
        if len(hosts) != self._host_cells[0]:
            self._host_cells = len(hosts), host_cells(hosts)
        return Margin(
            host_cells=self._host_cells[1] if self.is_merged else 0,
            lines=self.printed.lines if self._has_numbers else 0,
            times=self._times,
            started_at=self.detail.started_at if self.detail else None,
        )

    def on_log_view_moved(self, event: LogView.Moved) -> None:
        event.stop()
        if self.feed is not None:
            self.feed.moved()
            self._fetch(self.feed)
        self.refresh_bindings()
        self.post_message(self.Said())

    def _work(self, work: Callable[[], Coroutine[Any, Any, None]], **options: Any) -> None:
        async def guarded() -> None:
            await self._guarded(work())

        self.run_worker(later(guarded), exit_on_error=False, **options)

    # ------------------------------------------------------------------ as a view

    def concerns(self, changed: Changed) -> bool:
        return self.detail is not None and changed.concerns(subject=self.detail.id)

    def subject(self) -> Subject:
        row = self.printed.row(self.window.cursor[0]) if self.is_mounted else None
        if row is None or self.detail is None:
            return Subject()
        return Subject(kind="host", names=(row.who.host,), values={"run": self.detail.id})

    def title(self) -> str:
        names = ", ".join(self.wanted.hosts)
        run = short_id(self.detail.id) if self.detail else self.wanted.run
        return _("output of {hosts}").format(hosts=names) if names else _("output") + f" {run}"

    def said(self) -> Line:
        matches, window = self.window.matches, self.window
        row = self.printed.row(window.cursor[0])
        stand = Stand(
            line=row.line if row else 0,
            lines=self.printed.lines,
            size_bytes=self.printed.size_bytes,
            follows=window.follows and not (self.feed and self.feed.has_ended),
            only=self.wanted.only,
            words=matches.words if matches else "",
            match=matches.ordinal(self.printed, window.spot) if matches and window.spot else None,
            matches=matches.total if matches else 0,
            is_counted=matches.is_counted if matches else True,
            marked=len(window.marked),
        )
        host = host_line(self._only_target) if self._only_target else ()
        return (*((Span(" "), *host, Span("  ")) if host else ()), *stand_line(stand))

    def recollection(self) -> Memory:
        matches = self.window.matches
        return Memory(
            cursor="" if self.window.follows else str(self.window.cursor[0]),
            filter=matches.words if matches else "",
            more={
                "only": self.wanted.only,
                "times": self._times,
                "numbers": self._has_numbers,
                "wraps": self.window.wraps,
            },
        )

    def cli(self) -> str:
        run = short_id(self.detail.id) if self.detail else self.wanted.run
        return replace(self.wanted, run=run).cli()

    def api(self) -> str:
        return f"/runs/{self.detail.id}/output/index" if self.detail else ""

    def offers(self, action: Action) -> bool:
        possible = {
            "output.alone": self.is_merged,
            "output.merged": bool(self.wanted.hosts),
            "output.follow": self.feed is None or not self.feed.has_ended,
        }
        is_there = self.detail is not None and possible.get(action.id, True)
        return is_there and super().offers(action)

    def escape(self) -> bool:
        if self.window.marked:
            self.window.marked.clear()
        elif self.window.matches is not None:
            self.window.look_for(None)
        else:
            return False
        self.shown.moved()
        return True

    # ------------------------------------------------------------------ finding

    def filter(self, text: str, *, done: bool) -> None:
        """What is typed after `/` is marked at once; the engine counts when it is entered."""
        matches = Matches(text) if text else None
        self.window.look_for(matches)
        self.shown.moved()
        if done and matches is not None and self.feed is not None:
            self._work(partial(self.feed.count, matches))
            self._work(partial(self._find, forwards=True))

    def do_search(self) -> None:
        self.deck.type_filter("")

    async def do_next(self) -> None:
        await self._find(forwards=True)

    async def do_previous(self) -> None:
        await self._find(forwards=False)

    async def _find(self, *, forwards: bool) -> None:
        matches = self.window.matches
        if matches is None or self.feed is None:
            self.deck.say(_("nothing is looked for; / begins a search"))
            return
        found = await self.feed.find(self.window, forwards=forwards)
        if found is None and self.window.matches is matches:
            there = _("no match after this") if forwards else _("no match before this")
            self.deck.say(there if matches.total else _("no match"), Tone.WARNING)
        self.shown.moved()

    # ------------------------------------------------------------------ going

    def perform_text(self, name: str) -> None:
        self.shown.perform_text(name)

    def do_middle(self) -> None:
        self.shown.perform_text("middle")

    def do_left(self) -> None:
        self.shown.perform_text("left")

    def do_right(self) -> None:
        self.shown.perform_text("right")

    def do_wrap(self) -> None:
        self.shown.perform_text("wrap")

    def do_mark(self) -> None:
        self.shown.perform_text("mark")

    async def do_goto(self) -> None:
        asked = Question(
            _("go to a line"), [], prompt=_("a number, or a part such as 50%"), must=True
        )
        text = await self.deck.question(asked)
        if text is None:
            return
        if self.window.go_to(text):
            self.shown.moved()
        else:
            self.deck.say(_("{text} is no line").format(text=text), Tone.BAD)

    def do_alone(self) -> None:
        host = self.subject().name
        self._go(replace(self.wanted, hosts=(host,), words=""), below=True)

    def do_merged(self) -> None:
        self._go(replace(self.wanted, hosts=(), words=""))

    async def do_failure(self) -> None:
        assert self.detail is not None, "there are lines only of a run"
        host = self.wanted.hosts[0] if len(self.wanted.hosts) == 1 else self.subject().name
        found = await self.deck.link.ask(
            partial(outputs.failed_after, run_id=self.detail.id, host=host)
        )
        if found is None:
            self.deck.say(_("no other host failed"))
        else:
            step = replace(self.wanted, step=found.step, attempt=found.attempt)
            self._go(replace(step, hosts=(found.host,), words=""), below=not self.wanted.hosts)

    def _go(self, wanted: Wanted, *, below: bool = False) -> None:
        place = Place("output", str(wanted))
        if below:
            self.deck.go(place)
        else:
            self.deck.go_beside(place)

    # ------------------------------------------------------------------ how it is shown

    def do_follow(self) -> None:
        self.window.follow(not self.window.follows)
        self.shown.moved()

    def do_times(self) -> None:
        self._times = self._times.next()
        self.shown.beside(self._margin())

    def do_numbers(self) -> None:
        self._has_numbers = not self._has_numbers
        self.shown.beside(self._margin())

    def do_streams(self) -> None:
        following = _ONLY[(_ONLY.index(self.wanted.only) + 1) % len(_ONLY)]
        matches = self.window.matches
        self.wanted, self._words = replace(self.wanted, only=following), ""
        if self.detail is not None:
            self._words = matches.words if matches else ""
            self._open(self.detail)
