"""Work -> program text for /bin/sh, and the request that starts it behind any login shell.

One wrapper, POSIX only (dash, bash, BusyBox ash, ksh), in two parts: the plain one
for a command line, and one with a private folder for scripts and outputs. It
prints marks (`core.executors.framing`), exports the environment and runs the work
with nothing on its standard input. The work's text is one quoted word given to
`eval`, or a file: an error in it is the work's error, never the wrapper's.

Two carriers:

    argument   the request holds everything: one round trip. Only for text that every
               login shell reads alike, and without any value that could be a secret.
    stdin      the request is only `eval "$(cat)"`; the text follows on standard input,
               so that nothing of it is in any argument list.

Names in the wrapper carry the attempt's random token: nothing of the work's can
collide with them, and nothing of them is left for the work to see.

Pure: values in, text out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from core.domain.envname import check_env_name
from core.domain.quoting import is_plain_for_any_login_shell, quote_posix
from core.domain.run import TargetCode
from core.domain.tasks import Program
from core.errors import Invalid, Problem
from core.executors.framing import MAX_OUTPUTS_BYTES
from core.executors.protocol import Stream, Work

MAX_ARGUMENT_BYTES = 32 << 10
"""Requests longer than this go through standard input; some servers refuse long ones."""

PUBLIC_PREFIX = "JOBDECK_"
"""Variables that Jobdeck sets itself: ids and names, no secrets."""

READ_PROGRAM = 'eval "$(cat)"'
"""Reads the program to its end before it runs: the work cannot eat its own text."""

STDIN_REQUEST = f"exec /bin/sh -c '{READ_PROGRAM}'"

# $1 is the token, $2 the command line. The work sees neither.
_RUN = (
    'exec </dev/null; echo "jobdeck-$1 start $$" || exit; '
    'echo "jobdeck-$1 start" >&2; eval "set --; $2"'
)

# `@` stands for the token. The folder is made under a random name by an atomic mkdir,
# which follows no link and fails where something is in its place.
_FOLDER = """\
jobdeck_@_refuse() { echo "jobdeck-@ refuse $1"; exit 125; }
for jobdeck_@ in "${TMPDIR:-/tmp}" /var/tmp "$HOME"; do
    jobdeck_@=$jobdeck_@/jobdeck-@
    (umask 077 && mkdir "$jobdeck_@") 2>/dev/null && break
    jobdeck_@=
done
[ "$jobdeck_@" ] || jobdeck_@_refuse folder
trap 'rm -rf "$jobdeck_@"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
"""

_SCRIPT = """\
(umask 077 && cat >"$jobdeck_@/script") 2>/dev/null <<'jobdeck-@' || jobdeck_@_refuse write
TEXT
jobdeck-@
command -v INTERPRETER >/dev/null 2>&1 || jobdeck_@_refuse interpreter
"""

# The wrapper's own standard error is closed while the work runs: shells report there
# how their children died.
_RUN_IN_FOLDER = """\
exec </dev/null
echo "jobdeck-@ start $$" || exit
echo "jobdeck-@ start" >&2
exec 3>&2 2>/dev/null
(CALL) 2>&3 3>&-
jobdeck_@_status=$?
"""

_OUTPUTS = """\
if [ -f "$jobdeck_@/outputs" ]; then
    jobdeck_@_size=$(wc -c <"$jobdeck_@/outputs")
    echo "jobdeck-@ outputs $((jobdeck_@_size))"
    [ $((jobdeck_@_size)) -gt LIMIT ] || cat "$jobdeck_@/outputs"
fi
"""

# ksh counts deaths by a signal from 256, everybody else from 128.
_EXIT = """\
[ "$jobdeck_@_status" -lt 256 ] || jobdeck_@_status=$((jobdeck_@_status - 128))
exit "$jobdeck_@_status"
"""

REFUSALS: Mapping[str, tuple[TargetCode, str]] = {
    "folder": (
        TargetCode.IO_FAILURE,
        "no temporary folder can be made there, in $TMPDIR or /tmp, /var/tmp or the home (full?)",
    ),
    "write": (
        TargetCode.IO_FAILURE,
        "the script could not be written to a temporary file there (is the disk full?)",
    ),
    "interpreter": (
        TargetCode.INTERPRETER_MISSING,
        "the interpreter {interpreter!r} is not installed there, or not on the account's PATH",
    ),
    "cwd": (TargetCode.IO_FAILURE, "the folder that it is to begin in is not there: {cwd}"),
    "start": (TargetCode.IO_FAILURE, "it could not be started there: {words}"),
}
"""Why the wrapper did not start the work: its word -> code and message."""


class Recoder(Protocol):
    """Takes a stream of the work as its host gives it; gives it in UTF-8."""

    def feed(self, data: bytes) -> bytes:
        """What `data` completes."""

    def finish(self) -> bytes:
        """What was held back when the stream ended."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What starts one program behind a login."""

    token: str
    request: str
    """The command line for the login shell."""
    text: bytes
    """For standard input; empty when the request holds everything."""
    reader: str = READ_PROGRAM
    """What a shell runs to read `text`."""
    collects: bool = False
    """The wrapper brings the work's outputs back."""
    is_claimed: bool = False
    """The program says itself how the work ended, and then waits for a line on standard input,
    which stays open for it."""
    takes_input: bool = False
    """More follows on standard input, which stays open."""
    recoders: Mapping[Stream, Recoder] = field(default_factory=dict)
    """Of streams that may not be UTF-8; all others stay byte for byte."""


def compose(work: Work, token: str, *, as_other_user: bool = False) -> Launch:
    """The launch of `work`; Invalid names what no shell can carry.

    `token` is random letters and digits. `as_other_user`: the program is read by a shell of
    another user's (see `core.executors.become`), whose home it then begins in.
    """
    check(work)
    if not as_other_user and (request := _as_argument(work, token)):
        return Launch(token, request, b"")
    lines = ["cd 2>/dev/null || cd /\n"] if as_other_user else []
    needs_folder = work.collect_outputs or work.program.interpreter is not None
    lines += (_with_folder if needs_folder else _plain)(work, token)
    text = "".join(lines).encode("utf-8", "surrogateescape")
    return Launch(token, STDIN_REQUEST, text, collects=work.collect_outputs)


def _as_argument(work: Work, token: str) -> str | None:
    """The request that holds the whole program, where that is safe."""
    if (ids := public_ids(work)) is None:
        return None
    return fitting(f"exec env {ids}/bin/sh -c '{_RUN}' sh {token} '{work.program.text}'")


def public_ids(work: Work) -> str | None:
    """Words for `env`; None when `work` must not, or cannot, stand in an argument of a request."""
    program = work.program
    if work.collect_outputs or program.interpreter is not None or program.cwd is not None:
        return None
    if any(not name.startswith(PUBLIC_PREFIX) for name in work.env):
        return None
    values = [f"{name}={value}" for name, value in work.env.items()]
    if not all(map(is_plain_for_any_login_shell, [*values, work.program.text])):
        return None
    # Plain words may stand between single quotes as they are, whatever the shell.
    return "".join(f"'{value}' " for value in values)


def fitting(request: str) -> str | None:
    """`request`, unless it is longer than some servers take."""
    return request if len(request) <= MAX_ARGUMENT_BYTES else None


def _plain(work: Work, token: str) -> Iterable[str]:
    yield from exports(work.env)
    yield f"set -- {token} {quote_posix(moving(work.program) + work.program.text)}\n"
    yield _RUN


def _with_folder(work: Work, token: str) -> Iterable[str]:
    program = work.program
    yield _fill(_FOLDER, token)
    yield from exports(work.env)
    if program.interpreter is not None:
        interpreter = quote_posix(program.interpreter)
        yield _fill(_SCRIPT, token, TEXT=program.text, INTERPRETER=interpreter)
        words = " ".join(quote_posix(word) for word in program.args)
        call = f'{moving(program)}{interpreter} "$jobdeck_{token}/script" {words}'
    else:
        call = f"eval {quote_posix('set --; ' + moving(program) + program.text)}"
    if work.collect_outputs:
        yield f'export JOBDECK_OUTPUT="$jobdeck_{token}/outputs"\n'
    yield _fill(_RUN_IN_FOLDER, token, CALL=call)
    if work.collect_outputs:
        yield _fill(_OUTPUTS, token, LIMIT=str(MAX_OUTPUTS_BYTES))
    yield _fill(_EXIT, token)


def moving(program: Program) -> str:
    """Shell text that goes to where the program begins; "" where that is the user's home."""
    return "" if program.cwd is None else f"cd -- {quote_posix(program.cwd)} || exit 1\n"


def exports(env: Mapping[str, str]) -> Iterable[str]:
    """Lines that put `env` into the environment."""
    return (f"export {name}={quote_posix(value)}\n" for name, value in env.items())


def _fill(template: str, token: str, **words: str) -> str:
    """`template` with its token and words; one pass, so that nothing in a word is replaced."""
    text = template.replace("@", token)
    for name, word in words.items():
        before, _, after = text.partition(name)
        text = before + word + after
    return text


def check(work: Work) -> None:
    """Invalid unless every text can be said to a POSIX shell."""
    program: Program = work.program
    texts = {"program": program.text, **{f"env.{name}": text for name, text in work.env.items()}}
    texts |= {f"args[{index}]": text for index, text in enumerate(program.args)}
    texts["interpreter"] = program.interpreter or ""
    texts["cwd"] = program.cwd or ""
    problems = [problem for where, text in texts.items() for problem in _text_problems(where, text)]
    for name in work.env:
        try:
            check_env_name(name)
        except ValueError as error:
            problems.append(Problem(where=f"env.{name}", what=str(error)))
    if problems:
        raise Invalid("the work cannot be sent to a shell", problems)


def _text_problems(where: str, text: str) -> Iterable[Problem]:
    if (at := text.find("\0")) >= 0:
        yield Problem(
            where=f"{where}, character {at + 1}",
            what="a NUL character cannot be sent to a shell",
            hint="encode the value, for example as base 64",
        )
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        yield Problem(
            where=f"{where}, character {error.start + 1}",
            what="half of a surrogate pair is not text",
        )
