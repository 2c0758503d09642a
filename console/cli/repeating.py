"""`jobdeck runs again`: a run like an earlier one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from console.cli import options, starting, watching
from console.cli.flaggroups import gathered
from console.cli.helping import command, family
from console.cli.printing import err
from console.cli.rolling import BatchFlags
from console.cli.runs import RunId, find
from console.cli.settings import engine
from console.cli.starting import Detach, Parameter, RequestFlags, ShowFlags
from console.client import Client
from console.i18n import _
from console.presenters import acting

app = family()


@command(
    app,
    "again",
    _(
        "Start a run like an earlier one.\n\n"
        "It means the documents of now: a job's current revision, the hosts that its expression"
        " matches. Flags change what they name; -p and --env add to what was given then. Secrets"
        " are asked for."
    ),
    """
jobdeck runs again last
jobdeck runs again 01KAAAAAAA -p version=1.4.3 --hosts web[01-03]
""",
)
@gathered
def again(
    run: RunId,
    parameter: Parameter = None,
    *,
    given: RequestFlags,
    batches: BatchFlags,
    detach: Detach = False,
    show: ShowFlags,
) -> int:
    changes, view = given.request(batches), show.view()
    parameters = options.values("-p", parameter)
    with engine() as client:
        before = client.run_request(find(client, run))
        request = acting.changed_request(before.request, changes, parameters)
        request = _with_secrets(client, request, before.secrets, parameters)
        if view not in (watching.QUIET, watching.JSON):
            if (saved := _saved(request)) is not None:
                revision = client.document(*saved).revision
                err().lines(acting.revision_lines(before.origin, revision))
            err().lines(acting.plan_lines(client.preview(request)))
        return starting.go(client, request, view=view, detach=detach, outputs=show.per_host)


def _with_secrets(
    client: Client, request: dict[str, Any], names: Sequence[str], given: Mapping[str, str]
) -> dict[str, Any]:
    """The request with every secret that the run before was given, typed by a person."""
    saved = _saved(request)
    declared = {} if saved is None else starting.secret_parameters(client, *saved)
    wanted = [name for name, required in declared.items() if required or name in names]
    parameters = starting.typed_secrets(name for name in wanted if name not in given)
    others = starting.typed_secrets(name for name in names if name not in declared)
    if parameters:
        request = {**request, "parameters": {**request.get("parameters", {}), **parameters}}
    return {**request, "secrets": others} if others else request


def _saved(request: Mapping[str, Any]) -> tuple[str, str] | None:
    """Kind and name of the document that is run; None where it is none."""
    return next(((kind, request[kind]) for kind in ("job", "flow") if kind in request), None)
