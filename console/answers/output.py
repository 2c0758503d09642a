"""What hosts printed: alike, piece by piece, and found again."""

from __future__ import annotations

from console.answers.base import Answer


class Sample(Answer, frozen=True, kw_only=True):
    """The output of one host, standing for its group."""

    host: str
    ordinal: int
    text: str = ""
    truncated: bool = False


class Group(Answer, frozen=True, kw_only=True):
    """Targets with the same state, exit code and (normalised) output."""

    state: str
    count: int
    hosts: str
    """Folded: `web[01-40]`."""
    resolved_by: str = ""
    exit_code: int | None = None
    reason: str = ""
    digest: str = ""
    ordinals: list[int] = []
    sample: Sample | None = None


class Groups(Answer, frozen=True, kw_only=True):
    """All groups of one attempt of one step."""

    step: str
    attempt: int
    groups: list[Group]
    rules: dict[str, bool] = {}


class DiffLine(Answer, frozen=True, kw_only=True):
    """A line of a diff: `same`, `removed` or `added`."""

    kind: str
    text: str


class Diff(Answer, frozen=True, kw_only=True):
    """The lines in which two groups differ."""

    lines: list[DiffLine]
    truncated: bool = False


class Piece(Answer, frozen=True, kw_only=True):
    """Consecutive output of one stream of one host; bytes that are no text come as base64."""

    offset: int
    stream: str
    at: str = ""
    text: str | None = None
    base64: str | None = None


class OutputPage(Answer, frozen=True, kw_only=True):
    """A part of one target's output."""

    pieces: list[Piece]
    next_offset: int | None = None
    size_bytes: int = 0
    dropped_bytes: int = 0
    removed_bytes: int = 0


class StreamedPiece(Piece, frozen=True, kw_only=True):
    """New output of any target of a run."""

    host: str
    step: str
    attempt: int
    ordinal: int


class OfTarget(Answer, frozen=True, kw_only=True):
    """Whose output a chunk is."""

    target: int
    host: str
    ordinal: int
    step: str
    attempt: int


class ChunkPlace(Answer, frozen=True, kw_only=True):
    """A chunk of output, without its bytes."""

    chunk: int
    target: int
    at: str
    size_bytes: int
    lines: int
    """That begin in it."""
    continues: bool = False
    """Whether it begins within a line of the chunk before."""


class OutputIndex(Answer, frozen=True, kw_only=True):
    """Chunks in the order of arrival, and whose they are."""

    items: list[ChunkPlace]
    targets: list[OfTarget]
    next: int
    more: bool = False
    ended: bool = False
    """Whether the run has ended: nothing is added to its output."""


class ChunkPieces(Answer, frozen=True, kw_only=True):
    """What is in a chunk."""

    chunk: int
    target: int
    pieces: list[Piece]


class OutputChunks(Answer, frozen=True, kw_only=True):
    """Chunks that were asked for; one that is gone is left out."""

    chunks: list[ChunkPieces]
    targets: list[OfTarget]


class ChunkMatches(Answer, frozen=True, kw_only=True):
    """How often a text occurs in a chunk."""

    chunk: int
    count: int


class OutputMatches(Answer, frozen=True, kw_only=True):
    """Chunks in which a text occurs; `more`: there is output that was not looked at yet."""

    items: list[ChunkMatches]
    next: int
    more: bool = False


class Match(Answer, frozen=True, kw_only=True):
    """A line of output that a search found."""

    host: str
    ordinal: int
    step: str
    line: int
    text: str


class RunMatch(Match, frozen=True, kw_only=True):
    """A line of output that a search of all runs found."""

    run: str
