"""Finding a text in output: the same with an index, without one, and with one that is behind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from core.errors import Invalid
from core.storage import output_search
from core.storage.chunks import CHUNK_BYTES
from core.storage.output_search import Found, RunsFilter, search_all, search_run
from core.storage.store import Store
from tests.support.outputs import add_run, piece, put, wait_for_index

RUN = "0" * 25 + "R"

pytestmark = pytest.mark.usefixtures("_index")


def noise(size: int) -> bytes:
    """Bytes that do not compress, the same every time."""
    return hashlib.shake_256(b"noise").digest(size)


@pytest.fixture(params=["indexed", "read"])
def _index(request: pytest.FixtureRequest, store: Store) -> None:
    if request.param == "indexed":
        store.indexer.start()


@pytest.fixture
def ready(request: pytest.FixtureRequest, store: Store, _index: None) -> Callable[[], None]:
    """Waits until an index, where there is one, has come to everything."""
    started = request.node.callspec.params["_index"] == "indexed"
    return (lambda: wait_for_index(store)) if started else (lambda: None)


@pytest.fixture
def targets(store: Store) -> list[int]:
    """Three targets of one run."""
    return add_run(store, RUN, ["web0", "web1", "web2"])


@pytest.fixture
def find(store: Store, ready: Callable[[], None]) -> Callable[..., list[Found]]:
    def search(text: str, limit: int = 10, after: int = 0) -> list[Found]:
        ready()
        page = store.reader.read_now(
            lambda c: search_run(c, store.indexer, RUN, text, limit=limit, after=after)
        )
        return list(page.items)

    return search


Find = Callable[..., list[Found]]


def hosts(found: list[Found]) -> list[str]:
    return [item.host for item in found]


def test_a_text_is_found_in_any_case_and_with_its_line(
    store: Store, targets: list[int], find: Find
) -> None:
    put(store, RUN, 1, [piece(b"all is well\r\nDisk FULL on /var\r\nbye\n")])
    put(store, RUN, 2, [piece("Größe: STRASSE\n".encode(), "err")])
    (found,) = find("disk full")
    assert (found.host, found.step, found.stream) == ("web0", "main", "out")
    assert (found.line, found.line_number) == ("Disk FULL on /var", 2)
    (found,) = find("straße")
    assert (found.host, found.stream, found.line) == ("web1", "err", "Größe: STRASSE")
    assert find("nowhere") == []


@pytest.mark.parametrize("text", ["磁盘", "盘", "满了", "q", "已满", "ok"])
def test_short_words_are_found_too(store: Store, targets: list[int], find: Find, text: str) -> None:
    put(store, RUN, 1, [piece("磁盘已满了 q OK".encode())])
    put(store, RUN, 2, [piece(b"nothing here but \xe7\xa3 half a letter and s\xc5\x8d on")])
    assert hosts(find(text)) == ["web0"]


def test_a_text_is_found_across_chunks_and_across_the_other_stream(
    store: Store, targets: list[int], find: Find
) -> None:
    put(store, RUN, 1, [piece(b"x" * (CHUNK_BYTES - 3) + b"needle" + b"y" * 100)])
    put(store, RUN, 2, [piece(b"nee"), piece(b"noise", "err"), piece(b"dle")])
    put(store, RUN, 3, [piece(b"nee"), piece(b"dle", "err")])
    assert hosts(find("needle")) == ["web0", "web1"]


def test_a_text_longer_than_what_is_kept_beside_a_chunk_is_found(
    store: Store, targets: list[int], find: Find
) -> None:
    long = "".join(f"{n:04}," for n in range(200))
    for letter in "start\n" + long + "\nend":
        put(store, RUN, 1, [piece(letter.encode())])
    put(store, RUN, 2, [piece(long[1:].encode())])
    (found,) = find(long)
    assert (found.host, found.line_number) == ("web0", 2)


def test_a_letter_that_lies_across_chunks_is_read_as_one(
    store: Store, targets: list[int], find: Find
) -> None:
    text = "日本語".encode()
    put(store, RUN, 1, [piece(b"x" * (CHUNK_BYTES - 1) + text)])
    put(store, RUN, 2, [piece(b"\xff\xfe\x80 binary \x00")])
    assert hosts(find("本")) == ["web0"]
    assert hosts(find("binary \x00")) == ["web1"]


def test_of_two_streams_the_one_that_had_it_first_is_shown(
    store: Store, targets: list[int], find: Find
) -> None:
    put(store, RUN, 1, [piece(b"a\n"), piece(b"x needle\n", "err"), piece(b"b needle\n")])
    (found,) = find("needle")
    assert (found.stream, found.line) == ("err", "x needle")


def test_a_search_stops_at_its_limit_and_goes_on_behind_it(
    store: Store, targets: list[int], find: Find
) -> None:
    for target in targets:
        put(store, RUN, target, [piece(b"same\n"), piece(noise(CHUNK_BYTES * 2))])
    assert hosts(find("same", 2)) == ["web0", "web1"]
    assert hosts(find("same", 2, after=2)) == ["web2"]


def test_a_long_line_is_shown_around_the_match(
    store: Store, targets: list[int], find: Find
) -> None:
    put(store, RUN, 1, [piece(b"a" * 1000 + b"NEEDLE" + b"b" * 1000)])
    (found,) = find("needle", 1)
    assert found.line == "a" * 60 + "NEEDLE" + "b" * 134


def test_a_match_knows_its_target_and_the_number_of_its_line(
    store: Store, targets: list[int], find: Find
) -> None:
    put(store, RUN, 2, [piece(b"line\n" * 40_000), piece(b"noise\n", "err"), piece(b"a needle\n")])
    (found,) = find("needle", 1)
    assert (found.host, found.ordinal, found.line_number) == ("web1", 1, 40_001)


def test_looking_for_nothing_is_refused(find: Find) -> None:
    with pytest.raises(Invalid, match="no text"):
        find("")


def test_a_search_that_has_read_enough_says_how_to_go_on(
    store: Store, targets: list[int], ready: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_search, "LOOKED_BYTES", 1)
    for target in targets:
        put(store, RUN, target, [piece(b"almost the word\n")])
    put(store, RUN, 3, [piece(b"the needle\n")])
    ready()
    found, pages, after = list[Found](), 0, 0
    while True:
        page = store.reader.read_now(
            lambda c, after=after: search_run(  # type: ignore[misc]
                c, store.indexer, RUN, "the needle", limit=10, after=after
            )
        )
        found += page.items
        pages += 1
        if page.position is None:
            break
        after = page.position
    assert hosts(found) == ["web2"]
    assert pages > 1


# --- across runs ----------------------------------------------------------------------------


def everywhere(store: Store, text: str, limit: int = 100, **where: str) -> list[tuple[str, str]]:
    """Run and line of all that is found, asked for page by page."""
    found, before = [], None
    while True:
        page = store.reader.read_now(
            lambda c, before=before: search_all(  # type: ignore[misc]
                c, store.indexer, text, RunsFilter(**where), limit=limit, before=before
            )
        )
        assert len(page.items) <= limit
        found += [(item.run_id[-1], item.host, item.line) for item in page.items]
        if page.position is None:
            return found
        before = page.position


@pytest.fixture
def three_runs(store: Store) -> None:
    for number, job in enumerate(["backup", "", "backup"]):
        run_id = f"{number:026}"
        for target, host in zip(
            add_run(store, run_id, ["web0", "db0"], job=job), ["web0", "db0"], strict=True
        ):
            put(store, run_id, target, [piece(f"first, disk full on {host}\n".encode())])
            put(store, run_id, target, [piece(f"again, disk full on {host}\n".encode())])
    put(store, f"{0:026}", 1, [piece(b"late: disk FULL\n")])


@pytest.mark.usefixtures("three_runs")
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_all_runs_are_searched_newest_output_first_and_each_host_shown_once(
    store: Store, ready: Callable[[], None], limit: int
) -> None:
    ready()
    assert everywhere(store, "disk full", limit) == [
        ("0", "web0", "late: disk FULL"),
        ("2", "db0", "again, disk full on db0"),
        ("2", "web0", "again, disk full on web0"),
        ("1", "db0", "again, disk full on db0"),
        ("1", "web0", "again, disk full on web0"),
        ("0", "db0", "again, disk full on db0"),
    ]


@pytest.mark.usefixtures("three_runs")
def test_a_search_is_narrowed_to_a_job_a_host_and_a_time(
    store: Store, ready: Callable[[], None]
) -> None:
    ready()
    assert [run for run, *_ in everywhere(store, "full", origin="backup", host="db0")] == ["2", "0"]
    assert [run for run, *_ in everywhere(store, "full", origin="adhoc")] == ["1", "1"]
    assert everywhere(store, "full", since="2027") == []
