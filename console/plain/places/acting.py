"""Asking something of a run: what it needs to know, what would come of it, and then the deed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from console.actions import registry
from console.answers import RunDetail
from console.i18n import _
from console.plain.consent import Fields, agreed
from console.plain.pages import Desk
from console.plain.voice import Back, Voice
from console.presenters.acting import action_word, foreseen_lines
from console.presenters.results import short_id
from core.domain.run import RunAction

Ask = Callable[[Voice], Any]


def act(run: RunDetail, action: str) -> Callable[[Desk], None]:
    """Carry out an action that the engine says is legal now."""

    def does(desk: Desk) -> None:
        voice = desk.voice
        fields: dict[str, Any] = {}
        for field, ask in _QUESTIONS.get(action, {}).items():
            if (given := ask(voice)) not in ("", None):
                fields[field] = given
        if (known := registry().get(f"run.{action}")) is not None:
            voice.say(known.help)
        voice.say(*foreseen_lines(action, desk.client.preview_action(run.id, action, **fields)))
        question = _("{action} run {id}?")
        if not voice.confirms(question.format(action=action_word(action), id=short_id(run.id))):
            voice.say(_("not confirmed; nothing was changed"))
            raise Back
        fields["reason"] = voice.value(_("reason, or Enter for none"))

        def ask_engine(said: Fields) -> None:
            desk.client.act(run.id, action, **said)

        agreed(voice, ask_engine, fields)
        voice.say(_("asked: {deed}").format(deed=action_word(action)))

    return does


def _step(voice: Voice) -> str:
    return voice.value(_("step, or Enter for the only one it can be"))


def _node(voice: Voice) -> str:
    return voice.required(_("step or node"))


def _scope(voice: Voice) -> str:
    return _one_of(
        voice,
        _("hosts: failed, not_started or all"),
        ("failed", "not_started", "all"),
    )


def _verdict(voice: Voice) -> str:
    return _one_of(
        voice,
        _("how they ended: success, failed, or look to ask the hosts again"),
        ("success", "failed", "look"),
    )


def _one_of(voice: Voice, question: str, words: tuple[str, ...]) -> str:
    while (answer := voice.value(question, words[0])) not in words:
        voice.say(_("one of: {words}").format(words=", ".join(words)))
    return answer


_QUESTIONS: Mapping[str, Mapping[str, Ask]] = {
    RunAction.RETRY: {"step": _step, "scope": _scope},
    RunAction.IGNORE: {"step": _step},
    RunAction.SKIP: {"step": _step},
    RunAction.CONTINUE: {"step": _step},
    RunAction.RESOLVE: {"step": _step, "verdict": _verdict},
    RunAction.PAUSE_BEFORE: {"step": _node},
    RunAction.FAIL: {"step": _step},
    RunAction.CHOOSE_WAY: {"step": _step, "to": _node},
    RunAction.RERUN: {"step": _step},
    RunAction.ROLL_BACK: {},
}
"""Action -> field -> how it is asked for; an answer that is empty is not sent."""
