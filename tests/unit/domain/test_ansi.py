"""Terminal colours as HTML: safe whatever comes, and the same wherever it is cut."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.ansi import AnsiHtml


def shown(*parts: bytes) -> str:
    stream = AnsiHtml()
    return "".join([*(stream.feed(part) for part in parts), stream.finish()])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"plain\n", "plain\n"),
        (b"\x1b[31mred\x1b[0m plain", '<span class="f1">red</span> plain'),
        (b"\x1b[1;92;40mx\x1b[22my", '<span class="b f10 g0">x</span><span class="f10 g0">y</span>'),
        (b"\x1b[38;5;45mx\x1b[39my", '<span style="color:#00d7ff">x</span>y'),
        (b"\x1b[48;2;1;2;300mx", '<span style="background:#0102ff">x</span>'),
        (b"\x1b[38;5;9mx\x1b[m", '<span class="f9">x</span>'),
        (b"\x1b]0;title\x07\x1b]8;;javascript:alert(1)\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b[2J\x1b[H\x1b(Bx", "x"),
        (b"</script><img src=x onerror=alert(1)>", "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"),
        (b"a\x00b\x08c", "a\\x00b\\x08c"),
        (b"\xff \xe6\x97", "\\xff \\xe6\\x97"),
        ("\u202eevil".encode(), "\\u202eevil"),
        (b"end\r\nof line", "end\nof line"),
        (b"\x1b[31", "\\x1b[31"),
    ],
)  # fmt: skip
def test_output_as_html(data: bytes, expected: str) -> None:
    assert shown(data) == expected
    assert "".join(re.split("</?span[^>]*>", shown(*(bytes([byte]) for byte in data)))) == "".join(
        re.split("</?span[^>]*>", expected)
    )


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = 0
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "span"
        for name, value in attrs:
            assert name in ("class", "style")
            assert re.fullmatch(
                r"[a-z0-9 ]+|(color|background):#[0-9a-f]{6}(;background:#[0-9a-f]{6})?",
                value or "",
            )
        self.open += 1

    def handle_endtag(self, tag: str) -> None:
        self.open -= 1

    def handle_data(self, data: str) -> None:
        self.text += data


pieces = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([b"\x1b[", b"31m", b"\x1b[38;5;", b"300m", b"\x1b]0;", b"<b>", b"\x07", b"\x1b[999999999999m"]),
)  # fmt: skip


@given(st.lists(pieces, max_size=12))
def test_nothing_but_spans_comes_out(parts: list[bytes]) -> None:
    tags = _Tags()
    tags.feed(shown(*parts))
    tags.close()
    assert tags.open == 0
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", tags.text)


def test_an_endless_escape_is_shown_and_not_kept() -> None:
    stream = AnsiHtml()
    assert len(stream.feed(b"\x1b]0;" + b"x" * 10_000)) > 9_000


def test_a_code_of_any_length_is_read() -> None:
    ansi = AnsiHtml()
    assert ansi.feed(b"\x1b[" + b"9" * 5000 + b"mtext") == "text"
