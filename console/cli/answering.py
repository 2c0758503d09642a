"""What the engine demands of a person, asked at the terminal; where nobody is there, not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.cli.asking import ask, secret
from console.cli.printing import err
from console.cli.settings import may_ask
from console.demands import (
    ChangeNumber,
    Demand,
    HostCount,
    Rules,
    SecretsAgain,
    WhichStep,
    demanded,
)
from console.i18n import _
from console.presenters.demands import demand_lines
from core.errors import RequestError


def answered(
    error: RequestError, request: Mapping[str, Any], secrets: Mapping[str, str]
) -> Mapping[str, Any]:
    """The fields that a person adds to the request that was refused, secrets among them.

    The error itself where nobody can be asked, or where asking would not help.
    """
    demand = demanded(error, request, secrets)
    if demand is None or not may_ask():
        raise error
    err().lines(demand_lines(demand))
    return _answer(demand)


def _answer(demand: Demand) -> Mapping[str, Any]:
    match demand:
        case HostCount():
            if ask(_("Type the number of hosts to go on:")) != str(demand.hosts):
                raise RequestError(_("not confirmed; nothing was started"))
            return demand.fields()
        case Rules():
            for rule in demand.rules:
                if ask(_("Type {rule} to go on:").format(rule=rule)) != rule:
                    raise RequestError(_("not acknowledged; nothing was started"))
            return demand.fields()
        case ChangeNumber():
            number = ask(_("Change number:"))
            if not number:
                raise RequestError(_("not confirmed; nothing was started"))
            return demand.fields(number)
        case WhichStep():
            name = ask(_("Which step?"))
            if name not in demand.names:
                raise RequestError(_("not confirmed; nothing was started"))
            return demand.fields(name)
        case SecretsAgain():
            return {"secrets": {name: secret(name) for name in demand.names}}
