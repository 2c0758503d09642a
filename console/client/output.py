"""What hosts printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from console import answers
from console.client import paths
from console.client.calls import MOST_ITEMS, Calls, Query, stopped

MOST_CHUNKS = 64
"""Chunks that one answer holds."""


class OutputCalls(Calls):
    """What hosts printed."""

    def groups(self, run_id: str, query: Query) -> answers.Groups:
        return self._get(answers.Groups, f"{paths.run(run_id)}/groups", query)

    def groups_diff(self, run_id: str, query: Query) -> answers.Diff:
        return self._get(answers.Diff, f"{paths.run(run_id)}/groups/diff", query)

    def compare_output(self, run_id: str, query: Query) -> answers.Diff:
        """One host's output in two runs; `query` takes with, host, step and rules."""
        return self._get(answers.Diff, f"{paths.run(run_id)}/comparison/output", query)

    def output(self, run_id: str, query: Query) -> Iterator[answers.Piece]:
        """One target's output from `offset` (0 when the query names none) to its present end."""
        asked = dict(query)
        while True:
            page = self._get(answers.OutputPage, f"{paths.run(run_id)}/output", asked)
            yield from page.pieces
            if page.next_offset in (None, asked.get("offset", 0)):
                return
            asked["offset"] = page.next_offset

    def output_page(self, run_id: str, query: Query) -> answers.OutputPage:
        """The beginning of one target's output, with how much of it there is no more."""
        return self._get(answers.OutputPage, f"{paths.run(run_id)}/output", {**query, "limit": 1})

    def raw_output(self, run_id: str, query: Query) -> Iterator[bytes]:
        """The exact bytes that one target wrote."""
        headers = {"Accept": "application/octet-stream"}
        with self._stream(f"{paths.run(run_id)}/output", query, headers) as response:
            yield from response.iter_bytes()

    def merged_output(self, run_id: str) -> Iterator[answers.StreamedPiece]:
        """What all hosts printed, in the order in which it arrived."""
        return self._all(
            answers.StreamedPiece, f"{paths.run(run_id)}/output/merged", {"limit": None}
        )

    def output_index(self, run_id: str, query: Query) -> answers.OutputIndex:
        """Which chunks hold an output; takes step, attempt, ordinal, streams, after and wait_s."""
        return self._get(answers.OutputIndex, f"{paths.run(run_id)}/output/index", query)

    def output_chunks(
        self, run_id: str, chunks: Sequence[int], streams: Sequence[str] = ()
    ) -> answers.OutputChunks:
        """What is in chunks that an index named; at most MOST_CHUNKS of them."""
        query = {"chunk": chunks, "streams": streams}
        return self._get(answers.OutputChunks, f"{paths.run(run_id)}/output/chunks", query)

    def output_matches(self, run_id: str, words: str, query: Query) -> answers.OutputMatches:
        """How often a text occurs in each chunk; takes step, attempt, ordinal, streams, after."""
        path = f"{paths.run(run_id)}/output/matches"
        return self._get(answers.OutputMatches, path, {**query, "q": words})

    def export(self, run_id: str, format_: str) -> Iterator[bytes]:
        """A run's whole output as one document: text, jsonl, html or zip."""
        with self._stream(f"{paths.run(run_id)}/export", {"format": format_}, {}) as response:
            yield from response.iter_bytes()

    def search(self, run_id: str, words: str) -> Iterator[answers.Match]:
        """Every target that printed these words, in the run's order."""
        return self._all(answers.Match, f"{paths.run(run_id)}/search", {"q": words})

    def search_all(self, query: Query, *, limit: int) -> list[answers.RunMatch]:
        """The newest `limit` matches of `q` in what any run printed; takes job, host and since."""
        asked = {**query, "limit": min(limit, MOST_ITEMS)}
        return list(islice(self._all(answers.RunMatch, "/search", asked), limit))

    def follow_output(
        self, run_id: str, after: str = "0"
    ) -> Iterator[tuple[str, answers.StreamedPiece]]:
        """Output of all targets as it arrives, each with its place, until the run's end.

        Raises as `follow_events` does when the engine goes before that. Asked again with the last
        place as `after`, it leaves nothing out and repeats nothing.
        """
        with self._events(f"{paths.run(run_id)}/output/stream", {"after": after}) as events:
            for event in events:
                if event.type == "end":
                    return
                if event.type == "output":
                    piece = self._decode_text(answers.StreamedPiece, event.data)
                    yield event.id, piece
        raise stopped()
