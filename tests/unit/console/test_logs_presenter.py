"""What is said of an output: the line below it, the host, and where there is nothing."""

from __future__ import annotations

import pytest

from console.answers import Target
from console.presenters.logs import Stand, host_line, nothing_lines, stand_line
from console.presenters.text import plain


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "en")


def target(state: str, **fields: object) -> Target:
    given = {"step": "main", "attempt": 1, "ordinal": 0, "host": "web1", "state": state, **fields}
    return Target(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stand", "said"),
    [
        (Stand(line=12, lines=1000, size_bytes=68_000), " line 12/1,000   68 KB"),
        (
            Stand(line=1, lines=2, size_bytes=3, words="err", match=3, matches=128, follows=True),
            " line 1/2   /err  3/128   following   3 B",
        ),
        (
            Stand(line=1, lines=2, size_bytes=3, words="err", matches=7, is_counted=False),
            " line 1/2   /err  -/7+   3 B",
        ),
        (
            Stand(line=1, lines=2, size_bytes=3, words="err", is_counted=False),
            " line 1/2   /err  looking ...   3 B",
        ),
        (
            Stand(line=1, lines=2, size_bytes=3, words="err", only="err", marked=2),
            " line 1/2   /err  no match   only standard error   * 2 marked   3 B",
        ),
    ],
)
def test_the_line_below(stand: Stand, said: str) -> None:
    assert plain(stand_line(stand)) == said


def test_a_host_is_named_with_how_it_ended() -> None:
    assert plain(host_line(target("failed", exit_code=3))) == "web1  ✗ failed  exit 3"
    cut = plain(host_line(target("success", exit_code=0, dropped_bytes=5000)))
    assert cut.endswith("5.0 KB of output over the limit were not kept")


def test_where_there_is_nothing_the_reason_is_said() -> None:
    refused = target("unreachable", message="connection refused")
    assert nothing_lines(has_ended=True, target=refused) == [
        "nothing was printed",
        "connection refused",
        "esc goes back",
    ]
    assert nothing_lines(has_ended=True, target=target("success", size_bytes=9))[0] == (
        "what was printed is not kept any more"
    )
    assert nothing_lines(has_ended=False)[0] == "nothing was printed yet"
