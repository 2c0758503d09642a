"""Places, levels, documents and paths: what a hit says and which rules hold."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from core.domain import timebox
from core.domain.command_rules import (
    BUILTIN,
    CommandRuleSpec,
    CommandText,
    Hit,
    Language,
    Level,
    Operation,
    PathUse,
    judge,
    language_of,
    rules_of,
)
from core.domain.command_rules.values import shortened


def sh(text: str, **rules: CommandRuleSpec) -> list[Hit]:
    named = {name.replace("_", "-"): spec for name, spec in rules.items()}
    return judge(CommandText(language=Language.SH, text=text), rules_of(named))


def test_a_hit_names_its_rule_its_place_and_what_hides_behind_a_variable() -> None:
    text = "set -e\n  D=/etc\n  sudo rm -rf $D  # gone"

    (hit,) = sh(text)

    assert (hit.rule, hit.level) == ("remove-system", Level.BLOCK)
    assert (hit.line, hit.column) == (3, 3)
    assert hit.command == "sudo rm -rf $D"
    assert hit.meaning == "rm -rf /etc"


def test_a_hit_in_a_here_document_is_placed_there() -> None:
    (hit,) = sh("true\nbash <<EOF\necho\n rm -rf /\nEOF")

    assert (hit.line, hit.column) == (4, 2)


def test_the_gravest_hit_comes_first() -> None:
    hits = sh("reboot; rm -rf $X/y; rm -rf /")

    assert [hit.level for hit in hits] == [Level.BLOCK, Level.CONFIRM, Level.SCAN]


def test_values_that_are_known_are_put_in() -> None:
    source = CommandText(language=Language.SH, text='rm -rf "$FOLDER"')

    assert judge(source, BUILTIN.values()) == []
    assert [hit.rule for hit in judge(source, BUILTIN.values(), {"FOLDER": "/usr"})] == [
        "remove-system"
    ]


def test_the_folder_that_it_begins_in_counts() -> None:
    source = CommandText(language=Language.SH, text="rm -rf *")

    assert judge(source, BUILTIN.values(), cwd="/srv/app") == []
    assert judge(source, BUILTIN.values(), cwd="/") != []


def test_a_pattern_reaches_over_a_line_and_into_wrappers() -> None:
    spec = CommandRuleSpec(pattern=r"mytool\s+purge\b", level=Level.BLOCK, message="ask Li")

    assert [hit.message for hit in sh("sudo mytool 'purge' all", no_purge=spec)] == ["ask Li"]
    assert sh("T=mytool; $T purge", no_purge=spec) != []
    assert sh("# mytool purge", no_purge=spec) == []
    assert sh("mytool purged", no_purge=spec) == []


def test_words_stand_alone() -> None:
    spec = CommandRuleSpec(words=("flushall", "config set"), ignore_case=True)

    assert len(sh("redis-cli FLUSHALL\nredis-cli config set x 1", redis=spec)) == 2
    assert sh("redis-cli flushall-later", redis=spec) == []


def test_a_rule_of_another_language_says_nothing() -> None:
    spec = CommandRuleSpec(pattern="purge", languages=(Language.SQL,))

    assert sh("purge", only_sql=spec) == []


def test_a_document_takes_the_place_of_the_built_in_rule_of_its_name() -> None:
    milder = CommandRuleSpec(builtin="stop-machine", level=Level.SCAN)
    off = CommandRuleSpec(builtin="stop-machine", enabled=False)

    assert [hit.level for hit in sh("reboot", stop_machine=milder)] == [Level.SCAN]
    assert sh("reboot", stop_machine=off) == []
    assert {hit.level for hit in sh("reboot", stricter=milder)} == {Level.CONFIRM, Level.SCAN}


def test_a_pattern_that_takes_too_long_counts_as_met() -> None:
    spec = CommandRuleSpec(pattern=r"(a|aa)+$", level=Level.CONFIRM)

    hits = sh("a" * 60 + "b", slow=spec)

    assert [hit.rule for hit in hits] == ["slow"]
    assert "takes too long" in hits[0].message


def test_a_text_that_is_too_long_says_so() -> None:
    assert [hit.rule for hit in sh("echo x\n" * 10_001)] == ["too-long"]
    assert sh("echo x\n" * 10_000) == []


def test_variables_that_double_themselves_stay_small() -> None:
    assert sh("a=xx;" + "a=$a$a;" * 60 + "rm $a") == []


def test_a_search_that_takes_too_long_is_ended() -> None:
    with pytest.raises(timebox.TooSlow):
        list(timebox.search(r"(a|aa)+$", ["a" * 60 + "b"]))


def test_many_texts_share_one_time_and_each_is_found_once() -> None:
    assert list(timebox.search(r"a\s*b", ["xa", "b", "ab ab", "", " a b"])) == [(2, 0), (4, 1)]
    assert list(timebox.search(r"^x*$", ["", "xx", "y"])) == [(0, 0), (1, 0)]
    with pytest.raises(timebox.TooSlow):
        list(timebox.search(r"(a|aa)+$", ["a" * 24 + "b"] * 100_000))


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({}, "give `pattern`, `words`, `builtin`, `paths` or `allow`"),
        ({"pattern": "a", "words": ("b",)}, "one of the five"),
        ({"pattern": "("}, "not a regular expression"),
        ({"builtin": "remove-sytem"}, "did you mean remove-system"),
        ({"pattern": "a", "operations": ("read",)}, "`operations` belong to `paths`"),
        ({"paths": ("/etc/**",), "languages": ("sh",)}, "paths have no language"),
        ({"paths": ("etc",)}, "match pattern"),
    ],
)
def test_a_rule_that_says_nothing_clear_is_refused(fields: dict[str, object], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        CommandRuleSpec.model_validate(fields)


@pytest.mark.parametrize(
    ("operation", "path", "rule"),
    [
        (Operation.WRITE, "/usr/bin/python3", "write-system-path"),
        (Operation.WRITE, "/usr/lib/x/../y.so", "write-system-path"),
        (Operation.DELETE, "/boot/", "write-system-path"),
        (Operation.WRITE, "/etc/sudoers.d/app", "write-login-path"),
        (Operation.WRITE, "/srv/../etc//passwd", "write-login-path"),
        (Operation.WRITE, "/home/li/.ssh/authorized_keys", "write-login-path"),
        (Operation.DELETE, "/var/lib", "delete-system-folder"),
        (Operation.READ, "/usr/bin/python3", None),
        (Operation.WRITE, "/etc/app/passwd", None),
        (Operation.WRITE, "/home/li/x/.ssh/config", None),
        (Operation.DELETE, "/var/lib/app", None),
    ],
)
def test_paths_of_file_steps_are_judged(operation: Operation, path: str, rule: str | None) -> None:
    hits = judge(PathUse(path=path, operation=operation), BUILTIN.values())

    assert [hit.rule for hit in hits] == ([] if rule is None else [rule])


def test_a_document_guards_paths_too() -> None:
    spec = CommandRuleSpec(paths=("/srv/keys/**",), operations=(Operation.READ,))
    rules = rules_of({"keys": spec})

    assert judge(PathUse(path="/srv/keys/a/b", operation=Operation.READ), rules) != []
    assert judge(PathUse(path="/srv/keys", operation=Operation.READ), rules) != []
    assert judge(PathUse(path="/srv/keys2/a", operation=Operation.READ), rules) == []


@pytest.mark.parametrize(
    ("interpreter", "language"),
    [
        (None, Language.SH),
        ("/usr/bin/bash", Language.SH),
        ("pwsh", Language.POWERSHELL),
        ("C:\\Windows\\System32\\cmd.exe", Language.CMD),
        ("python3", Language.OTHER),
    ],
)
def test_an_interpreter_tells_the_language(interpreter: str | None, language: Language) -> None:
    assert language_of(interpreter) is language


ALLOWED = CommandRuleSpec(
    allow=(
        "(LC_ALL=C )?df( -h)?( /[a-z]*)?",
        "uptime",
        "sudo systemctl restart [a-z]+",
        "systemctl .*",
    ),
    level=Level.BLOCK,
)


@pytest.mark.parametrize(
    "text",
    [
        "df -h /var; uptime",
        "uptime 2>&1 >/dev/null | df",
        "if uptime; then df; fi",
        "# a comment: rm\nsudo systemctl restart nginx",
        "'up'time",
        "LC_ALL=C df",
    ],
)
def test_what_is_allowed_meets_no_allow_list(text: str) -> None:
    assert sh(text, ops=ALLOWED) == []


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("uptime; ls", "ls"),
        ("uptime $(id)", "id"),
        ("PATH=/tmp; uptime", "PATH=/tmp"),
        ("PATH=/tmp uptime", "PATH=/tmp uptime"),
        ("> /etc/motd", "> /etc/motd"),
        ("df > /etc/motd", "df > /etc/motd"),
        ("df -h /var/log", "df -h /var/log"),
        ("sudo uptime", "sudo uptime"),
        ("sh -c 'uptime; whoami'", "sh -c 'uptime; whoami'"),
        ("xdf\nuptimes", "xdf"),
        ("df\\\n -k", "df\\\n -k"),
        ("$CMD", "$CMD"),
        ("uptime &&\nf() { ls; }", "f"),
    ],
)
def test_everything_else_meets_it(text: str, command: str) -> None:
    first, *_ = sh(text, ops=ALLOWED)

    assert (first.rule, first.level, first.command) == ("ops", Level.BLOCK, shortened(command))
    assert first.message == "is not among the commands that are allowed here"


def test_a_command_must_be_allowed_by_every_list_and_no_list_takes_a_rule_away() -> None:
    other = CommandRuleSpec(allow=("uptime|ls",))
    rude = CommandRuleSpec(allow=(".*",))

    assert [hit.rule for hit in sh("uptime; df; ls", ops=ALLOWED, other=other)] == ["ops", "other"]
    assert [hit.rule for hit in sh("rm -rf /", rude=rude)] == ["remove-system"]


def test_an_allow_list_reads_each_language_in_its_way() -> None:
    def met(language: Language, text: str) -> list[str]:
        found = judge(CommandText(language=language, text=text), rules_of({"ops": spec}))
        return [hit.command for hit in found if hit.rule == "ops"]

    spec = CommandRuleSpec(
        allow=("Get-Service .*", "SELECT .*", "print\\(1\\)", "dir"), level=Level.BLOCK
    )
    assert met(Language.POWERSHELL, "Get-Service x | Stop-Service") == ["Stop-Service"]
    assert met(Language.CMD, "dir & del x") == ["del x"]
    assert met(Language.SQL, "SELECT 1; DELETE FROM t WHERE a = 1") == ["DELETE FROM t WHERE a = 1"]
    assert met(Language.OTHER, "# x\nprint(1)\nimport os") == ["import os"]


def test_a_list_that_takes_too_long_allows_nothing() -> None:
    spec = CommandRuleSpec(allow=("(a|aa)+",), level=Level.BLOCK)

    (hit,) = sh("a" * 60 + "b", ops=spec)

    assert "not sure" in hit.message
