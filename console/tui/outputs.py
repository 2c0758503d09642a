"""What the view of an output asks the engine for, beside the output itself; blocks."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from console.answers import RunDetail, Target
from console.client import Client
from console.client.output import MOST_CHUNKS
from console.i18n import _
from console.logs.chunks import Piece, Who
from console.logs.wanted import EVERY_STEP, Wanted
from console.logs.whole import whole_lines
from console.newfile import write_new
from console.outputlines import piece_bytes
from console.presenters import states
from core.errors import EnvironmentFault, NotFound

LAST = "last"


def find_run(client: Client, wanted: Wanted) -> RunDetail:
    """The run by its id, the beginning of it, or as the last one that was started."""
    if wanted.run != LAST:
        return client.run(wanted.run)
    newest = client.runs({}, limit=1)
    if not newest:
        raise NotFound("run", LAST)
    return client.run(newest[0].id)


def targets_of(client: Client, run: RunDetail, wanted: Wanted) -> list[Target]:
    """The newest attempt of each host that is named, or of the only one that there is."""
    step = {} if wanted.step == EVERY_STEP else {"step": wanted.step}
    if not wanted.hosts:
        return list(client.targets(run.id, step))[-1:] if run.target_count == 1 else []
    found = []
    for host in wanted.hosts:
        targets = list(client.targets(run.id, {**step, "host": host}))
        if not targets:
            raise NotFound("target", host)
        found.append(targets[-1])
    return found


def failed_after(client: Client, run_id: str, host: str) -> Target | None:
    """The next target after a host's that did not succeed; after the last one the first again."""
    failed = list(client.targets(run_id, {"state": states.FAILED}))
    at = max((at for at, target in enumerate(failed) if target.host == host), default=-1)
    following = [*failed[at + 1 :], *failed[: at + 1]]
    return next((target for target in following if target.host != host), None)


def save(
    client: Client, run_id: str, numbers: Sequence[int], *, only: str, names: bool, path: str
) -> int:
    """Write the lines of these chunks to a new file; how many bytes that were.

    `only`: of one stream; `names`: each line begins with its host.
    """
    lines = whole_lines(_chunks(client, run_id, numbers, only), names=names)
    return write_new(Path(path).expanduser(), lines)


@contextmanager
def new_file() -> Iterator[str]:
    """A path in a folder of its own, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="jobdeck-") as folder:
        yield str(Path(folder) / "output.txt")


def show_in_pager(path: str) -> None:
    """Show a file in $PAGER until it is left."""
    pager = os.environ.get("PAGER") or "less"
    try:
        subprocess.run([*shlex.split(pager), path], check=False)
    except (OSError, ValueError) as error:
        raise EnvironmentFault(
            _("the pager {name} cannot be started: {reason}").format(name=pager, reason=error),
            hint=_("PAGER names the program"),
        ) from error


def _chunks(
    client: Client, run_id: str, numbers: Sequence[int], only: str
) -> Iterator[tuple[Who, list[Piece]]]:
    streams = [only] if only else []
    for start in range(0, len(numbers), MOST_CHUNKS):
        answer = client.output_chunks(run_id, numbers[start : start + MOST_CHUNKS], streams)
        whos = {
            each.target: Who(each.host, each.ordinal, each.step, each.attempt)
            for each in answer.targets
        }
        for chunk in answer.chunks:
            yield (
                whos[chunk.target],
                [Piece(each.stream, each.at, piece_bytes(each)) for each in chunk.pieces],
            )
