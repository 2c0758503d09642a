"""Which output is meant, as it is typed and as it is written down again."""

from __future__ import annotations

import pytest

from console.logs.wanted import BadWanted, Wanted, parse


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("last", Wanted("last")),
        ("01M8 web1 web2", Wanted("01M8", ("web1", "web2"))),
        ("01M8 web1 step:main attempt:2", Wanted("01M8", ("web1",), "main", 2)),
        ("01M8 only:err /no space left", Wanted("01M8", only="err", words="no space left")),
        ("01M8 fe80::1", Wanted("01M8", ("fe80::1",))),
    ],
)
def test_what_is_typed_is_read_and_written_again(text: str, wanted: Wanted) -> None:
    assert parse(text) == wanted
    assert parse(str(wanted)) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "name a run"), ("x attempt:a", "is no number"), ("x only:all", "is no stream")],
)
def test_what_cannot_be_read_says_why(text: str, said: str) -> None:
    with pytest.raises(BadWanted, match=said):
        parse(text)


def test_the_command_that_prints_the_same() -> None:
    assert Wanted("01M8").cli() == "jobdeck runs output 01M8 --merged"
    one = Wanted("01M8", ("web1",), "main", 2, "err")
    assert one.cli() == "jobdeck runs output 01M8 web1 --step main --attempt 2 --stderr"
