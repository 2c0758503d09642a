"""What differs by accident is taken out of an output; what is an answer stays."""

from __future__ import annotations

import pytest

from core.domain.normalising import (
    DEFAULT_RULES,
    NORMALISED_BYTES,
    Normaliser,
    OutputDigest,
    Rule,
    normalise,
)

ALL = frozenset(Rule)


def digest(data: bytes, *host_words: str, rules: frozenset[Rule] = DEFAULT_RULES) -> str:
    normaliser = Normaliser(host_words, rules)
    normaliser.feed(data)
    return normaliser.digest()


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        (Rule.ANSI, b"\x1b[1;31mred\x1b[0m", b"red"),
        (Rule.ANSI, b"\x1b]0;title\x07text", b"text"),
        (Rule.ANSI, b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", b"link"),
        (Rule.ANSI, b"\x1b(B\x0fplain\x1b[?25l\x1b7", b"plain"),
        (Rule.ANSI, b"\x1bPq#0;2\x1b\\sixel", b"sixel"),
        (Rule.ANSI, b"\x1b]0;never ended\nnext", b"\nnext"),
        (Rule.ANSI, b"end\x1b", b"end"),
        (Rule.PROGRESS, b" 1%\r 50%\r100%\ndone", b"100%\ndone"),
        (Rule.PROGRESS, b"one\r\ntwo\r\r\n", b"one\ntwo\n"),
        (Rule.PROGRESS, b"50%\r100%\r", b"100%"),
        (Rule.TIME, b"Nov  3 07:35:00 sshd", b"<time> sshd"),
        (Rule.TIME, b"Mon Nov 23 07:35:00 AM CEST 2026 x", b"<time> x"),
        (Rule.TIME, b"Mon, 23 Nov 2026 07:35:00 +0100", b"<time>"),
        (Rule.TIME, b"2026-11-23T07:35:00.123456+01:00 x", b"<time> x"),
        (Rule.TIME, b"2026-11-23 07:35:00,123 INFO", b"<time> INFO"),
        (Rule.TIME, b"[23/Nov/2026:07:35:00 +0000] GET", b"[<time>] GET"),
        (Rule.TIME, "2026年 11月 23日 星期一 07:35:00 UTC".encode(), b"<time>"),
        (Rule.TIME, b"-rw-r--r-- 1 root 12 Nov 23 07:35 file", b"-rw-r--r-- 1 root 12 <time> file"),
        (Rule.TIME, b"Nov 23 07:35:00 2026 GMT", b"<time>"),
        (Rule.TIME, b"07:35:00 up 3 days", b"<time> up 3 days"),
        (Rule.NUMBERS, b"pid 4711, 3.5% of 0x7fFE, eth0", b"pid <n>, <n>% of <n>, eth<n>"),
        (Rule.BLANKS, b"a \t\n b\n\n \n", b"a\n b"),
    ],
)
def test_a_rule_takes_out_its_accident_and_nothing_else(
    rule: Rule, before: bytes, after: bytes
) -> None:
    assert normalise(before, rules={rule}) == after


@pytest.mark.parametrize(
    "text",
    [
        b"2026-11-23",
        b"Nov 23  2025 file",
        b"00:16:31:12:34:56",
        b"fe80::10:20:30",
        b"10.0.0.1:22",
        b"ratio 16:09",
        b"v12:34:56",
        b"version 2026.10.18",
    ],
)
def test_dates_addresses_and_ratios_are_no_time_stamps(text: bytes) -> None:
    assert normalise(text, rules={Rule.TIME}) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"web01: ok", b"<host>: ok"),
        (b"WEB01.Example.COM is up", b"<host> is up"),
        (b"10.0.0.7:22", b"<host>:22"),
        (b"10.0.0.71 110.0.0.7", b"10.0.0.71 110.0.0.7"),
        (b"web01-eth0 (fe80::7)", b"<host>-eth0 (<host>)"),
        (b"web011 myweb01 web01_a", b"web011 myweb01 web01_a"),
        (b"a b", b"a b"),
    ],
)
def test_the_hosts_own_names_become_a_placeholder_where_they_are_whole_words(
    before: bytes, after: bytes
) -> None:
    words = ("web01.example.com", "10.0.0.7", "fe80::7", "a", "")

    assert normalise(before, words, {Rule.HOST}) == after


def test_the_defaults_keep_numbers_because_they_are_the_answer() -> None:
    assert digest(b"load 1\n") != digest(b"load 90\n")
    assert digest(b"load 1\n", rules=ALL) == digest(b"load 90\n", rules=ALL)


def test_two_hosts_that_say_the_same_have_the_same_digest() -> None:
    left = digest(
        b"\x1b[32m10%\r100%\x1b[0m web1 \nsince 2026-11-23 07:35:00\n", "web1", "10.0.0.1"
    )
    right = digest(b"100% web2\nsince 2026-11-24 19:05:59\n\n", "web2", "10.0.0.2")

    assert left == right


def test_without_rules_every_byte_counts() -> None:
    outputs = [b"", b"\n", b"a", b"a\n", b"a \n", b"a\n\n", b"\na", b"a\r\n"]

    assert [normalise(output, rules=()) for output in outputs] == outputs
    assert len({digest(output, rules=frozenset()) for output in outputs}) == len(outputs)


def test_a_digest_can_be_read_while_output_still_arrives() -> None:
    normaliser = Normaliser()
    assert normaliser.digest() == digest(b"")
    normaliser.feed(b"one\ntw")
    assert normaliser.digest() == digest(b"one\ntw")
    normaliser.feed(b"o\n")
    assert normaliser.digest() == digest(b"one\ntwo\n")


def test_beyond_the_bound_nothing_is_normalised() -> None:
    filler = b"x" * 99 + b"\n"
    start = filler * (NORMALISED_BYTES // len(filler) + 1)

    assert digest(b"07:35:00\n" + start) == digest(b"07:36:11\n" + start)
    assert digest(start + b"07:35:00\n") != digest(start + b"07:36:11\n")


def test_hosts_with_names_of_different_length_meet_beyond_the_bound() -> None:
    body = b"some line of a long output\n" * (NORMALISED_BYTES // 10)

    assert digest(b"web1\n" + body, "web1") == digest(b"web1000\n" + body, "web1000")


def test_digests_are_fixed_because_they_are_stored_with_runs() -> None:
    assert digest(b"") == "6fa1d8fcfd719046d762"
    assert digest(b"web01 ok \n", "web01") == "ce9810bf3157e1572868"


def test_how_two_streams_mixed_does_not_tell_hosts_apart() -> None:
    one, other = OutputDigest(), OutputDigest()
    for stream, data in (("out", b"a\n"), ("err", b"x\n"), ("out", b"b\n")):
        one.feed(stream, data)
    for stream, data in (("err", b"x\n"), ("out", b"a\nb\n")):
        other.feed(stream, data)
    assert one.digest() == other.digest()
    swapped = OutputDigest()
    swapped.feed("err", b"a\nb\n")
    swapped.feed("out", b"x\n")
    assert swapped.digest() != one.digest()
    assert OutputDigest().digest() == ""
