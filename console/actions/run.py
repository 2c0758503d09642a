"""Actions of one run: what may be asked of it now, and the panes that show it."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, Call, may, something
from console.i18n import _

PANES = ("nodes", "hosts", "groups", "graph", "executed", "batches", "record")
"""Panes in the order of their tabs; each has an action that opens it."""


def actions() -> Iterator[Action]:
    yield from _asked()
    yield from _panes()
    yield from _beside()


def _asked() -> Iterator[Action]:
    """What the engine lets be asked of a run, what most often helps first."""
    for name, key, title, text, cli in (
        (
            "resolve",
            "u",
            _("resolve unknown"),
            _("Says how hosts ended of which that is unknown, or has them asked again."),
            "resolve {name} --look",
        ),
        (
            "retry",
            "r",
            _("retry"),
            _("Runs a step again on the marked hosts, or on those that failed."),
            "retry {name}",
        ),
        (
            "continue",
            "c",
            _("next batch"),
            _("Lets the next batch of a rolling step start."),
            "continue {name}",
        ),
        (
            "choose_way",
            "w",
            _("choose the path"),
            _("Says where a gateway leads that found no way itself."),
            "choose-way {name} {step} --to NODE",
        ),
        (
            "resume",
            "P",
            _("resume"),
            _("Lets a run that was paused go on."),
            "resume {name}",
        ),
        (
            "stop",
            "s",
            _("stop"),
            _("Ends what goes on, verifies that, and starts nothing more."),
            "stop {name}",
        ),
        (
            "force_stop",
            "S",
            _("force the stop"),
            _("Ends a run whose stop hangs; what cannot be verified becomes unknown."),
            "force-stop {name}",
        ),
        (
            "ignore",
            "i",
            _("ignore the failure"),
            _("Lets a step's failure count no more: what follows it starts."),
            "ignore {name} --step {step}",
        ),
        (
            "skip",
            "K",
            _("skip"),
            _("Leaves a step that waits or hangs, and starts what follows it."),
            "skip {name} --step {step}",
        ),
        (
            "pause",
            "p",
            _("pause"),
            _("Lets what runs come to its end, and begins nothing more."),
            "pause {name}",
        ),
        (
            "pause_before",
            "b",
            _("pause before it"),
            _("Has the run pause when it comes to this node, or takes that back."),
            "pause-before {name} {step}",
        ),
        (
            "fail",
            "F",
            _("mark failed"),
            _("Ends a step that is under way: it has failed."),
            "fail {name} {step}",
        ),
        (
            "rerun",
            "R",
            _("rerun from here"),
            _("Runs a node and all that follows it anew, on all of their hosts."),
            "rerun {name} {step}",
        ),
        (
            "roll_back",
            "U",
            _("roll back"),
            _("Undoes what the run did, the last thing first."),
            "roll-back {name}",
        ),
    ):
        yield Action(
            id=f"run.{name}",
            title=title,
            help=text,
            keys=(key,),
            when=may(name),
            changes=True,
            dangerous=True,
            cli=f"jobdeck runs {cli}",
            call=Call(method="POST", path="/runs/{name}/actions", body={"action": name}),
        )


def _panes() -> Iterator[Action]:
    for name, key, title, text in (
        ("nodes", "n", _("steps"), _("Shows the steps or nodes of the run, and how each stands.")),
        ("hosts", "h", _("hosts"), _("Shows how each host of the step answered.")),
        ("groups", "e", _("identical output"), _("Puts hosts together that answered alike.")),
        ("graph", "d", _("drawing"), _("Draws the flow with the states of its nodes.")),
        (
            "executed",
            "x",
            _("what really ran"),
            _("Shows the command, the user and the variables, without secrets."),
        ),
        ("batches", "t", _("batches"), _("Shows the batches of the rolling steps.")),
        (
            "record",
            "v",
            _("record"),
            _("Shows what was asked for, what people did since, rules that it met, and notes."),
        ),
    ):
        yield Action(id=f"run.{name}", title=title, help=text, keys=(key,))
    for name, key, title in (
        ("next_pane", "tab", _("next pane")),
        ("previous_pane", "shift+tab", _("pane before")),
    ):
        text = _("Changes to the pane beside this one.")
        yield Action(id=f"run.{name}", title=title, help=text, keys=(key,), shown=False)


def _beside() -> Iterator[Action]:
    yield Action(
        id="run.output",
        title=_("output"),
        help=_("Opens what the host under the cursor printed, or all of them."),
        keys=("o",),
        when=something,
        cli="jobdeck runs output {name} {host}",
    )
    yield Action(
        id="run.again",
        title=_("run again"),
        help=_("Opens the same request, ready to be changed and started."),
        keys=("a",),
        when=something,
        changes=True,
        cli="jobdeck runs again {name}",
    )
    yield Action(
        id="run.compare",
        title=_("compare"),
        help=_("Shows in what the run differs from another one, host by host."),
        keys=("=",),
        when=something,
        cli="jobdeck runs compare {name} OTHER",
    )
    yield Action(
        id="run.note",
        title=_("note"),
        help=_("Leaves a note on the run, for those who look at it later."),
        keys=("N",),
        when=something,
        changes=True,
        cli="jobdeck runs note {name} TEXT",
        call=Call(method="POST", path="/runs/{name}/notes", body={"text": "TEXT"}),
    )
    yield Action(
        id="run.move",
        title=_("change its priority"),
        help=_("Moves a run that waits in the queue forward or back."),
        keys=("m",),
        when=lambda subject: subject.state == "queued",
        changes=True,
        cli="jobdeck queue move {name} PRIORITY",
        call=Call(method="POST", path="/queue/{name}/move", body={"priority": "PRIORITY"}),
    )
