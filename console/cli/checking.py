"""`jobdeck check`: which rules for dangerous commands something meets, before anybody runs it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli import options, sources
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.client import Client
from console.i18n import _, ngettext
from console.presenters.dangers import found_lines, rules_table
from console.presenters.text import Span, Tone
from core.domain import document_dangers
from core.domain.command_rules import (
    BUILTIN,
    CommandText,
    Hit,
    Language,
    Level,
    judge,
    language_of,
)
from core.domain.document_dangers import Shells, WrittenRules
from core.domain.documents import Document, parse
from core.errors import NotFound, RequestError

app = family()

_SUFFIXES = {
    ".sh": Language.SH,
    ".bash": Language.SH,
    ".cmd": Language.CMD,
    ".bat": Language.CMD,
    ".ps1": Language.POWERSHELL,
    ".sql": Language.SQL,
    ".py": Language.OTHER,
    ".pl": Language.OTHER,
}
_SHEBANG = re.compile(r"#!\s*(?:\S*/env\s+(?:-\S+\s+)*)?(\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A hit, and where people find the text."""

    place: str
    """`jobs.yaml:12 spec.steps[0].command`, or the name of a file."""
    hit: Hit
    line: str
    """The line of the text that it is in."""


@command(
    app,
    "check",
    _(
        "Look for dangerous commands, without running anything.\n\n"
        "A file needs no engine: a script, or YAML documents; - is a script from stdin. Anything"
        " else is the name of a saved job or flow. The built-in rules are asked, those among the documents"
        " and those of --rules; for what is saved the engine's own. Ends with 1 where a start must"
        " acknowledge something, with 2 where it would be refused."
    ),
    """
jobdeck check deploy.sh cleanup.sql
jobdeck check jobs/ --rules rules.yaml
jobdeck check nightly-cleanup
jobdeck check --list
""",
)
def check(
    what: Annotated[list[str] | None, typer.Argument(metavar="FILE|JOB|-...")] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option("--rules", metavar="FILE|DIR", help=_("rules in YAML; may be repeated")),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option("--language", metavar="NAME", help=_("of scripts: sh, cmd, powershell, sql")),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help=_("list the built-in rules, and check nothing"))
    ] = False,
    as_json: Json = False,
) -> int:
    chosen = None if language is None else options.one_of("--language", language, list(Language))
    options.exclusive({"FILE|JOB": bool(what), "--list": listed})
    if listed:
        return _list(as_json=as_json)
    if not what:
        raise RequestError(
            _("nothing says what to check"), hint=_("jobdeck check FILE, or the name of a job")
        )
    given = [parse(source.body) for source in sources.read(rules)] if rules else []
    found: list[Found] = []
    for each in what:
        if each == "-" or Path(each).expanduser().exists():
            found += _of_place(each, given, chosen)
        elif re.search(r"[/\\]|\.\w+$", each):
            raise RequestError(_("{path} does not exist").format(path=each))
        else:
            found += _of_job(each, given)
    _show(found, as_json=as_json)
    return _exit_code(found)


def _of_place(place: str, given: Sequence[Document], language: str | None) -> Iterator[Found]:
    path = Path(place).expanduser()
    if place != "-" and (path.is_dir() or path.suffix in sources.SUFFIXES):
        read = sources.read([place])
        documents = [parse(source.body) for source in read]
        known = _known([*given, *documents])
        shells = document_dangers.shells_among(documents)
        for source, document in zip(read, documents, strict=True):
            for hit, line in _hits(document, known, shells):
                yield Found(place=f"{source.place(hit.where)} {hit.where}", hit=hit, line=line)
        return
    text = options.read_text("FILE", place)
    source_text = CommandText(language=_language(path, text, language), text=text)
    for hit in judge(source_text, _known(given).rules):
        yield Found(place="stdin" if place == "-" else place, hit=hit, line=_line(text, hit))


def _of_job(name: str, given: Sequence[Document]) -> Iterator[Found]:
    """A saved job or flow and the scripts that it uses, by the engine's rules."""
    with engine() as client:
        job = _named(client, name)
        steps = (step for _place, step, _targets in document_dangers.steps_of(job.spec))
        used = [use for step in steps if (use := step.script_used()) is not None]
        scripts = [_document(client.document("script", u.name, u.revision)) for u in used]
        rules = [_document(found) for found in client.documents("command-rule")]
        named = [_document(found) for kind in ("host", "group") for found in client.documents(kind)]
    known = _known([*rules, *given])
    shells = document_dangers.shells_among(named)
    for document in (job, *scripts):
        for hit, line in _hits(document, known, shells):
            yield Found(place=f"{document.kind}/{document.name} {hit.where}", hit=hit, line=line)


def _named(client: Client, name: str) -> Document:
    """The saved job of that name, or else the flow."""
    try:
        return _document(client.document("job", name))
    except RequestError as missing:
        if missing.code != NotFound.code:
            raise
        with suppress(RequestError):
            return _document(client.document("flow", name))
        raise


def _document(found: Any) -> Document:
    parts = {name: getattr(found, name) for name in ("kind", "name", "labels", "spec")}
    return parse(parts)


def _known(documents: Iterable[Document]) -> WrittenRules:
    return document_dangers.rules(
        {each.name: each.spec for each in documents if each.kind == "command-rule"}
    )


def _hits(document: Document, known: WrittenRules, shells: Shells) -> Iterator[tuple[Hit, str]]:
    written = {each.judged.where: each.judged for each in document_dangers.texts(document)}
    for hit in document_dangers.find(document, known, shells):
        judged = written[hit.where]
        text = judged.text if isinstance(judged, CommandText) else judged.path
        yield hit, _line(text, hit)


def _line(text: str, hit: Hit) -> str:
    lines = text.split("\n")
    return lines[hit.line - 1] if hit.line <= len(lines) else ""


def _language(path: Path, text: str, chosen: str | None) -> Language:
    """As the flag says, the `#!` line, the name of the file; else sh."""
    if chosen is not None:
        return Language(chosen)
    if match := _SHEBANG.match(text):
        return language_of(match[1])
    return _SUFFIXES.get(path.suffix.lower(), Language.SH)


def _show(found: Sequence[Found], *, as_json: bool) -> None:
    if as_json:
        dangers = [{"place": each.place, **asdict(each.hit)} for each in found]
        out().json({"dangers": dangers})
        return
    for each in found:
        out().lines(found_lines(each.place, each.hit, each.line))
    if not found:
        err().print(Span(_("no rule is met"), Tone.QUIET))
        return
    count = ngettext("{count} rule is met", "{count} rules are met", len(found))
    err().print(Span(count.format(count=len(found)), Tone.QUIET))


def _exit_code(found: Sequence[Found]) -> int:
    levels = {each.hit.level for each in found}
    if Level.BLOCK in levels:
        return ExitCode.REFUSED
    return ExitCode.FAILED if levels & {Level.CONFIRM, Level.REVIEW} else ExitCode.OK


def _list(*, as_json: bool) -> int:
    if as_json:
        out().json(
            [
                {"name": rule.name, "level": rule.level, "message": rule.message}
                for rule in BUILTIN.values()
            ]
        )
    else:
        out().table(rules_table(list(BUILTIN.values())))
    return ExitCode.OK
