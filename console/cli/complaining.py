"""Errors as people read them: one message, its places, what to try; then the exit code.

Every message goes to stderr and begins with `error:`; nothing else does.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

import typer

from console.cli.exit_codes import ExitCode, of_error
from console.cli.printing import err
from console.i18n import _
from console.presenters.errors import complaint_lines, error_lines
from console.presenters.text import Span, Tone
from core.errors import OpsError


def about(error: OpsError) -> int:
    """Say what was wrong and return the exit code that fits."""
    err().lines(error_lines(error))
    return of_error(error)


def about_usage(error: typer.TyperException) -> int:
    """A command line that Typer cannot read; RequestError covers the rest."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        err().write(error.format_message() + "\n")
        return ExitCode.REFUSED
    tell = _USAGE.get(type(error).__name__, _other)
    message, hint = tell(error)
    if not hint and context is not None:
        hint = f"`{_path(context)} --help`"
    _say(message, hint)
    return ExitCode.REFUSED


def about_output(error: OSError) -> int:
    """stdout leads to a file that cannot be written."""
    message = _("the output cannot be written: {reason}").format(reason=error.strerror)
    _say(message, _("check space and permissions"))
    return ExitCode.ENVIRONMENT


def about_bytes(argument: str) -> int:
    """An argument that is no text, where only text can go to the engine."""
    shown = argument.encode("utf-8", "replace").decode("utf-8")
    message = _("this is no text in UTF-8: {argument}").format(argument=shown)
    _say(message, _("write it in UTF-8, or rename the file"))
    return ExitCode.REFUSED


def about_bug(error: Exception) -> int:
    """Something that nobody foresaw: everything that helps to find it."""
    screen = err()
    for line in traceback.format_exception(error):
        for part in line.rstrip().splitlines():
            screen.print(Span(part, Tone.QUIET))
    _say(
        _("this is a mistake in Jobdeck: {what}").format(what=f"{type(error).__name__}: {error}"),
        _("please report it, with the lines above"),
    )
    return ExitCode.BUG


def warn(message: str) -> None:
    """Something that people should know though the command goes on."""
    err().print(Span(_("warning: "), Tone.WARNING), message)


def _say(message: str, hint: str) -> None:
    err().lines(complaint_lines(message, hint))


def _path(context: Any) -> str:
    return str(context.command_path)


def _flag(error: Any) -> str:
    """The flag or argument that an error is about, as it is written."""
    param = error.param
    if param is None:
        return ""
    if param.param_type_name == "argument":
        return str(param.metavar).rstrip(".")
    return max(param.opts, key=len, default="")


def _no_such_option(error: Any) -> tuple[str, str]:
    message = _("{flag} is not an option").format(flag=error.option_name)
    near = list(error.possibilities or ())  # the nearest first
    return message, _("did you mean {flag}?").format(flag=near[0]) if near else ""


def _missing(error: Any) -> tuple[str, str]:
    return _("{flag} is missing").format(flag=_flag(error)), ""


def _bad_value(error: Any) -> tuple[str, str]:
    flag = _flag(error)
    return (f"{flag}: {error.message}" if flag else error.message), ""


def _bad_use(error: Any) -> tuple[str, str]:
    if error.message.endswith("does not take a value."):
        return _("{flag} takes no value").format(flag=error.option_name), ""
    return _("{flag} needs a value").format(flag=error.option_name), ""


def _other(error: Any) -> tuple[str, str]:
    message = error.format_message()
    _before, found, extra = message.partition("unexpected extra argument(s) (")
    if not found:
        return message, ""
    words = extra.rstrip(")")
    takes_files = any("-f" in param.opts for param in error.ctx.command.params)
    flags = " ".join(f"-f {word}" for word in words.split())
    hint = _("did you mean {flag}?").format(flag=flags) if takes_files else ""
    return _("unexpected argument: {words}").format(words=words), hint


_USAGE: Mapping[str, Callable[[Any], tuple[str, str]]] = {
    "NoSuchOption": _no_such_option,
    "MissingParameter": _missing,
    "BadParameter": _bad_value,
    "BadOptionUsage": _bad_use,
}
"""By name of Typer's own exceptions, most of which it does not publish."""
