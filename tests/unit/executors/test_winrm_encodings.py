"""Output of Windows programs, in whatever encoding, as UTF-8."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.executors.winrm.encodings import WindowsRecoder

MARK = b"\xff\xfe"
TEXT = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs", "Cc"]))


def read(data: bytes, code_page: int | None = 1252) -> bytes:
    recoder = WindowsRecoder(code_page)
    return recoder.feed(data) + recoder.finish()


@given(st.text())
def test_utf_8_stays_as_it_is(text: str) -> None:
    if not (text[1:2] == "\0" and text[0] != "\0"):
        assert read(text.replace("\0", " ").encode()) == text.replace("\0", " ").encode()


@pytest.mark.parametrize(
    ("code_page", "text"),
    [
        (437, "naïve £5 ░▒▓\r\n"),
        (850, "Größe: 5 µm, ça va\r\nÅngström\r\n"),
        (936, "服务已经启动。\r\n磁盘 C: 空间不足\r\n"),
        (1252, "“Größe” – 5 €\r\n"),
        (932, "サービスは開始されました。\r\n"),
        (1251, "Служба запущена.\r\n"),
    ],
)
def test_a_code_page_is_read_line_by_line(code_page: int, text: str) -> None:
    mixed = b"plain\r\n" + text.encode(f"cp{code_page}") + "中文 UTF-8\r\n".encode()

    assert read(mixed, code_page).decode() == f"plain\r\n{text}中文 UTF-8\r\n"


@given(st.lists(TEXT, min_size=1), st.booleans())
def test_utf_16_with_a_mark_is_read_whatever_it_says(lines: list[str], last: bool) -> None:
    text = "\r\n".join(lines) + ("\r\n" if last else "")
    whole = MARK + "".join(f"x{line}" for line in text.splitlines(True)).encode("utf-16-le")

    assert read(whole).decode() == "".join(f"x{line}" for line in text.splitlines(True))


@pytest.mark.parametrize(
    "text",
    [
        "Windows Subsystem for Linux\r\n\r\n  NAME  STATE\r\n",
        "Name: 服务\r\n服务正在运行 é\r\n\r\nend",
        "\r\nfirst line is empty\r\n",
        "x🐚 é\r\n",
    ],
)
def test_utf_16_without_a_mark_is_found(text: str) -> None:
    assert read(text.encode("utf-16-le")).decode() == text


def test_utf_8_after_utf_16_is_found_again() -> None:
    data = (
        "wide 中\r\n".encode("utf-16-le") + "narrow é\r\n".encode() + "wide\n".encode("utf-16-le")
    )

    assert read(data).decode() == "wide 中\r\nnarrow é\r\nwide\n"


@pytest.mark.parametrize(
    ("data", "code_page"),
    [
        (bytes(range(256)), 1252),
        (b"\x1f\x8b\x08\0\xff\xfe\0\n", 1252),
        (b"\x89PNG\r\n\x1a\n\0\0\xe9", None),
    ],
)
def test_what_is_no_text_stays_as_it_is(data: bytes, code_page: int | None) -> None:
    assert read(data, code_page) == data


def test_without_a_code_page_only_utf_is_read() -> None:
    assert read(b"caf\xe9\n", None) == b"caf\xe9\n"
    assert read("café\n".encode("utf-16-le"), None) == "café\n".encode()


def test_plain_text_comes_out_before_its_line_ends() -> None:
    recoder = WindowsRecoder(1252)

    assert recoder.feed(b"Continue? [y/n] ") == b"Continue? [y/n] "
    assert recoder.feed(b"y\r") + recoder.feed(b"\n") == b"y\r\n"
    assert recoder.feed(b"50%\r") == b"50%\r"


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.text(max_size=6).map(str.encode),
        st.text(max_size=6).map(lambda text: f"{text}\r\n".encode("utf-16-le", "replace")),
        st.sampled_from([MARK, b"\r\n", b"\n", b"\r", b"a\0", b"\xd6\xd0", b"abc"]),
    )
)


@given(PIECES, st.data())
def test_it_depends_on_the_bytes_and_never_on_their_pieces(
    pieces: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(pieces)
    known = data.draw(st.integers(0, len(whole)))
    one, cut, later = WindowsRecoder(936), WindowsRecoder(936), WindowsRecoder(936, skip=known)

    expected = one.feed(whole) + one.finish()
    in_bytes = b"".join(cut.feed(bytes([byte])) for byte in whole) + cut.finish()
    again = b"".join(later.feed(piece) for piece in pieces) + later.finish()

    assert in_bytes == expected
    assert again == expected[known:]


def test_a_line_without_end_is_held_only_so_long() -> None:
    recoder = WindowsRecoder(1252)

    out = recoder.feed(b"\xe9" * 200_000)

    assert 100_000 < len(out) <= 200_000
    assert out + recoder.finish() == read(b"\xe9" * 200_000)
