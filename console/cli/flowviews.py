"""`jobdeck flow` for those who write flows: validate them, look at them, draw them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from console.answers import Remark
from console.cli import drawing, options, sources
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.i18n import _, ngettext
from console.presenters.flows import edges_of, graph_table, head_table, problem_lines
from console.presenters.text import Span, Tone
from core.domain.documents import Document, parse
from core.domain.flow import FlowSpec
from core.errors import Invalid, RequestError
from core.flow.graph import Graph

app = family()

FlowPlace = Annotated[str | None, typer.Argument(metavar="FLOW|FILE")]


@command(
    app,
    "validate",
    _(
        "Say everything that is wrong with flows, each with its node and a way to mend it.\n\n"
        "A file needs no engine: YAML documents, a folder of them, - for stdin. Anything else is the"
        " name of a saved flow, which is held against the documents of now: what its nodes run, and"
        " where. Ends with 2 where anything is wrong."
    ),
    """
jobdeck flow validate deploy.yaml
jobdeck flow validate rolling-deploy
""",
)
def validate(
    what: Annotated[list[str] | None, typer.Argument(metavar="FLOW|FILE...")] = None,
    as_json: Json = False,
) -> int:
    if not what:
        raise RequestError(_("{flag} is missing").format(flag="FLOW|FILE"), hint="FILE, -, NAME")
    problems = [problem for each in what for problem in _problems(each)]
    if as_json:
        out().json({"valid": not problems, "problems": msgspec.to_builtins(problems)})
    elif problems:
        out().lines(problem_lines(problems))
        text = ngettext("{count} problem", "{count} problems", len(problems))
        err().print(Span(text.format(count=len(problems)), Tone.BAD))
    else:
        err().print(Span(_("nothing is wrong"), Tone.GOOD))
    return ExitCode.REFUSED if problems else ExitCode.OK


def _problems(what: str) -> list[Remark]:
    if not _is_place(what):
        with engine() as client:
            return client.flow_problems(what).problems
    try:
        found = sources.read([what])
    except Invalid as error:
        return [
            Remark(where=each.where, what=each.what, hint=each.hint) for each in error.problems
        ] or [Remark(where=what, what=error.message, hint=error.hint)]
    if not any(source.key[0] == "flow" for source in found):
        raise RequestError(_("there is no flow in {path}").format(path=what))
    return []


@command(
    app,
    "show",
    _("Show a flow: its nodes in the order of the way, and where each leads on which condition."),
    "jobdeck flow show rolling-deploy",
)
def show(
    flow: FlowPlace = None,
    revision: Annotated[
        str | None, typer.Option("--revision", metavar="N", help=_("this revision"))
    ] = None,
    as_json: Json = False,
) -> None:
    number = options.whole("--revision", revision, 1)
    document, saved = _document(flow, number)
    spec = _spec(document)
    if as_json:
        out().json({**document.body(), "revision": saved, "wires": edges_of(spec)})
        return
    out().table(head_table(document.name, saved, spec))
    out().print("")
    out().table(graph_table(spec))


@command(
    app,
    "graph",
    _(
        "Draw a flow for other programs: Mermaid for documents, DOT for Graphviz.\n\n"
        "With --run it is the flow as that run froze it, and nodes are coloured by how they went."
    ),
    """
jobdeck flow graph rolling-deploy
jobdeck flow graph --run last --format dot | dot -Tsvg > run.svg
""",
)
def graph(
    flow: FlowPlace = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help=_("a run, instead of a flow"))
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help=_("mermaid (default) or dot"))
    ] = None,
) -> None:
    options.exclusive({"FLOW|FILE": flow is not None, "--run": run is not None})
    chosen = options.one_of("--format", form or drawing.FORMATS[0], drawing.FORMATS)
    if run is None:
        spec = _spec(_document(flow, None)[0])
        drawing.write(Graph(nodes=spec.nodes, edges=spec.wires), None, chosen)
        return
    with engine() as client:
        drawn, states = drawing.of_run(client, run)
    drawing.write(drawn, states, chosen)


def _is_place(what: str) -> bool:
    return what == "-" or Path(what).suffix in sources.SUFFIXES or Path(what).expanduser().exists()


def _document(what: str | None, revision: int | None) -> tuple[Document, int | None]:
    """A flow and its revision; None: it stands in a file."""
    if what is None:
        raise RequestError(_("{flag} is missing").format(flag="FLOW|FILE"), hint="FILE, -, NAME")
    if not _is_place(what):
        with engine() as client:
            found = client.document("flow", what, revision)
        body = {name: getattr(found, name) for name in ("kind", "name", "labels", "spec")}
        return parse(body), found.revision
    flows = [source.body for source in sources.read([what]) if source.key[0] == "flow"]
    if len(flows) != 1:
        text = ngettext("{count} flow is in {path}", "{count} flows are in {path}", len(flows))
        raise RequestError(
            text.format(count=len(flows), path=what), hint=_("one at a time: a file with one flow")
        )
    return parse(flows[0]), None


def _spec(document: Document) -> FlowSpec:
    assert isinstance(document.spec, FlowSpec)
    return document.spec
