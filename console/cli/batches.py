"""A batch of documents: the plan first, a question where it deletes, then all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from console.answers import Applied
from console.cli.asking import confirms
from console.cli.attaching import bring
from console.cli.exit_codes import ExitCode
from console.cli.printing import err, out
from console.client import Client
from console.i18n import _
from console.presenters.changes import plan_lines
from console.presenters.text import Span, Tone
from core.errors import RequestError


def carry_out(
    client: Client,
    documents: Sequence[Mapping[str, Any]],
    *,
    dry_run: bool,
    prune: str | None = None,
    yes: bool = False,
    as_json: bool = False,
    contents: Mapping[str, Path] = MappingProxyType({}),
) -> int:
    """Show the plan, ask where it deletes, carry it out.

    `contents`: SHA-256 -> a file of this machine, which the engine is given where it lacks it.
    """
    plan = client.apply(documents, dry_run=True, prune=prune, coming=list(contents))
    if not as_json:
        out().lines(plan_lines(plan.changes))
    deletes = sum(change.action == "delete" for change in plan.changes)
    has_work = any(change.action != "unchanged" for change in plan.changes)
    if dry_run or not has_work:
        return _end(plan, as_json=as_json, note=_("dry run: nothing was changed"), shown=dry_run)
    if deletes and not yes and not confirms(_("Delete {count}?").format(count=deletes)):
        raise RequestError(
            _("not confirmed; nothing was changed"), hint=_("--yes deletes without asking")
        )
    bring(client, contents)
    done = client.apply(documents, dry_run=False, prune=prune)
    return _end(done, as_json=as_json, note=_("applied"), shown=True)


def _end(plan: Applied, *, as_json: bool, note: str, shown: bool) -> int:
    if as_json:
        out().json(msgspec.to_builtins(plan))
    elif shown:
        err().print(Span(note, Tone.QUIET))
    return ExitCode.OK
