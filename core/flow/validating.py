"""What stands against a saved flow by the documents of this moment, all of it at once. Pure.

A flow that was saved was sound by itself (`core.domain.flow.checking`). What it runs and where may
be gone or have changed since: another document's revision is no reason to touch this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.domain.flow import check_flow
from core.errors import OpsError, Problem
from core.flow import nesting, planning, works
from core.flow.definition import RunRequest


def problems(name: str, documents: planning.Documents) -> list[Problem]:
    """Every problem, each with its node where it has one. Raises NotFound where there is no such flow.

    Without values: what needs those of required parameters is not looked at.
    """
    spec, _revision = documents.flow(name)
    request = RunRequest(flow=name)
    found = [*check_flow(spec)]
    if not found:
        found += _refused(lambda: works.work_of(request, documents))
    if not found:
        found += _refused(
            lambda: nesting.freeze(request, works.work_of(request, documents), documents)
        )
    if not found and not any(parameter.required for parameter in spec.parameters):
        found += _refused(lambda: planning.resolve(request, documents))
    return found


def _refused(look: Callable[[], object]) -> Iterator[Problem]:
    try:
        look()
    except OpsError as error:
        yield from error.problems or [Problem(where="", what=error.message, hint=error.hint)]
