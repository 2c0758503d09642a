"""Starting work: a saved job or flow with its parameters, or one command; told and confirmed first."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from console.answers import Document, RunStarted
from console.i18n import _
from console.plain.consent import Fields, agreed
from console.plain.pages import SHOWN, Choice, Desk, Opener, Page, part_of
from console.plain.places import runs
from console.plain.voice import Back, Voice
from console.presenters.acting import plan_lines
from console.presenters.plans import warning_lines
from console.presenters.results import hosts_word, short_id

KINDS = ("job", "flow")


def listed(start: int = 0) -> Opener:
    """Jobs and flows; choosing one starts it, after it was asked what it needs."""

    def page(desk: Desk) -> Page:
        saved = [each for kind in KINDS for each in desk.client.documents(kind)]
        shown, has_more = part_of(saved, start)
        return Page(
            title=_("start a job or a flow"),
            entries=[Choice(_name(each), _starts(each)) for each in shown],
            empty=_("there is no job and no flow; `jobdeck help documents` shows some"),
            first=start + 1,
            more=listed(start + SHOWN) if has_more else None,
        )

    return page


def _name(document: Document) -> str:
    about = document.spec.get("description")
    return f"{document.name}: {about}" if about else document.name


def _starts(document: Document) -> Callable[[Desk], Opener]:
    def does(desk: Desk) -> Opener:
        voice, spec = desk.voice, document.spec
        voice.say(_name(document))
        parameters = [
            (each["name"], value)
            for each in spec.get("parameters", ())
            if (value := _parameter(voice, each)) != ""
        ]
        request = {document.kind: document.name, "parameters": dict(parameters)}
        return start(desk, {**request, **_targets(desk, str(spec.get("targets") or ""))})

    return does


def command(desk: Desk) -> Opener:
    """A command, and where it is to run."""
    text = desk.voice.required(_("command"))
    step = {"kind": "command", "name": "command", "command": text}
    return start(desk, {"step": step, **_targets(desk, "")})


def start(desk: Desk, request: Mapping[str, Any]) -> Opener:
    """Tell what a start would do, ask, and do it; the page of the run."""
    voice = desk.voice
    preview = desk.client.preview(request)
    voice.say(_("this would start:"), *plan_lines(preview))
    if preview.seed:
        request = {**request, "seed": preview.seed}
    if not voice.confirms(_("Start it on {hosts}?").format(hosts=hosts_word(preview.hosts))):
        voice.say(_("not confirmed; nothing was started"))
        raise Back

    def ask_engine(fields: Fields) -> RunStarted:
        # A key of its own for each request that differs: a lost answer never starts a second run.
        return desk.client.start(fields, secrets.token_hex(16))

    run = agreed(voice, ask_engine, request)
    voice.say(*warning_lines(run.warnings), _("started run {id}").format(id=short_id(run.id)))
    return runs.one(run.id)


def _parameter(voice: Voice, declared: Mapping[str, Any]) -> str:
    """A parameter's value as it is typed; "" leaves it to its default."""
    name, about = declared["name"], declared.get("description") or ""
    if about:
        voice.say(f"{name}: {about}")
    if choices := declared.get("choices"):
        voice.say(_("one of: {words}").format(words=", ".join(choices)))
    if declared.get("type") == "secret":
        return voice.secret(name)
    if declared.get("required"):
        return voice.required(name)
    default = declared.get("default")
    return voice.value(name, "" if default is None else str(default))


def _targets(desk: Desk, usual: str) -> dict[str, str]:
    """Where: an expression, told with the hosts that it stands for until somebody agrees."""
    voice = desk.voice
    while True:
        asked = _("on which hosts, such as all or role=web")
        expression = voice.value(asked, usual) if usual else voice.required(asked)
        found = desk.client.resolve(expression)
        voice.say(f"{hosts_word(found.count)}: {found.folded}" if found.count else hosts_word(0))
        if found.count:
            return {} if expression == usual else {"targets": expression}
