"""Documents from YAML files: what to send, and the file and line that every value came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from console.cli import attaching, options
from console.i18n import _, ngettext
from core.domain import documents, yamlsafe
from core.domain.yamlsafe import Located
from core.errors import Invalid, NotFound, Problem, RequestError

SUFFIXES = (".yaml", ".yml", ".json")

_STDIN = "stdin"
_STEP = re.compile(r'\w+|\["(?P<quoted>[^"]*)"\]|\[(?P<index>\d+)\]')
_BY_NUMBER = re.compile(r"documents\[(\d+)\]\.?")


@dataclass(frozen=True, slots=True)
class Source:
    """One document of a file, as plain values."""

    body: Any
    file: str
    located: Located
    contents: Mapping[str, Path] = field(default_factory=dict)
    """SHA-256 -> the file of this machine that the document attaches."""

    def place(self, where: str) -> str:
        """`hosts.yaml:12` for a place such as `spec.port`."""
        return f"{self.file}:{self.located.line_of(_path(where))}"

    def problem(self, found: Problem) -> Problem:
        """The same problem with its file and line."""
        where = f"{self.place(found.where)}: {found.where}".removesuffix(": ")
        return Problem(where=where, what=found.what, hint=found.hint)

    @property
    def folder(self) -> Path:
        """What relative paths in the document begin from."""
        return Path() if self.file == _STDIN else Path(self.file).expanduser().parent

    @property
    def key(self) -> tuple[str, str]:
        """Kind, in the singular, and name."""
        body = self.body if isinstance(self.body, dict) else {}
        kind = str(body.get("kind"))
        known = (item.name for item in documents.KINDS.values() if kind == item.plural)
        return next(known, kind), str(body.get("name"))


def _path(where: str) -> list[str | int]:
    """The steps of a place such as `spec.steps[1].env["a.b"]`; words behind a blank are none."""
    steps: list[str | int] = []
    for match in _STEP.finditer(where.partition(" ")[0]):
        if match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            steps.append(match[0] if match["quoted"] is None else match["quoted"])
    return steps


def read(places: Sequence[str]) -> list[Source]:
    """All documents of files, folders and stdin (`-`), checked; Invalid lists every problem."""
    found, problems = list[Source](), list[Problem]()
    for file in (file for place in places for file in _files(place)):
        for source in _documents(file):
            attached = attaching.attach(source.body, source.folder)
            whole = replace(source, body=attached.body, contents=attached.contents)
            problems += [whole.problem(each) for each in attached.problems] or _check(whole)
            found.append(whole)
    if not found:
        raise RequestError(
            _("-f: there is no document in {places}").format(places=", ".join(places))
        )
    problems += _twice(found)
    if problems:
        title = ngettext(
            "{count} problem; nothing was changed",
            "{count} problems; nothing was changed",
            len(problems),
        )
        raise Invalid(title.format(count=len(problems)), problems)
    return found


def located(error: Invalid, sources: Sequence[Source]) -> Invalid:
    """The engine's problems, which name documents by number or by name, with files and lines."""

    def place(problem: Problem) -> Problem:
        source, rest = _source_of(problem.where, sources)
        if source is None:
            return problem
        return source.problem(Problem(where=rest, what=problem.what, hint=problem.hint))

    return Invalid(error.message, [place(problem) for problem in error.problems], hint=error.hint)


def _source_of(where: str, sources: Sequence[Source]) -> tuple[Source | None, str]:
    """The document of `documents[3].spec.port` or `host/web01 spec.port`, and the place in it."""
    if match := _BY_NUMBER.match(where):
        index = int(match[1])
        return sources[index] if index < len(sources) else None, where[match.end() :]
    named, _blank, rest = where.partition(" ")
    found = [source for source in sources if "/".join(source.key) == named]
    return found[0] if found else None, rest


def _files(place: str) -> Iterator[str]:
    path = Path(place).expanduser()
    if place == "-" or not path.is_dir():
        yield place
        return
    files = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    if not files:
        raise options.refuse(
            "-f",
            _("{folder} has no YAML file").format(folder=place),
            _("files end in {suffixes}").format(suffixes=", ".join(SUFFIXES)),
        )
    yield from map(str, files)


def _documents(file: str) -> Iterator[Source]:
    text = options.read_text("-f", file)
    name = _STDIN if file == "-" else file
    try:
        for item in yamlsafe.load_all(text):
            yield Source(item.value, name, item)
    except Invalid as error:
        raise Invalid(
            _("{file} cannot be read").format(file=name),
            [_yaml_problem(name, problem) for problem in error.problems],
            hint=error.hint,
        ) from error


def _yaml_problem(file: str, problem: Problem) -> Problem:
    """`line 3, column 5` becomes `file:3:5`."""
    numbers = re.findall(r"\d+", problem.where)
    return Problem(where=":".join([file, *numbers]), what=problem.what, hint=problem.hint)


def _check(source: Source) -> Iterable[Problem]:
    try:
        documents.parse(source.body)
    except NotFound as error:
        yield source.problem(Problem(where="kind", what=error.message, hint=error.hint))
    except Invalid as error:
        if not error.problems:
            yield source.problem(Problem(where="", what=error.message, hint=error.hint))
        yield from map(source.problem, error.problems)


def _twice(sources: Sequence[Source]) -> Iterator[Problem]:
    first: dict[tuple[str, str], Source] = {}
    for source in sources:
        before = first.setdefault(source.key, source)
        if before is not source:
            what = _("{kind} {name} stands at {place} too").format(
                kind=source.key[0], name=source.key[1], place=before.place("name")
            )
            yield source.problem(Problem(where="name", what=what))
