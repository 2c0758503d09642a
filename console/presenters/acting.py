"""What operators asked of runs, and notes on runs; a request with its changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from console.answers import ActionPreview, Note, Operation, Preview
from console.i18n import _
from console.presenters.durations import clock_time
from console.presenters.results import hosts_word, short_id
from console.presenters.text import Column, Line, Span, Table, Tone, line
from console.sentences import said
from core.domain.targets import fold

_MOST_CHARACTERS = 30


def action_word(action: str) -> str:
    """What somebody asked for; an action that this console does not know, as it is."""
    words = {
        "stop": _("stop"),
        "force_stop": _("force-stop"),
        "retry": _("retry"),
        "ignore": _("ignore failure"),
        "skip": _("skip"),
        "continue": _("continue"),
        "resolve": _("resolve"),
        "pause": _("pause"),
        "resume": _("resume"),
        "pause_before": _("pause before"),
        "fail": _("mark failed"),
        "choose_way": _("choose the path"),
        "rerun": _("rerun"),
        "roll_back": _("roll back"),
        "give_way": _("give way"),
        "keep_place": _("keep its place"),
    }
    return words.get(action, action)


def meaning(action: str) -> str:
    """What an action does, in a sentence; "" for one that this console does not know."""
    sentences = {
        "stop": _("What goes on is ended on its hosts, and that is verified; nothing more starts."),
        "force_stop": _(
            "The run ends without waiting any longer. Hosts whose work could not be shown to have"
            " ended become unknown: look there."
        ),
        "retry": _(
            "The step runs again with the definition and the values that it was started with, and"
            " then what follows it."
        ),
        "ignore": _("The failure counts no more: what follows starts, or the run ends."),
        "skip": _(
            "The step is left as it is, and what follows it starts. Hosts whose work could not be"
            " shown to have ended become unknown."
        ),
        "continue": _("The next batch starts."),
        "resolve": _("What is said is kept in the record with your name; what follows goes on."),
        "pause": _("What runs comes to its end; nothing more begins until the run is resumed."),
        "resume": _("The run goes on: what was held back begins."),
        "pause_before": _("When the run comes to this node, it pauses there."),
        "fail": _("It is ended on its hosts and has failed; what follows a failure begins."),
        "choose_way": _("The gateway leads there, and nowhere else."),
        "rerun": _("The node and all that follows it run anew, also where they had succeeded."),
        "roll_back": _("The steps that are named as `undo` run, the last thing first."),
    }
    return sentences.get(action, "")


def operations_table(operations: Sequence[Operation], now: datetime) -> Table:
    """What people asked of a run since its start, oldest first."""
    return Table(
        columns=(
            Column(_("AT")),
            Column(_("BY")),
            Column(_("ACTION")),
            Column(_("STEP")),
            Column(_("ATTEMPT"), right=True),
            Column(_("HOSTS")),
            Column(_("REASON"), elastic=True),
        ),
        rows=tuple(
            (
                Span(clock_time(each.at, now)),
                Span(each.actor),
                Span(action_word(each.action), Tone.STRONG),
                Span(each.step),
                Span(str(each.attempt) if each.attempt else ""),
                Span(_few(each.targets)),
                Span("  ".join(text for text in (said(each.change), said(each.reason)) if text)),
            )
            for each in operations
        ),
        empty=_("nobody asked anything of this run"),
    )


def _few(hosts: Sequence[str]) -> str:
    """The names of hosts where they fit into a column, else their number."""
    names = fold(hosts)
    return names if len(names) <= _MOST_CHARACTERS else hosts_word(len(hosts))


def notes_table(notes: Sequence[Note], now: datetime) -> Table:
    """Notes on a run, oldest first."""
    return Table(
        columns=(Column(_("AT")), Column(_("BY")), Column(_("NOTE"), elastic=True)),
        rows=tuple(
            (Span(clock_time(note.at, now)), Span(note.actor), Span(note.text)) for note in notes
        ),
        empty=_("the run has no notes"),
    )


def retry_lines(asked: Operation, left_out: Sequence[str]) -> list[Line]:
    """Which hosts run again, and which are left out because nobody knows how they ended."""
    head = _("attempt {number} of step {step}:").format(number=asked.attempt, step=asked.step)
    count = hosts_word(len(asked.targets))
    lines = [line(Span(f"{head} ", Tone.STRONG), f"{count}  {fold(asked.targets)}")]
    if left_out:
        text = _("left out, as how they ended is not known: {hosts}").format(hosts=fold(left_out))
        lines.append(line(Span(f"  {text}", Tone.WARNING)))
    return lines


def deed(action: str, run_id: str, found: ActionPreview) -> str:
    """What is about to happen, by verb and object: `retry step deploy on 3 hosts`."""
    about = found.about
    if about is None or not about.step:
        return _("{action}: run {id}").format(action=action_word(action), id=short_id(run_id))
    text = _("{action}: step {step}").format(action=action_word(action), step=about.step)
    return f"{text}, {hosts_word(about.count)}" if about.count else text


def foreseen_lines(action: str, found: ActionPreview) -> Iterator[Line]:
    """What an action ends and begins, step by step."""
    heads = {
        "roll_back": _("this undoes, one after the other:"),
        "rerun": _("this runs anew, also where it had succeeded:"),
        "choose_way": _("this begins, or may follow:"),
    }
    for head, nodes in (
        (_("this is ended on its hosts:"), found.ends),
        (heads.get(action, _("this begins, or may follow:")), found.begins),
    ):
        if nodes:
            yield line(Span(head, Tone.WARNING))
        for each in nodes:
            hosts = f"  {hosts_word(each.count)}  {each.hosts}" if each.count else ""
            yield line("  ", Span(each.step, Tone.STRONG), hosts)


def plan_lines(preview: Preview) -> list[Line]:
    """What a start would do, step by step."""
    lines = [line(Span(preview.title, Tone.STRONG))]
    lines += [
        line("  ", Span(step.step, Tone.STRONG), f"  {hosts_word(step.count)}  {step.folded}")
        for step in preview.steps
    ]
    return lines


def revision_lines(origin: str, revision: int) -> list[Line]:
    """That what an earlier run started has another revision by now; nothing where it has not."""
    then = origin.rpartition("@")[2]
    if then == str(revision):
        return []
    text = _("it has changed since: revision {then} then, {now} now")
    return [line(Span(text.format(then=then, now=revision), Tone.WARNING))]


def changed_request(
    before: Mapping[str, Any], changes: Mapping[str, Any], parameters: Mapping[str, str]
) -> dict[str, Any]:
    """A request with what flags say instead; variables, parameters and rules are added to."""
    request = dict(before)
    if "targets" in changes or "hosts" in changes:
        request.pop("targets", None)
        request.pop("hosts", None)
    request.update(changes)
    added = {name: changes.get(name) for name in ("env", "rolling")} | {"parameters": parameters}
    for field, more in added.items():
        if more:
            request[field] = {**(before.get(field) or {}), **more}
    return request
