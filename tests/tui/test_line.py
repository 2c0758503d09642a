"""The terminal UI at the end of a real line: what arrives, what survives, what it says of a terminal."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.support.product import Product
from tests.support.waiting import until
from tests.support.wire import Wire

pytestmark = pytest.mark.slow

NAMES = ["web1", "web2", "数据库", "ホスト", "서버", "مضيف"]
HOSTILE = [
    "主机宽度 done",
    "e\u0301a\u0308 combined",
    "\u0645\u0631\u062d\u0628\u0627 right to left",
    "a\tb tab",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 family, 👍🏽 thumb",
    "esc \x1b[2Jclear \x1b]0;title\x07 bell \x9b31m",
]


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A home with hosts of many scripts, and runs whose titles try to break the screen."""
    with Product() as product:
        documents = [f"{{kind: host, name: {name}, spec: {{protocol: local}}}}" for name in NAMES]
        product.apply("\n---\n".join(documents))
        for title in [*HOSTILE, *(f"row {number}" for number in range(30))]:
            started = product.api("POST", "/runs", json=request(title))
            assert started.status_code == 202, started.text
        yield product


def request(title: str) -> dict[str, object]:
    step = {"kind": "command", "name": "c", "command": "true"}
    return {"step": step, "targets": "web1", "title": title}


def line(product: Product, *words: str, columns: int = 80, rows: int = 24, **env: str) -> Wire:
    given = {**product.env, "TERM": "xterm-256color", "COLORTERM": "truecolor", **env}
    given.pop("COLUMNS")
    return Wire(product.command("tui", *(words or ("runs",))), given, columns=columns, rows=rows)


def at_rest(wire: Wire) -> None:
    wire.until(" live")
    wire.until("row 29")
    wire.quiet(0.5)


KEYS = {
    "down and up": b"jjjjjkkj",
    "pages": b"\x04\x04\x15G" + b"k" * 25 + b"g",
    "marks": b" j j ",
    "a filter": b"/row 1\r",
    "a dialog, left again": b"\x10",
}


def test_keys_that_come_together_act_as_if_they_came_one_by_one(product: Product) -> None:
    with line(product) as wire:
        at_rest(wire)
        wire.press(b"/row 17\r")
        wire.until(lambda text: "row 17" in text and "row 16" not in text)
        wire.press(b"\x1b")
        wire.until("row 16")
        wire.press(b":runs state:failed\r")
        wire.until("/state:failed")


@pytest.mark.parametrize("colours", [{}, {"NO_COLOR": "1"}, {"TERM": "linux", "COLORTERM": ""}])
@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_what_arrived_bit_by_bit_is_what_is_painted_at_once(
    product: Product, keys: bytes, colours: dict[str, str]
) -> None:
    with line(product, **colours) as wire:
        at_rest(wire)
        for key in keys:
            wire.press(bytes([key]))
        wire.quiet(0.5)
        seen = wire.looks()
        count = wire.count
        wire.press(b"\x1b[15~" if keys != b"\x10" else b"")  # F5 paints everything anew
        wire.until(lambda _text: wire.count > count + 1000 or keys == b"\x10")
        wire.quiet(0.5)
        assert wire.looks() == seen


def test_every_row_keeps_the_width_whatever_names_and_titles_hold(product: Product) -> None:
    with line(product, columns=100, rows=50) as wire:
        at_rest(wire)
        wire.until("clear")
        shown = wire.text
        assert r"\x1b[2J" in shown
        assert "家" not in shown  # nothing of another row
        titles = [row for row in wire.rows if "web" not in row and ("succeeded" in row)]
        columns = {row.index("succeeded") for row in titles}
        assert len(columns) == 1


def test_a_storm_of_sizes_leaves_a_whole_picture(product: Product) -> None:
    with line(product) as wire:
        at_rest(wire)
        for number in range(60):
            wire.resize(40 + number * 7 % 130, 10 + number * 5 % 50)
        wire.resize(100, 30)
        wire.until(lambda text: "row 29" in text and "TITLE" in text)
        wire.quiet(0.7)
        seen, count = wire.looks(), wire.count
        wire.press(b"\x1b[15~")
        wire.until(lambda _text: wire.count > count + 1000)
        wire.quiet(0.5)
        assert wire.looks() == seen


@pytest.mark.parametrize("size", [(40, 12), (59, 40), (100, 14)])
def test_a_terminal_that_is_too_small_is_told_so_and_comes_back(
    product: Product, size: tuple[int, int]
) -> None:
    with line(product) as wire:
        at_rest(wire)
        wire.resize(*size)
        wire.until("too small")
        wire.until("60 by 15")
        wire.resize(80, 24)
        wire.until(lambda text: "row 29" in text and "too small" not in text)


def test_stopped_and_taken_up_again_it_paints_everything(product: Product) -> None:
    with line(product) as wire:
        at_rest(wire)
        wire.signal(signal.SIGTSTP)
        until(lambda: wire.is_stopped)
        wire.scribble("somebody else wrote here\r\n" * 30)
        wire.signal(signal.SIGCONT)
        wire.until(lambda text: "row 29" in text and "somebody else" not in text)


def test_a_line_that_drops_ends_the_console_and_no_run(product: Product) -> None:
    run = product.detached("run", "--on", "web1", "--title", "goes on", "--", "sleep 30")
    with line(product) as wire:
        wire.until("goes on")
        wire.hang_up()
        wire.code()
    assert product.shown(run)["run"]["state"] == "running"
    product.run("runs", "stop", run)
    product.ended(run)


def test_an_engine_that_is_killed_leaves_the_picture_and_comes_back(product: Product) -> None:
    with line(product) as wire:
        at_rest(wire)
        product.kill_engine()
        wire.until("engine is away")
        assert "row 29" in wire.text
        wire.until(lambda text: "engine is away" not in text and " live" in text)


def test_without_colours_none_are_sent_and_the_cursor_is_still_seen(product: Product) -> None:
    with line(product, NO_COLOR="1") as wire:
        at_rest(wire)
        parameters = wire.styles()
        assert not {code for code in parameters if code[:1] in ("3", "4") and len(code) > 1}
        assert "7" in parameters  # reversal
        assert "38" not in parameters


def test_over_ssh_colours_are_short_and_at_home_exact(product: Product) -> None:
    with line(product, SSH_CONNECTION="192.0.2.1 5 192.0.2.2 22") as wire:
        at_rest(wire)
        assert b"38;5;" in wire.received
        assert b"38;2;" not in wire.received
    with line(product) as wire:
        at_rest(wire)
        assert b"38;2;" in wire.received


COSTS = {b"j": 200, b"\x04": 700, b"\x10": 2_048, b"s": 1_200, b"\x1b": 2_048, b"?": 2_048}
"""Key -> bytes that it may cost over SSH at 80 by 24; in this order."""


def test_over_ssh_a_key_costs_few_bytes(product: Product) -> None:
    with line(product, SSH_CONNECTION="192.0.2.1 5 192.0.2.2 22") as wire:
        at_rest(wire)
        wire.press(b"j")
        wire.quiet(0.5)
        spent = {}
        for key in COSTS:
            before = wire.count
            wire.press(key)
            until(lambda before=before: wire.count > before)  # type: ignore[misc]
            spent[key] = wire.quiet(0.5) - before
        assert {key: cost for key, cost in spent.items() if cost > COSTS[key]} == {}


def test_over_ssh_the_cursor_colours_its_first_cell_and_at_home_its_row(product: Product) -> None:
    def grounds(wire: Wire) -> list[object]:
        at_rest(wire)
        y = next(y for y, row in enumerate(wire.rows) if row.startswith(">"))
        return [cell[1] if cell[0] == " " else cell[2] for cell in wire.looks()[y]]

    with line(product, SSH_CONNECTION="192.0.2.1 5 192.0.2.2 22") as wire:
        far = grounds(wire)
    with line(product) as wire:
        near = grounds(wire)
    assert len(set(near)) == 1
    assert far[0] == far[13] != far[16] == far[79]


def script(product: Product, name: str, text: str) -> str:
    """An executable of the person's own."""
    file = product.folder / name
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(0o755)
    return str(file)


def test_an_editor_of_ones_own_changes_a_document_and_the_screen_comes_back(
    product: Product,
) -> None:
    editor = script(product, "editor", "sed -i 's/10.0.0.1/10.0.0.2/' \"$1\"")
    product.apply("{kind: host, name: edited, spec: {address: 10.0.0.1}}")
    with line(product, "edit", "host/edited", EDITOR=editor, VISUAL="") as wire:
        wire.until("10.0.0.1")
        wire.press(b"\x05")
        wire.until("10.0.0.2")
        wire.until("FIELD")
        wire.press(b"\x13")
        wire.until("is now revision 2")


def test_a_long_text_of_a_field_is_written_in_an_editor(product: Product) -> None:
    editor = script(product, "writer", "echo 'echo from the editor' > \"$1\"")
    product.apply("{kind: script, name: long, spec: {text: echo before}}")
    with line(product, "edit", "script/long", EDITOR=editor, VISUAL="") as wire:
        wire.until("echo before")
        while not any(row.startswith(">") and "text" in row for row in wire.rows):
            wire.press(b"j")
            wire.quiet(0.2)
        wire.press(b"E")
        wire.until("echo from the editor")


def test_output_is_read_in_a_pager_of_ones_own(product: Product) -> None:
    pager = script(product, "pager", 'cat "$1"; echo this is the pager; read -r _line < /dev/tty')
    run = product.detached("run", "--on", "web1", "echo much to read")
    product.ended(run)
    with line(product, "output", run, PAGER=pager) as wire:
        wire.until("much to read")
        wire.press(b"v")
        wire.until("this is the pager")
        wire.press(b"\r")
        wire.until("line 1/1")


def test_the_mouse_is_the_terminals_until_somebody_wants_it(product: Product) -> None:
    with line(product) as wire:
        at_rest(wire)
        assert b"\x1b[?1000h" not in wire.received
        wire.press(b"\x14")
        wire.until("points and scrolls")
        assert b"\x1b[?1000h" in wire.received
        wire.press(b"q")
        wire.code()
        assert wire.received.rindex(b"\x1b[?1000l") > wire.received.rindex(b"\x1b[?1000h")


@pytest.mark.parametrize("env", [{"TERM": "dumb"}])
def test_a_terminal_that_can_do_nothing_is_shown_the_way_to_plain_mode(
    product: Product, env: dict[str, str]
) -> None:
    with line(product, **env) as wire:
        assert wire.code() == 2
        assert b"jobdeck plain" in wire.received
        assert b"\x1b" not in wire.received


def test_a_pipe_is_no_terminal(product: Product) -> None:
    ended = product.cli("tui")
    assert ended.code == 2
    assert "jobdeck plain" in ended.err
    assert os.linesep in ended.err
