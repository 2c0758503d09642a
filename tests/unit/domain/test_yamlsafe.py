"""YAML in and out: what words mean, where errors point, what hostile text meets."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from core.domain.yamlsafe import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    Opaque,
    dump,
    dump_all,
    load,
    load_all,
)
from core.errors import Invalid


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("5", 5),
        ("-12", -12),
        ("0", 0),
        ("1.5", 1.5),
        ("-0.5e-3", -0.0005),
    ],
)
def test_the_plain_words_of_the_core_schema_are_values(written: str, value: object) -> None:
    read = load(f"key: {written}").value
    assert read == {"key": value}
    assert isinstance(read, dict)
    assert type(read["key"]) is type(value)


@pytest.mark.parametrize(
    "text",
    ["yes", "no", "on", "off", "y", "n", "1:20", "22:22", "2024-01-31", "2024-01-31T10:00:00Z"]
    + ["0644", "0o17", "0x1f", "1_000", "+5", "1e3", "1.2.3", ".5", "1.", ".inf", ".nan", "="]
    + ["2001:db8::1", "web[01-40]", "1.5e9999", "tRue", "NaN", "9" * 4301],
)
def test_words_that_readers_differ_on_stay_text(text: str) -> None:
    assert load(f"key: {text}").value == {"key": text}


def test_quoted_and_block_texts_are_always_text() -> None:
    text = "a: 'true'\nb: \"5\"\nc: |\n  null\nd: !!str 5\ne: ! 1\n"
    assert load(text).value == {"a": "true", "b": "5", "c": "null\n", "d": "5", "e": "1"}


def test_keys_are_text_as_written() -> None:
    assert load("on: 1\n22: 2\ntrue: 3\n1.50: 4\n~: 5").value == {
        "on": 1,
        "22": 2,
        "true": 3,
        "1.50": 4,
        "~": 5,
    }


def test_a_file_holds_several_documents_and_empty_ones_do_not_count() -> None:
    documents = load_all("\ufeffa: 1\n---\n---\n# nothing\n---\n- b\n...\n---\n~\n")
    assert [document.value for document in documents] == [{"a": 1}, ["b"], None]
    assert [document.line for document in documents] == [1, 6, 9]
    assert load_all("") == []


def test_each_value_knows_its_line() -> None:
    document = load(
        "# a comment\n"
        "kind: job\n"
        "spec:\n"
        "  steps:\n"
        "    - name: one\n"
        "      command: |\n"
        "        echo\n"
        "    - {name: two,\n"
        "       timeout_s: 5}\n"
    )
    lines = {
        (): 2,
        ("kind",): 2,
        ("spec", "steps"): 4,
        ("spec", "steps", 0): 5,
        ("spec", "steps", 0, "command"): 6,
        ("spec", "steps", 1, "timeout_s"): 9,
        ("spec", "steps", 1, "retry", "times"): 8,
        ("spec", "steps", 7): 4,
        ("labels",): 2,
    }
    assert {path: document.line_of(path) for path in lines} == lines


def test_aliases_and_merge_keys_are_followed() -> None:
    document = load(
        "base: &b {env: prod, role: web}\n"
        "more: &m {role: db, x: 1}\n"
        "one: {<<: *b, role: api}\n"
        "two: {<<: [*b, *m], y: *b}\n"
        "three: {'<<': text}\n"
    )
    assert isinstance(document.value, dict)
    assert document.value["one"] == {"env": "prod", "role": "api"}
    assert document.value["two"] == {
        "env": "prod",
        "role": "web",
        "x": 1,
        "y": {"env": "prod", "role": "web"},
    }
    assert document.value["three"] == {"<<": "text"}
    assert document.line_of(("one", "env")) == 1
    assert document.line_of(("one", "role")) == 3


def test_an_opaque_tag_is_stepped_over_and_its_content_forgotten() -> None:
    text = "a: !vault |\n  $ANSIBLE_VAULT;1.1\n  6162\nb: !vault {x: [1]}\nc: 1\n"
    value = load_all(text, opaque_tags=frozenset({"!vault"}))[0].value
    assert value == {"a": Opaque("!vault"), "b": Opaque("!vault"), "c": 1}
    assert "6162" not in repr(value)


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        (
            "a: 1\nb: 2\na: 3",
            "line 3, column 1",
            "the key 'a' stands here a second time (first on line 1",
        ),
        ("a:\n\tb: 1", "line 2, column 1", "a tab cannot indent (indent with spaces)"),
        ("a: b: c", "line 1, column 5", "quote text that has `: ` in it"),
        ("targets: @web", "line 1, column 10", "put the text in quotes"),
        ("targets: *", "line 1, column 10", "begins with `*`"),
        ("targets: *web", "line 1, column 10", "begins with `*`"),
        ("targets: !legacy", "line 1, column 10", "the tag `!legacy` is not allowed"),
        ("targets: !old,web", "line 1, column 14", "begins with `!`"),
        ("a: !!python/object:os.system x", "line 1, column 4", "`!!python/object:os.system`"),
        ("a: !!set {x}", "line 1, column 4", "`!!set` is not allowed"),
        ("a: 'b\nc: d", "line 1, column 4", "this is never closed"),
        ("a: [1, 2\nb: 3", "line 2, column 2", "expected ',' or ']'"),
        ("a: 1\n  b: 2", "line 2, column 4", "check the indentation"),
        ("a: \x07", "line 1, column 4", r"the character '\x07' is not allowed"),
        ("a: 1\nb: \ud800", "line 2, column 4", r"the character '\ud800' is not allowed"),
        ("? [a]\n: b", "line 1, column 3", "a key is a word"),
        ("&a [*a]", "line 1, column 5", "`*a` is not defined before"),
        ("a: &a x\n---\nb: *a", "line 3, column 4", "`*a` is not defined before"),
        ("&a x: 1\n*a : 2", "line 2, column 1", "is not defined before"),
        ("a: &a x\n*a : 2", "line 2, column 1", "an alias cannot be a key"),
        ("<<: 1", "line 1, column 1", "merges a mapping"),
        ("? \n: 1", "line 1, column 2", "a key is missing before `:`"),
        ("a: 1\n: 2", "line 2, column 1", "expected key"),
    ],
)
def test_an_error_names_line_and_column_and_what_to_do(text: str, where: str, what: str) -> None:
    with pytest.raises(Invalid) as caught:
        load_all(text)
    (problem,) = caught.value.problems
    assert problem.where == where
    assert what in str(problem)


HOSTILE = {
    "laughs": "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)),
    "merges": "a0: &a0 {x: 1}\n"
    + "".join(f"a{i}: &a{i} {{<<: *a{i - 1}, p: *a{i - 1}, q: *a{i - 1}}}\n" for i in range(1, 40)),
    "lists": "[" * 10_000,
    "closed lists": "[" * 10_000 + "]" * 10_000,
    "mappings": "{a: " * 10_000,
    "block lists": "- " * 10_000,
    "block mappings": "".join(f"{' ' * i}a:\n" for i in range(10_000)),
    "keys": "? " * 10_000,
    "tags": "!a " * 10_000,
    "anchors": "&a " * 10_000,
    "repeated keys": "a: 1\n" * 10_000,
    "a long number": "9" * 1_000_000 + "x: [",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_quickly(name: str) -> None:
    text = HOSTILE[name]
    started = time.process_time()
    with pytest.raises(Invalid):
        load_all(text)
    assert time.process_time() - started < 0.1 + len(text) / 20_000_000 * 2


def test_the_size_of_a_text_is_limited() -> None:
    with pytest.raises(Invalid, match="more than 8,388,608 characters"):
        load_all(" " * (MAX_CHARACTERS + 1))


def test_nesting_up_to_the_limit_is_read_and_written() -> None:
    text = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    value = load(text).value
    assert load(dump(value)).value == value
    with pytest.raises(Invalid, match="more than 64 levels deep"):
        load(f"[{text}]")
    with pytest.raises(Invalid, match="more than 64 levels deep"):
        dump([value, [value]])


def test_one_document_is_asked_for_and_several_or_none_are_refused() -> None:
    with pytest.raises(Invalid) as caught:
        load("a: 1\n---\nb: 2")
    assert str(caught.value.problems[0]) == (
        "line 3, column 1: one document is expected here, not 2"
    )
    with pytest.raises(Invalid, match="not 0"):
        load("# nothing")


def test_written_text_is_readable() -> None:
    value = {
        "kind": "job",
        "name": "重启",
        "labels": {"on": "no", "time": "1:20", "day": "2024-01-31", "mode": "0644", "n": "5"},
        "spec": {
            "targets": "@web,!legacy",
            "steps": [
                {"name": "one", "command": "#!/bin/sh\nif true; then\n\techo a \nfi\n"},
                {"name": "two", "timeout_s": 5, "retry": None, "env": {}, "tags": []},
            ],
            "long": "word " * 40 + "end",
            "last": "no newline\nat the end",
        },
    }
    assert dump(value) == (
        "kind: job\n"
        "name: 重启\n"
        "labels:\n"
        "  'on': 'no'\n"
        "  time: '1:20'\n"
        "  day: '2024-01-31'\n"
        "  mode: '0644'\n"
        "  n: '5'\n"
        "spec:\n"
        "  targets: '@web,!legacy'\n"
        "  steps:\n"
        "    - name: one\n"
        "      command: |\n"
        "        #!/bin/sh\n"
        "        if true; then\n"
        "        \techo a \n"
        "        fi\n"
        "    - name: two\n"
        "      timeout_s: 5\n"
        "      retry: null\n"
        "      env: {}\n"
        "      tags: []\n"
        f"  long: {'word ' * 40}end\n"
        "  last: |-\n"
        "    no newline\n"
        "    at the end\n"
    )
    assert load(dump(value)).value == value


def test_several_documents_are_written_as_they_are_read() -> None:
    values = [{"a": "x\n\n"}, ["b"], "c", None]
    assert [document.value for document in load_all(dump_all(values))] == values


def test_a_number_that_is_not_finite_is_not_written() -> None:
    with pytest.raises(Invalid, match="inf"):
        dump({"a": float("inf")})


def test_text_is_read_alike_without_the_compiled_parser() -> None:
    """PyYAML has no libyaml on some platforms; its own parser must serve as well."""
    program = (
        "import yaml; del yaml.CSafeLoader\n"
        "from core.domain.yamlsafe import load_all\n"
        "text = 'a: &x {b: [1, no]}\\nc: *x\\n---\\nd: |\\n  e\\n'\n"
        "assert [d.value for d in load_all(text)] == "
        "[{'a': {'b': [1, 'no']}, 'c': {'b': [1, 'no']}}, {'d': 'e\\n'}]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
