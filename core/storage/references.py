"""References between documents: what must hold when a batch of changes is written. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from core.domain.documents import KINDS, Document, Reference
from core.domain.files.contents import KIND
from core.errors import Problem, nearest
from core.storage.document_rows import Key

_MOST_HINTS = 20
"""Looking for the nearest of many names takes milliseconds; a long list needs no more of them."""

_HINTS = {KIND: "`jobdeck contents add FILE` brings it"}


def references_of(document: Document) -> list[Reference]:
    """Every place in a document that names another one."""
    return list(KINDS[document.kind].references(document.spec))


def missing(
    batch: Sequence[Document],
    exists: Collection[Key],
    names_of: Callable[[str], Sequence[str]],
) -> Iterator[tuple[Document, Problem]]:
    """A problem for each reference of `batch` to what is not among `exists`.

    `names_of(kind)` are the names that a hint may suggest.
    """
    hints = 0
    for document in batch:
        for reference in references_of(document):
            if (reference.kind, reference.name) in exists:
                continue
            hints += 1
            near = nearest(reference.name, names_of(reference.kind)) if hints <= _MOST_HINTS else ""
            what = f"{reference.kind} {reference.name!r} does not exist"
            hint = f"did you mean {near!r}?" if near else _HINTS.get(reference.kind, "")
            yield document, Problem(where=reference.where, what=what, hint=hint)


def cycle(edges: Mapping[str, Collection[str]]) -> list[str]:
    """Names that lead in a circle, the first again at the end; empty when nothing does."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]
    return []
