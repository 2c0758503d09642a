"""Work with a claim -> the program that takes the claim, or follows it, in one round trip.

The program (`claim.sh`) makes a folder named by the attempt with an atomic `mkdir`, and
starts a watcher (`watcher.sh`) in a session of its own that runs the work; or, where the
folder is there already, starts nothing. Either way it then follows the work's output to
its end, says how it ended, and keeps the claim until it is told that this is on record.

    stdout  noise  `jobdeck-T start 4711\n`  output  `jobdeck-T exit 0 17\n`  17 bytes of outputs
    stderr  noise  `jobdeck-T start\n`       output  `jobdeck-T end\n`

`start -` says that the work is over. In the place of `exit` stands `gone killed` or `gone
rebooted` when nobody watches and there is no status; in the place of `start` one of the
refusals below.

The same two carriers as without a claim (`core.executors.shell`), with one difference:
standard input stays open for the last word, so a program is read up to a line of its own.

Pure: values in, text out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from importlib import resources

from core.domain.quoting import is_plain_for_any_login_shell, quote_posix
from core.executors.framing import MAX_OUTPUTS_BYTES, mark_text
from core.executors.protocol import Claim, Position, Work
from core.executors.shell import READ_PROGRAM, Launch, check, exports, fitting, moving, public_ids

RECORDED = b"recorded\n"
"""What the program waits for at its end: the target may forget the claim."""


class Refusal(StrEnum):
    """Words in the place of `start`; words of the target may follow."""

    UNCLAIMED = "unclaimed"
    """No claim can be made there: nothing was started."""
    ABSENT = "absent"
    """Nothing was started, and never will be."""
    FENCED = "fenced"
    BLIND = "blind"
    """Whether there is a claim cannot be seen."""
    BROKEN = "broken"
    """The claim was cut short before it said who watches over it."""


def _one_line(file: str) -> str:
    lines = resources.files(__package__).joinpath(file).read_text("ascii").splitlines()
    return " ".join(line for line in lines if line and not line.startswith("#"))


_CLAIM = _one_line("claim.sh").replace("LIMIT", str(MAX_OUTPUTS_BYTES))
_BIRTH = _CLAIM[_CLAIM.index("jd_boot()") : _CLAIM.index("jd_live()")]
_WATCHER = f"{_BIRTH}{_one_line('watcher.sh')}"

_VISIT = f"{_CLAIM} jd_visit"
_START = f'{_CLAIM} jd_claim; jd_watch "$8" sh "$jd" "$9" sh </dev/null 2>/dev/null 3<&- | jd_first'


def compose_claimed(work: Work, claim: Claim, token: str, *, as_other_user: bool = False) -> Launch:
    """The launch of `work` under `claim`; as `core.executors.shell.compose`."""
    check(work)
    words = [token, work.attempt_id, claim.run_id, str(claim.epoch), claim.spool]
    at = claim.resume or Position()
    words += [str(at.out), str(at.err)]
    reader = f'eval "$(LC_ALL=C sed /^#{token}/q)"'
    request = f"exec /bin/sh -c '{reader}'"
    text = b""
    if not as_other_user and (argument := _as_argument(work, claim, words)):
        request = argument
    else:
        parts = ["cd 2>/dev/null || cd /\n"] if as_other_user else []
        parts.append(f"set -- {' '.join(map(quote_posix, words))}\n")
        parts += [_VISIT] if claim.resume is not None else _start(work, token)
        # The empty line is for a sed that reads one line ahead (BusyBox).
        text = f"{''.join(parts)}\n#{token}\n\n".encode("utf-8", "surrogateescape")
    return Launch(token, request, text, reader=reader, is_claimed=True)


def folder_of(work: Work, claim: Claim) -> str:
    """The claim's folder, as a word for /bin/sh."""
    spool = quote_posix(claim.spool) if claim.spool else '"$HOME"/.jobdeck'
    return f"{spool}/{quote_posix(work.attempt_id)}"


def _as_argument(work: Work, claim: Claim, words: Sequence[str]) -> str | None:
    """The request that holds the whole program, where that is safe."""
    if not all(map(is_plain_for_any_login_shell, words)):
        return None
    said = " ".join(f"'{word}'" for word in words)
    if claim.resume is not None:
        return f"exec /bin/sh -c '{_VISIT}' sh {said}"
    if (ids := public_ids(work)) is None:
        return None
    return fitting(
        f"exec env {ids}/bin/sh -c '{_START}' sh {said} '{_WATCHER}' '{work.program.text}'"
    )


def _start(work: Work, token: str) -> Iterable[str]:
    """The program for standard input. What holds the work's values goes to its shell through a
    pipe: it is in no argument list and in no file.
    """
    program, end = work.program, f"\n{mark_text(token)}\n"
    interpreter = quote_posix(program.interpreter) if program.interpreter is not None else None
    yield f"{_CLAIM}\n"
    if interpreter is not None:
        yield f"command -v {interpreter} >/dev/null 2>&1 || jd_no interpreter\n"
    yield "jd_claim\n"
    if interpreter is not None:
        yield f"cat >\"$jd/script\" 2>/dev/null <<'{mark_text(token)}' "
        yield f"|| jd_unmake there is no room for the script\n{program.text}{end}"
    watcher, reads = quote_posix(_WATCHER), quote_posix(READ_PROGRAM)
    yield f'jd_watch {watcher} sh "$jd" {reads} sh "$jd" '
    yield f"2>/dev/null 3<&- <<'{mark_text(token)}' | jd_first\nexec </dev/null\n"
    yield from exports(work.env)
    if work.collect_outputs:
        yield 'export JOBDECK_OUTPUT="$1/outputs"\n'
    if interpreter is not None:
        arguments = " ".join(quote_posix(word) for word in program.args)
        yield f'{moving(program)}exec {interpreter} "$1/script" {arguments}'
    else:
        yield f"set --\n{moving(program)}{program.text}"
    yield end
