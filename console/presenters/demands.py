"""What the engine demands before it does something, as lines above the question."""

from __future__ import annotations

from collections.abc import Iterator

from console.demands import ChangeNumber, Demand, HostCount, Rules, SecretsAgain, WhichStep
from console.i18n import _
from console.presenters.results import hosts_word
from console.presenters.text import Line, Span, Tone, line
from console.sentences import said


def demand_lines(demand: Demand) -> Iterator[Line]:
    """Why it asks, with everything that a person has to know to answer."""
    match demand:
        case HostCount():
            yield line(_("This would touch {hosts}:").format(hosts=hosts_word(demand.hosts)))
            for environment, hosts in demand.touched.items():
                name = (
                    _("environment {name}").format(name=environment)
                    if environment
                    else _("no environment")
                )
                yield line("  ", Span(name, Tone.STRONG), f"  {hosts}")
        case Rules():
            for problem in demand.problems:
                yield line(Span("! ", Tone.WARNING), f"{problem.where}: {said(problem.what)}")
        case ChangeNumber():
            text = _("A guard rail asks under which change number this is done ({pattern}).")
            yield line(text.format(pattern=demand.pattern))
        case WhichStep():
            names = ", ".join(demand.names)
            yield line(_("More than one step can be meant: {names}").format(names=names))
        case SecretsAgain():
            yield line(_("It needs the secrets that it was started with: they were erased."))
