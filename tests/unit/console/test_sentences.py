"""What the engine says is recognised by its fixed words and put into Chinese; the rest stays."""

from __future__ import annotations

import re
import string
import time
from collections.abc import Iterator
from typing import Any

import pytest

from console.i18n import CHINESE, catalogue_file
from console.pofile import read_po
from console.sentences import meant, said
from core.api.kinds import schema_of
from core.domain.documents import KINDS
from tests.unit.console.core_sentences import core_sentences, spoken_sentences


def translations() -> dict[str, str]:
    file = catalogue_file(CHINESE).with_name("engine.po")
    return {text: forms[0] for text, forms in read_po(file.read_text(encoding="utf-8")).items()}


def fields(text: str) -> list[str]:
    return sorted(name for _, name, *_ in string.Formatter().parse(text) if name)


def with_gaps(template: str) -> str:
    """A template as the source has it: `{}` in the place of each value."""
    parsed = string.Formatter().parse(template)
    return "".join(fixed + ("{}" if name is not None else "") for fixed, name, *_ in parsed)


def test_every_translated_sentence_is_one_that_core_says() -> None:
    known = core_sentences()

    assert [text for text in translations() if with_gaps(text) not in known] == []


NOT_SPOKEN = {
    *(kind.summary for kind in KINDS.values()),  # in whole sentences, of which `schema.po` has them
    # In messages to channels, which have one language for all readers.
    "nobody has decided in time:",
    "Channel {} works. Somebody asked for this message.",
    # Consoles have sentences of their own.
    "{} {} way to it, at the end of its step or batch",
    "{} has {} of at most {} runs: {}",
    # For who writes programs against the API.
    "/api/v1/openapi.json lists every path",
    "`after` of the next page; the same as given where nothing follows",
    "a worker was used before it was set up",
    # Examples of what is written in documents.
    "did you mean ${{}}?",
    "on failure if nodes.a.code > 2",
    "role in (web, api)",
    # Pieces of sentences.
    ", which is how a shell reports signal {}",
    "its last day is {}:",
    "{}`jobdeck facts list` lists them",
    "without a word (is there a shell behind the account?)",
    "whether its processes are gone could not be seen:",
    "{} at its end",
    "statement {}, line {}, column {}:",
    "the connection was lost while it took effect, and then:",
    "it may be another machine in its place. If its key was changed on purpose:",
    # What others say, as it is recognised; and names.
    "cannot start any token",
    "mapping values are not allowed",
    "could not find expected ':'",
    "did not find expected key",
    "did not find expected '-' indicator",
    "expected node content",
    "did not find expected ',' or",
    "whitespace or line break",
    "end of stream",
    "alphabetic or numeric",
    "Too many levels of symbolic links",
    "no such file|not found",
    "password authentication failed",
    "no password supplied",
    "authentication method requirement",
    "too many clients",
    "pending key of host",
    "key of host",
}
"""What looks like a sentence, and nobody reads as one."""


def test_every_sentence_that_core_says_to_people_is_translated() -> None:
    known = {*map(with_gaps, translations()), *NOT_SPOKEN}

    assert {text: file for text, file in spoken_sentences().items() if text not in known} == {}


def test_what_is_not_spoken_is_there_and_not_translated() -> None:
    summaries = {kind.summary for kind in KINDS.values()}

    assert NOT_SPOKEN - summaries <= spoken_sentences().keys()
    assert NOT_SPOKEN.isdisjoint(map(with_gaps, translations()))


def test_no_template_takes_what_another_one_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBDECK_LANG", CHINESE)
    for english, chinese in translations().items():
        values = {
            name: str(at) if name == "count" else f"v{at}"
            for at, name in enumerate(fields(english))
        }

        assert said(english.format(**values)) == chinese.format(**values)


def test_translations_have_the_same_values() -> None:
    assert [
        text for text, chinese in translations().items() if fields(text) != fields(chinese)
    ] == []


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("host 'nowhere' does not exist", "主机 'nowhere' 不存在"),
        ("did you mean 'here'?", "是否想写 'here'？"),
        (
            "is read-only; the run would touch web[01-02]",
            "是只读的；运行会触及 web[01-02]",
        ),
        (
            "its health check could not start: guard rails forbid it",
            "它的健康检查无法启动：护栏不允许",
        ),
        ("3 of 9 targets did not succeed in step main", "步骤 main 中 9 个目标有 3 个没有成功"),
        (
            "there are more than 5 rows (`max_rows`); nothing took effect",
            "超过 5 行（`max_rows`）；没有任何内容生效",
        ),
        ("nothing took effect; or so", "nothing took effect; or so"),
        (
            (
                "not started within its grace of 10 s: the queue is full: 2 runs wait"
                " (max_waiting_runs in settings.toml) (`jobdeck queue list` shows them; start it"
                " again when fewer wait)"
            ),
            (
                "没有在 10 秒的宽限内启动：队列已满：2 个运行在等待（settings.toml 中的 max_waiting_runs）"
                "（`jobdeck queue list` 列出它们；等待的少了再启动）"
            ),
        ),
        (
            "ann asked for it; whoever asked may not approve or deny it (somebody else decides)",
            "ann 是申请人；申请人不能批准或否决自己的申请（请由其他人决定）",
        ),
        (
            "nobody decided within 20 s, nor those it was escalated to",
            "20 秒内无人决定，升级后的审批人也没有",
        ),
        (
            "3 runs of the schedule went on (overlap: skip)",
            "该调度的 3 次运行仍在进行（overlap: skip）",
        ),
        ("is required\nmust be a list", "是必填的\n必须是列表"),
        (
            "column 3 (hour): hour 25 is out of range; try 0 to 23",
            "第 3 列（小时）：小时 25 超出范围；可用 0 到 23",
        ),
        (
            "spec.hosts[2]: is required (did you mean web1?)",
            "spec.hosts[2]：是必填的（是否想写 web1？）",
        ),
        (
            "len takes a string or a list here, not a number",
            "len 在这里接受字符串或列表，不接受数字",
        ),
        ("2 of ada, bob", "ada, bob 中的 2 人"),
        # What a host says is not taken for a sentence with few words of its own.
        ("bad superblock of /dev/sda", "bad superblock of /dev/sda"),
        # A value is never taken for a sentence, and what nobody translated stays as it is.
        ("host 'is required' does not exist", "主机 'is required' 不存在"),
        ("host {name} does not exist", "主机 {name} 不存在"),
        ("the moon is full", "the moon is full"),
        ("", ""),
    ],
)
def test_a_sentence_is_put_into_chinese(
    monkeypatch: pytest.MonkeyPatch, english: str, chinese: str
) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "zh_CN")
    assert said(english) == chinese

    monkeypatch.setenv("JOBDECK_LANG", "en")
    assert said(english) == english


def meanings() -> dict[str, str]:
    file = catalogue_file(CHINESE).with_name("schema.po")
    return {text: forms[0] for text, forms in read_po(file.read_text(encoding="utf-8")).items()}


def described_texts(schema: Any) -> Iterator[str]:
    """Every description in a schema, as forms show it: in one line."""
    if isinstance(schema, dict):
        for key, part in schema.items():
            if key == "description" and isinstance(part, str):
                yield " ".join(part.split())
            else:
                yield from described_texts(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from described_texts(part)


def test_every_field_of_a_document_has_its_meaning_in_chinese_and_nothing_else() -> None:
    parts = ("properties", "$defs")
    said_in_schemas = {
        text for kind in KINDS for part in parts for text in described_texts(schema_of(kind)[part])
    } | {schema_of(kind)["description"] for kind in KINDS}

    assert meanings().keys() == said_in_schemas


def test_meanings_keep_what_is_typed_as_it_is() -> None:
    def typed(text: str) -> set[str]:
        return set(re.findall(r"`[^`]+`", text))

    changed = {text for text, chinese in meanings().items() if typed(text) != typed(chinese)}
    assert changed == set()


def test_a_meaning_that_nobody_translated_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "zh_CN")
    assert meant("nothing may run on its hosts") == "不得在其主机上运行任何内容"
    assert meant("of a newer engine") == "of a newer engine"


def test_a_long_text_that_is_no_sentence_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBDECK_LANG", CHINESE)
    text = "host: step, " * 20_000
    begun = time.process_time()

    assert said(text) == text
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "english",
    [
        "no condition holds, and no edge says `otherwise`",
        "2 of 5 items did not succeed",
        "an end leads nowhere; drop its edges",
        "the path comes back to where it was: a -> b -> a",
        "it splits the way, so two edges lead out of it at least; there is one",
        "the run cannot start at b: it needs what comes before it",
        "no host of a, b is meant by LAST_FAIL",
    ],
)
def test_what_is_wrong_with_flows_is_said_without_a_word_of_english(
    monkeypatch: pytest.MonkeyPatch, english: str
) -> None:
    monkeypatch.setenv("JOBDECK_LANG", CHINESE)

    words = re.findall(r"[a-z]{3,}", said(english))

    assert [word for word in words if word != "otherwise"] == []
