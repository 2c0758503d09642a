"""What the expressions of a flow speak of: the names that there are, and mistakes about them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from core.domain import expressions
from core.domain.expressions import UNKNOWN, Kind, Shape, list_of, map_of, one_of
from core.domain.flow.document import FlowSpec
from core.domain.flow.draft import Draft
from core.domain.flow.nodes import Approval, End, ForEach, Loop, Nested, Notify, SetVariables, Wait
from core.domain.job import Parameter, ParameterType
from core.errors import Problem

_ANY = map_of({}, is_open=True)
_HOST = map_of(
    {
        "name": one_of(Kind.STRING),
        "step": one_of(Kind.STRING),
        "state": one_of(Kind.STRING),
        "code": one_of(Kind.STRING),
        "exit_code": UNKNOWN,
        "outputs": _ANY,
    }
)
_NODE = map_of(
    {
        "state": one_of(Kind.STRING),
        "attempt": one_of(Kind.NUMBER),
        "outputs": _ANY,
        "total": one_of(Kind.NUMBER),
        "succeeded": one_of(Kind.NUMBER),
        "failed": one_of(Kind.NUMBER),
        "hosts": list_of(_HOST),
    }
)
_PARAMETERS = {
    ParameterType.STRING: one_of(Kind.STRING),
    ParameterType.CHOICE: one_of(Kind.STRING),
    ParameterType.TARGETS: one_of(Kind.STRING),
    ParameterType.NUMBER: one_of(Kind.NUMBER),
    ParameterType.BOOL: one_of(Kind.BOOL),
    ParameterType.LIST: list_of(UNKNOWN),
    ParameterType.MAP: _ANY,
    ParameterType.SECRET: UNKNOWN,
}


def names_known(spec: FlowSpec) -> dict[str, Shape]:
    """What expressions of the flow may speak of, and of which kinds it is."""
    return _names_known(spec.parameters, [node.name for node in spec.nodes])


def _names_known(
    parameters: Sequence[Parameter] | None, nodes: Collection[str]
) -> dict[str, Shape]:
    known = {each.name: _PARAMETERS[each.type] for each in parameters or ()}
    return {
        "params": map_of(known, is_open=parameters is None),
        "vars": _ANY,
        "nodes": map_of(dict.fromkeys(nodes, _NODE), is_open="" in nodes),
        "run": map_of({"id": one_of(Kind.STRING), "title": one_of(Kind.STRING)}),
        "hosts": list_of(_HOST),
        "now": one_of(Kind.TIME),
    }


_EVENT = map_of(
    {
        "type": one_of(Kind.STRING),
        "subject": one_of(Kind.STRING),
        "actor": one_of(Kind.STRING),
        "at": one_of(Kind.STRING),
        "data": _ANY,
    }
)
_ROUND = {"round": one_of(Kind.NUMBER), "last": _ANY}


def mistakes(draft: Draft) -> Iterator[Problem]:
    """Names and kinds in expressions, as far as they can be known before a start."""
    known = _names_known(draft.parameters, dict(draft.nodes).keys())
    for index, (name, node) in enumerate(draft.nodes):
        where = f"spec.nodes[{index}]"
        for place, text, more, wanted in _expressions(node):
            for mistake in expressions.check(text, known | more, wanted):
                yield _mistaken(f"{where}.{place} ({name})", text, mistake)
        for place, text, more in _templates(node):
            for mistake in expressions.check_template(text, known | more):
                yield _mistaken(f"{where}.{place} ({name})", text, mistake)
    for where, edge in draft.edges:
        if edge.condition is not None:
            for mistake in expressions.check(edge.condition, known, Kind.BOOL):
                yield _mistaken(where, edge.condition, mistake)


def _mistaken(where: str, text: str, mistake: expressions.Mistake) -> Problem:
    return Problem(where=where, what=f"`{text}`: {mistake.what}", hint=mistake.hint)


Said = Iterator[tuple[str, str, dict[str, Shape]]]
"""(field, text, names that it may speak of besides the rest)"""


def _expressions(node: Any) -> Iterator[tuple[str, str, dict[str, Shape], Kind | None]]:
    """As `Said`, and the kind that the value has to be."""
    match node:
        case SetVariables():
            for name, text in node.variables.items():
                yield f"variables.{name}", text, {}, None
        case Wait():
            if node.until is not None:
                yield "until", node.until, {}, Kind.TIME
            if node.event is not None:
                yield "event", node.event, {"event": _EVENT}, Kind.BOOL
        case ForEach() if node.items is not None:
            yield "items", node.items, {}, Kind.LIST
        case Loop():
            if node.repeat_while is not None:
                yield "repeat_while", node.repeat_while, _ROUND, Kind.BOOL
            if node.repeat_until is not None:
                yield "repeat_until", node.repeat_until, _ROUND, Kind.BOOL
        case _:
            return


def _templates(node: Any) -> Said:
    match node:
        case Approval():
            yield "message", node.message, {}
        case Notify():
            yield "subject", node.subject, {}
            yield "body", node.body, {}
        case End() if node.message is not None:
            yield "message", node.message, {}
        case Nested():
            more: dict[str, Shape] = {}
            if isinstance(node, ForEach):
                more = {node.item: UNKNOWN}
            elif isinstance(node, Loop):
                more = _ROUND
            for name, value in node.parameters.items():
                if isinstance(value, str):
                    yield f"parameters.{name}", value, more
        case _:
            return
