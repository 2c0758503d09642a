"""What the engine asks for before it does something, asked of a person: a number, a rule, a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from console.i18n import _
from console.plain.voice import Back, Voice
from console.presenters.results import hosts_word
from console.sentences import said
from core.errors import AcknowledgementRequired, ConfirmationRequired, Invalid

_R = TypeVar("_R")

Fields = Mapping[str, Any]
_SECRETS = "secrets."


def agreed(voice: Voice, ask: Callable[[Fields], _R], fields: Fields) -> _R:
    """Ask the engine, with what it wants to have said besides. Raises Back where a person says no."""
    while True:
        try:
            return ask(fields)
        except ConfirmationRequired as wanted:
            if "confirm_hosts" in fields:
                raise
            fields = {**fields, "confirm_hosts": _hosts(voice, wanted)}
        except AcknowledgementRequired as wanted:
            given = tuple(fields.get("acknowledge") or ())
            if set(wanted.rules) <= set(given):
                raise
            fields = {**fields, "acknowledge": [*given, *_rules(voice, wanted)]}
        except Invalid as wanted:
            known = fields.get("secrets") or {}
            missing = [name for name in _secrets(wanted) if name not in known]
            if not missing:
                raise
            typed = {name: voice.secret(name) for name in missing}
            fields = {**fields, "secrets": {**known, **typed}}


def _hosts(voice: Voice, wanted: ConfirmationRequired) -> int:
    voice.say(_("This would touch {hosts}:").format(hosts=hosts_word(wanted.hosts)))
    for environment, hosts in wanted.touched.items():
        name = (
            _("environment {name}").format(name=environment) if environment else _("no environment")
        )
        voice.say(f"{name}: {hosts}")
    if voice.value(_("Type the number of hosts to go on")) != str(wanted.hosts):
        voice.say(_("not confirmed; nothing was started"))
        raise Back
    return wanted.hosts


def _rules(voice: Voice, wanted: AcknowledgementRequired) -> list[str]:
    for problem in wanted.problems:
        voice.say(f"{problem.where}: {said(problem.what)}")
    for rule in wanted.rules:
        if voice.value(_("Type {rule} to go on").format(rule=rule)) != rule:
            voice.say(_("not acknowledged; nothing was started"))
            raise Back
    return list(wanted.rules)


def _secrets(wanted: Invalid) -> list[str]:
    """Names of the secrets that a refusal asks for."""
    wheres = [problem.where for problem in wanted.problems]
    return [where.removeprefix(_SECRETS) for where in wheres if where.startswith(_SECRETS)]
