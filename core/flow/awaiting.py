"""Which values of a step only the run brings: what a look ahead cannot know. Pure.

A step's environment holds what earlier steps set, and that is stronger than parameters and
variables of hosts. A dry run that took those would say something of another run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from core.domain.flow.nodes import Approval, Call, SetVariables
from core.domain.steps import HttpStep, PushStep, SqlStep, StepBase
from core.domain.steps.base import NodeBase, ProgramStep
from core.flow.definition import RunDefinition

_PLACE = re.compile(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_OURS = "JOBDECK_"
"""Begins names that nobody sets."""
_SET = re.compile(r"::set ([A-Za-z_][A-Za-z0-9_]*)=")


def awaited(definition: RunDefinition, step: StepBase) -> Mapping[str, str]:
    """Values that the step uses and that an earlier node sets -> the last node that does.

    What a program sets shows when it runs; here stands what nodes declare, and what their texts
    say in so many words. Whatever another job or flow may set is waited for.
    """
    fixed = {*step.env, *definition.env, *definition.secrets}
    uses, setters = _used(step), dict[str, str]()
    before = definition.graph.before(step.name)
    for earlier in definition.graph.nodes:
        if earlier.name in before:
            names = uses or () if isinstance(earlier, Call) else _set_by(definition, earlier)
            setters |= dict.fromkeys(names, earlier.name)
    return {
        name: setter
        for name, setter in setters.items()
        if name not in fixed and (uses is None or name in uses)
    }


def _used(step: StepBase) -> frozenset[str] | None:
    """Names that the step's own fields hold places for; None: any, as files hold places too."""
    if isinstance(step, PushStep) and step.template and step.text is None:
        return None
    body = json.dumps(step.model_dump(mode="json"), ensure_ascii=False)
    return frozenset(name for name in _PLACE.findall(body) if not name.startswith(_OURS))


def _set_by(definition: RunDefinition, node: NodeBase) -> Iterator[str]:
    match node:
        case SetVariables():
            yield from node.variables
        case Approval():
            yield from (field.name for field in node.form)
        case HttpStep() | SqlStep():
            yield from node.capture
        case ProgramStep():
            script = definition.scripts.get(node.name)
            body = script.text if script is not None else json.dumps(node.model_dump(mode="json"))
            yield from _SET.findall(body)
    if isinstance(node, StepBase):
        yield from node.host_outputs
