"""Plain mode at a serial line: a real pseudo-terminal of no abilities, and not one escape byte."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.product import Product
from tests.support.wire import Wire

pytestmark = pytest.mark.slow

DOCUMENTS = """
{kind: environment, name: careful, spec: {confirm: true}}
---
{kind: host, name: web1, labels: {role: web}, spec: {protocol: local}}
---
{kind: host, name: 数据库, labels: {role: db}, spec: {protocol: local, environment: careful}}
---
kind: flow
name: release
spec:
  description: bring a version
  parameters: [{name: VERSION, required: true}]
  targets: role=web
  nodes:
    - {name: build, kind: command, command: 'echo "built $VERSION"'}
    - {name: ask, kind: approval, message: Shall it go out?, forbid_requester: false}
    - {name: go, kind: command, command: 'seq 1 50'}
  edges: [build -> ask -> go]
"""
HOSTILE = r"printf '\033]0;title\007\033[2J\033[31mred\n\u009b5n'"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Product() as product:
        product.apply(DOCUMENTS)
        yield product


def serial(product: Product, *words: str, columns: int = 80, **env: str) -> Wire:
    """`jobdeck plain` at a terminal that can do nothing."""
    given = {**product.env, "TERM": "dumb", **env}
    given.pop("COLUMNS")
    return Wire(product.command("plain", *words), given, columns=columns, rows=200)


def test_a_flow_is_started_approved_and_followed_with_numbers_and_words_only(
    product: Product,
) -> None:
    with serial(product) as wire:
        wire.until("Choice:")
        wire.say("start")
        wire.until("1. release: bring a version")
        wire.say("1")
        wire.until("VERSION:")
        wire.say("7.1")
        wire.until("[role=web]:")
        wire.say("")
        wire.until("1 host: web1")
        wire.until("Start it on 1 host? (yes or no)")
        wire.say("yes")
        wire.until("started run")
        wire.say("wait")
        wire.until("waiting_user, 1 of 1 hosts have ended")
        wire.press(b"\x03")
        wire.until("left; `quit` ends the conversation")
        wire.say("back")
        wire.say("back")
        wire.until("1 approval waits for you")
        wire.say("approvals")
        wire.until("what: Shall it")
        wire.say("1")
        wire.until("approve it")
        wire.say("approve")
        wire.until("reason, or Enter for none:")
        wire.say("tested")
        wire.until("Approve it?")
        wire.say("yes")
        wire.until("approved")
        wire.say("quit")
        assert wire.code() == 0
        assert b"\x1b" not in wire.received
    run = product.run("runs", "list", "--json").json()[0]
    assert product.ended(run["id"])["state"] == "succeeded"


def test_what_an_environment_wants_confirmed_is_typed_and_a_wrong_number_starts_nothing(
    product: Product,
) -> None:
    before = len(product.run("runs", "list", "--json").json())
    with serial(product) as wire:
        wire.until("Choice:")
        wire.say("command on hosts")
        wire.until("command:")
        wire.say("exit 4")
        wire.until("role=web:")
        wire.say("all")
        wire.until("(yes or no)")
        wire.say("yes")
        wire.until("environment careful: 数据库")
        wire.say("7")
        wire.until("not confirmed; nothing was started")
        assert len(product.run("runs", "list", "--json").json()) == before
        wire.say("com")
        wire.until(lambda text: text.endswith("command:"))
        wire.say("exit 4")
        wire.say("all")
        wire.say("yes")
        wire.until(lambda text: text.endswith("Type the number of hosts to go on:"))
        wire.say("2")
        wire.until("started run")
        wire.say("wait")
        wire.until("failed, 2 of 2 hosts have ended")
        wire.until("retry")
        wire.say("retry")
        for answer in ("", "failed", "no"):
            wire.say(answer)
        wire.until("not confirmed; nothing was changed")
        wire.press(b"\x04")  # the end of input
        assert wire.code() == 0
        assert b"\x1b" not in wire.received


def test_output_is_paged_and_cannot_act_on_the_terminal(product: Product) -> None:
    product.run("run", "--on", "web1", "--", HOSTILE + "; seq 1 30")
    with serial(product) as wire:
        wire.until("Choice:")
        for answer in ("runs", "1", "1", "1"):
            wire.say(answer)
        wire.until("output of web1, from line 1")
        wire.until("there is more: more, or Enter")
        assert r"\x1b]0;title\x07\x1b[2J\x1b[31mred" in wire.text
        wire.say("")
        wire.until("\n30")
        wire.say("quit")
        assert wire.code() == 0
        assert b"\x1b" not in wire.received
        assert "\u009b" not in wire.received.decode()


def test_it_is_understood_and_answers_in_chinese(product: Product) -> None:
    with serial(product, "--lang", "zh_CN", columns=40) as wire:
        wire.until("请选择：")
        wire.say("主机")
        wire.until("这里没有 主机")  # two lines begin so
        wire.say("6")
        wire.until("数据库")
        wire.say("返回")
        wire.say("退出")
        assert wire.code() == 0
        assert b"\x1b" not in wire.received


def test_an_engine_that_is_killed_is_told_and_found_again(product: Product) -> None:
    with serial(product) as wire:
        wire.until("Choice:")
        product.kill_engine()
        wire.say("runs")
        wire.until(lambda text: text.count("Choice:") == 2)
        wire.say("quit")
        assert wire.code() == 0


@pytest.mark.skipif(os.name != "posix", reason="signals of terminals")
def test_ctrl_c_at_the_menu_leaves_nothing_and_tells_how(product: Product) -> None:
    with serial(product) as wire:
        wire.until("Choice:")
        wire.press(b"\x03")
        wire.until("`quit` ends the conversation")
        wire.say("q")
        assert wire.code() == 0
