"""Bad command lines: one message that names the flag and what to try, exit 2, nothing asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.cli.root import build, table
from tests.unit.console.fake_api import FakeApi, Jobdeck

RUN = ("run", "--on", "all")
PUSH = ("push", "--on", "all", "--to", "/x/")

WRONG = [
    # jobdeck itself
    (("rn",), "`jobdeck rn` is not a command", "did you mean `jobdeck run`?"),
    (("zzz",), "`jobdeck zzz` is not a command", "it has run, start, probe, flow, push,"),
    (("--hom", "x", "runs"), "--hom is not an option", "did you mean --home?"),
    (("--home",), "--home needs a value", ""),
    (("--color", "blue", "version"), "--color: must be auto, always or never", "--help"),
    (("version", "--lang", "tlh"), "--lang: must be one of en, zh_CN", "--help"),
    (("--no-input=1", "version"), "--no-input takes no value", ""),
    (("check", "--list", "x.sh"), "FILE|JOB and --list cannot stand together", "give one"),
    # run
    (("run", "--on", "all"), "there is nothing to run", "jobdeck run --on EXPR -- COMMAND"),
    (("run", "--", "ls"), "nothing says where to run", "--on all"),
    (("run", "--on", " ", "--", "ls"), "--on: it is empty", "--on all"),
    (("run", "--on", "a", "--hosts", "b", "--", "ls"), "--on and --hosts cannot stand", "one of"),
    (("run", "--hosts", "web[3-1]", "--", "ls"), "column 5: this range runs backwards", ""),
    (("run", "--hosts", ",", "--", "ls"), "column 1: a host name is missing here", ""),
    ((*RUN, "--timeout", "soon", "--", "ls"), "--timeout: 'soon' is not a duration", "30s, 5m"),
    ((*RUN, "--timeout", "0", "--", "ls"), "--timeout: '0' is not a duration", "30s"),
    ((*RUN, "--timeout", "-5", "--", "ls"), "--timeout: '-5' is not a duration", "30s"),
    ((*RUN, "--concurrency", "many", "--", "ls"), "--concurrency: 'many' does not fit", "1 to 2000"),
    ((*RUN, "--concurrency", "2001", "--", "ls"), "--concurrency: '2001' does not", "1 to 2000"),
    ((*RUN, "--confirm", "-1", "--", "ls"), "--confirm: '-1' does not fit", "at least 0"),
    ((*RUN, "--env", "A", "--", "ls"), "--env: 'A' has no value", "--env NAME=VALUE"),
    ((*RUN, "--env", "1A=x", "--", "ls"), "--env: '1A' cannot name a variable", "letters"),
    ((*RUN, "-e", "A=1", "-e", "A=2", "--", "ls"), "--env: A stands twice", ""),
    ((*RUN, "--language", "sh", "--", "ls"), "--language belongs to --script", "--script FILE"),
    ((*RUN, "--stream", "--quiet", "--", "ls"), "--stream and --quiet cannot", "give one"),
    ((*RUN, "--json", "--stream", "--", "ls"), "--json and --stream cannot", "give one"),
    ((*RUN, "--onn", "x", "--", "ls"), "--onn is not an option", "did you mean --on?"),
    ((*RUN, "--min-success", "0%", "--", "ls"), "--min-success: '0%' does not fit", "1% to 100%"),
    # push and pull
    (("push", "--on", "all", "--to", "/x/"), "no file is named", "`jobdeck push --help`"),
    (("push", "/bin/sh", "--on", "all"), "--to is missing", "--to /a/folder/"),
    (("push", "/bin/sh", "--to", "/x/"), "nothing says where to run", "--on all"),
    ((*PUSH, "/none/x"), "FILE: /none/x is not there", ""),
    ((*PUSH, "http://a/b", "/bin/sh"), "do not go together", "push one, then the other"),
    ((*PUSH, "http://a/b", "--template"), "--template: only files of this machine", ""),
    ((*PUSH, "/bin/sh", "--limit", "5X"), "--limit: '5X' does not fit", "such as 500K"),
    ((*PUSH, "/bin/sh", "--limit", "1"), "--limit: '1' does not fit", "such as 500K"),
    ((*PUSH, "/bin/sh", "--exists", "skp"), "--exists: 'skp' is not known", "did you mean skip?"),
    (("pull", "/x", "--on", "a", "--to", "y", "--missing", "no"), "--missing: 'no'", "fail, skip"),
    # contents
    (("contents", "add"), "FILE is missing", "`jobdeck contents add --help`"),
    (("contents", "add", "/none/x"), "FILE: /none/x is no file", ""),
    (("contents", "show", "zz"), "SHA256: 'zz' is no beginning", "at least 4 digits"),
    (("contents", "get", "abc", "-o", "x"), "SHA256: 'abc' is no beginning", "at least 4 digits"),
    (("apply", "hosts.yaml"), "unexpected argument: hosts.yaml", "did you mean -f hosts.yaml?"),
    # start
    (("start",), "JOB is missing", "`jobdeck start --help`"),
    (("start", "a", "--revision", "0"), "--revision: '0' does not fit", "at least 1"),
    (("runs", "pause-before", "last"), "NODE is missing", "jobdeck runs pause-before RUN NODE"),
    (("runs", "choose-way", "last", "n"), "--to is missing", "--to NODE"),
    (("runs", "roll-back", "last", "--confirm", "x"), "--confirm: 'x' does not fit", "at least 0"),
    (("flow", "validate"), "FLOW|FILE is missing", "FILE, -, NAME"),
    (("flow", "show"), "FLOW|FILE is missing", "FILE, -, NAME"),
    (("flow", "graph", "f", "--run", "last"), "FLOW|FILE and --run cannot stand", "one of"),
    (("flow", "graph", "f", "--format", "svg"), "--format: 'svg' is not known", "mermaid, dot"),
    (("flow", "start"), "FLOW is missing", "`jobdeck flow start --help`"),
    (("flow", "start", "--from-plan", "p", "--start-at", "a"), "says that already: --start-at", ""),
    (("start", "a", "b"), "unexpected argument: b", "`jobdeck start --help`"),
    (("start", "a", "-p", "x"), "-p: 'x' has no value", "-p NAME=VALUE"),
    (("start", "a", "-p", "x=1", "-p", "x=2"), "-p: x stands twice", ""),
    # queue
    ((*RUN, "--priority", "hihg", "--", "ls"), "--priority: 'hihg' is not known", "mean high?"),
    ((*RUN, "--lock", "a:sole", "--", "ls"), "--lock: 'sole' is not known", "one of shared"),
    ((*RUN, "--lock-hosts", "all", "--", "ls"), "--lock-hosts: 'all' is not known", "one of none"),
    (("queue", "list", "--limit", "0"), "--limit: '0' does not fit", "1 to 1000"),
    (("queue", "why"), "RUN is missing", "`jobdeck queue why --help`"),
    (("queue", "move", "x"), "PRIORITY is missing", "`jobdeck queue move --help`"),
    (("queue", "move", "x", "lowest"), "PRIORITY: 'lowest' is not known", "did you mean low?"),
    (("engine", "freeze"), "--reason is missing", "`jobdeck engine freeze --help`"),
    (("engine", "freeze", "--reason", " "), "--reason: it is empty", "those who have to wait"),
    # schedules
    (("schedules", "list", "--limit", "3"), "--limit: it needs the name of a schedule", ""),
    (("schedules", "list", "a", "--limit", "0"), "--limit: '0' does not fit", "1 to 1000"),
    (("schedules", "next", "a", "--limit", "x"), "--limit: 'x' does not fit", "1 to 1000"),
    (("schedules", "next"), "SCHEDULE is missing", "`jobdeck schedules next --help`"),
    (("schedules", "why", "a", "noon"), "TIME: 'noon' is no time", "2026-12-25T02:30"),
    (("schedules", "fier", "a"), "is not a command", "did you mean `jobdeck schedules fire`?"),
    # runs
    (("runs", "lst"), "`jobdeck runs lst` is not a command", "did you mean `jobdeck runs list`?"),
    (("runs", "list", "--state", "faild"), "--state: 'faild' is not known", "mean failed?"),
    (("runs", "list", "--since", "soon"), "--since: 'soon' is no time", "2026-01-31"),
    (("runs", "list", "--limit", "0"), "--limit: '0' does not fit", "1 to 100000"),
    (("runs", "show"), "RUN is missing", "`jobdeck runs show --help`"),
    (("runs", "show", "x", "--attempt", "0"), "--attempt: '0' does not fit", "at least 1"),
    (("runs", "output", "x", "--raw"), "--raw: it needs a host", "RUN HOST --raw"),
    (("runs", "output", "x", "y", "--raw", "--tail", "3"), "--raw and --tail cannot", "one of"),
    (("runs", "output", "x", "y", "--follow", "--tail", "3"), "--follow and --tail cannot", "one"),
    (("runs", "output", "x", "--stdout", "--stderr"), "--stdout and --stderr cannot", "one of"),
    (("runs", "output", "x", "--tail", "few"), "--tail: 'few' does not fit", "at least 0"),
    (("runs", "diff", "x", "--a", "web1"), "--a and --b belong together", "give two hosts"),
    (("runs", "search", "x"), "WORDS is missing", ""),
    (("runs", "search", "x", ""), "WORDS: there is nothing to search for", ""),
    (("search", " "), "WORDS: there is nothing to search for", ""),
    (("runs", "compare", "x"), "two runs are compared, and the second is missing", "`last` is"),
    (("runs", "show", ""), "a name or an id is empty", "--help"),
    (("runs", "export"), "RUN is missing", "`jobdeck runs export --help`"),
    (("runs", "export", "x", "--format", "htm"), "--format: 'htm' is not known", "mean html"),
    (("runs", "output", "x", "--since-start"), "--since-start: it needs --merged", ""),
    (("runs", "output", "x", "y", "--merged"), "--merged and HOST cannot", "give one"),
    (("runs", "output", "x", "--merged", "--raw"), "--merged and --raw cannot", "give one"),
    (("search",), "WORDS is missing", "`jobdeck search --help`"),
    (("search", "x", "--since", "soon"), "--since: 'soon' is no time", "2026-01-31"),
    (("search", "x", "--limit", "0"), "--limit: '0' does not fit", "1 to 100000"),
    (("runs", "watch", "x", "--per-host", "--quiet"), "--per-host and --quiet cannot", "one of"),
    (("runs", "retry", "x", "--all", "--failed"), "--failed and --all cannot stand", "one of"),
    (("runs", "retry", "x", "--hosts", "a", "--all"), "--all and --hosts cannot stand", "one of"),
    (("runs", "retry", "x", "--hosts", "web[3-1]"), "this range runs backwards", ""),
    (("runs", "retry", "x", "--confirm", "few"), "--confirm: 'few' does not fit", "at least 0"),
    (("runs", "retry", "x", "-p", "PIN"), "-p: 'PIN' has no value", "-p NAME=VALUE"),
    (("runs", "retry", "x", "--quiet", "--stream"), "--stream and --quiet cannot", "one of"),
    (("runs", "retry"), "RUN is missing", "`jobdeck runs retry --help`"),
    (("runs", "again", "x", "--on", "a", "--hosts", "b"), "--on and --hosts cannot", "one of"),
    (("runs", "again", "x", "--on", " "), "--on: it is empty", "--on all"),
    (("runs", "note", "x", " "), "TEXT: it is empty", "jobdeck runs note RUN"),
    (("runs", "force"), "`jobdeck runs force` is not a command", "mean `jobdeck runs force-stop`?"),
    # documents
    (("apply",), "-f is missing", "-f FILE, -f DIR, or -f -"),
    (("get",), "KIND is missing", "`jobdeck get --help`"),
    (("get", "host", "-o", "xml"), "-o: 'xml' is not known", "table, wide, yaml, json"),
    (("get", "host", "-o", "yaml", "--json"), "-o and --json cannot", "give one"),
    (("get", "host", "a", "-l", "b"), "NAME and --selector cannot", "give one"),
    (("get", "host", "--revision", "3"), "--revision: it needs a name", ""),
    (("get", "host", "a", "--revision", "x"), "--revision: 'x' does not fit", "at least 1"),
    (("delete", "host"), "NAME is missing", "`jobdeck delete --help`"),
    (("diff", "host", "a", "--from", "x"), "--from: 'x' does not fit", "at least 0"),
    (("diff", "host", "a", "--to", "-1"), "--to: '-1' does not fit", "at least 0"),
    (("explain",), "KIND[.FIELD] is missing", "--help"),
    (("advise", "flow"), "NAME is missing", "`jobdeck advise --help`"),
    (("advise", "run", "x"), "KIND: 'run' is not known", "flow, job"),
    (("advise", "job", "x", "--runs", "0"), "--runs: '0' does not fit", "1 to 100"),
    (("draw", "flow"), "NAME|RUN is missing", "`jobdeck draw --help`"),
    (("draw", "flwo", "x"), "KIND: 'flwo' is not known", "did you mean flow?"),
    (("draw", "flow", "x", "--format", "svg"), "--format: 'svg' is not known", "mermaid, dot"),
    (("expr",), "EXPRESSION is missing", "`jobdeck expr --help`"),
    (("expr", "1", "--var", "x"), "--var: 'x' has no value", "write --var NAME=JSON"),
    (("expr", "1", "--var", "x=1", "--var", "x.y=2"), "--var: x.y stands twice", ""),
    (("expr", "1", "--var", "x.y=1", "--var", "x=2"), "--var: x stands twice", ""),
    (("expr", "1", "--var", 'x={"a": 1'), "--var: x begins like JSON and cannot be read", ""),
    (("expr", "1", "--var", "x=" + "[" * 9999), "--var: x begins like JSON", "a string in JSON"),
    (("expr", "1", "--var", "x=1e999"), "--var: x: the number is too large", ""),
    (("expr", "a is b"), "column 3: nothing joins this", "write `=`"),
    (("expr", "lenn(x)"), "column 1: there is no function 'lenn'", "did you mean len"),
    (("expr", "x.b", "--var", "x.a=1"), "column 3: there is no 'b' in this map", "write `??"),
    # hosts
    (("hosts", "import", "x.csv"), "--from is missing", "csv, yaml, ansible, ansible-json, list, openssh"),
    (("hosts", "test"), "EXPR is missing", "--help"),
    (("hosts", "maintenance", "web1", "maybe"), "STATE: 'maybe' is not known", "on, off"),
    (("hosts", "maintenance", "web1", "off", "--for", "2h"), "--for: it goes with `on`", ""),
    (("hosts", "maintenance", "web1", "on", "--for", "soon"), "--for: 'soon'", "30s"),
    (("hosts", "note", "web1", " "), "TEXT: it is empty", "jobdeck hosts note"),
    (("hosts", "samples", "web1", "--limit", "0"), "--limit: '0' does not fit", "1 to 2000"),
    (("facts", "gather"), "--on is missing", "--on all"),
    (("hosts", "keys", "list", "--status", "old"), "--status: 'old' is not known", "pending"),
    (("hosts", "keys", "approve"), "name hosts, or give --all-pending", "keys list"),
    (("hosts", "keys", "approve", "a", "--all-pending"), "name hosts, or give", "keys list"),
    (("hosts", "keys", "revoke"), "HOST is missing", "--help"),
    # engine, events, help
    (("engine", "stop", "--drain", "--detach"), "--drain and --detach cannot", "give one"),
    (("engine", "stop", "--timeout", "never"), "--timeout: 'never' is not a duration", "30s"),
    (("events", "--after", "now"), "--after: 'now' does not fit", "at least 0"),
    (("events", "--follow", "--limit", "3"), "--follow and --limit cannot", "give one"),
    # what the shell hands over may be no text; only Python's own way keeps such bytes
    ((*RUN, "--", "echo \udcff"), "this is no text in UTF-8: echo ?", "in UTF-8"),
    (("search", "a\udcff"), "this is no text in UTF-8: a?", "in UTF-8"),
    (("restore", "/no/such/file"), "PATH: /no/such/file is no file", ""),
    (("completion", "tcsh"), "SHELL: 'tcsh' is not known", "bash, zsh, fish"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message", "hint"), WRONG, ids=lambda value: str(value)[:50])
def test_a_wrong_command_line_says_what_and_what_to_try(
    jobdeck: Jobdeck, api: FakeApi, words: tuple[str, ...], message: str, hint: str
) -> None:
    ended = jobdeck(*words)

    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert message in ended.err
    assert hint in ended.err
    assert api.requests == []


def test_a_flag_that_stands_twice_in_a_message_is_named_by_its_long_form(
    jobdeck: Jobdeck,
) -> None:
    assert "--env: 'A' has no value" in jobdeck(*RUN, "-e", "A", "--", "ls").err


def test_a_missing_script_names_the_file(jobdeck: Jobdeck, tmp_path: Path) -> None:
    ended = jobdeck("run", "--on", "all", "--script", str(tmp_path / "no.sh"))

    assert ended.code == 3
    assert f"--script: {tmp_path}/no.sh cannot be read: No such file" in ended.err


def test_a_script_that_is_no_text_names_the_byte(jobdeck: Jobdeck, tmp_path: Path) -> None:
    script = tmp_path / "a.sh"
    script.write_bytes(b"echo \xff")

    ended = jobdeck("run", "--on", "all", "--script", str(script))

    assert ended.code == 2
    assert "is not UTF-8 text (byte 5)" in ended.err


def test_without_words_there_is_help_and_an_error(jobdeck: Jobdeck) -> None:
    ended = jobdeck()

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Usage: jobdeck [OPTIONS] COMMAND ...")


def test_every_command_has_help_that_fits_80_cells(
    jobdeck: Jobdeck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    root = build()
    places = [()] + [(name,) for name in root.list_commands(None)]  # type: ignore[arg-type]
    for name in root.list_commands(None):  # type: ignore[arg-type]
        inner = getattr(root.get_command(None, name), "commands", {})  # type: ignore[arg-type]
        places += [(name, command) for command in inner]
    assert len(places) > 35

    for words in places:
        ended = jobdeck(*words, "--help")
        assert ended.code == 0
        assert f"Usage: jobdeck {' '.join(words)}".strip() in ended.out
        assert "--home DIR" in ended.out
        assert [line for line in ended.out.splitlines() if len(line) > 80] == []
        assert ":..." not in ended.out, "a sentence is cut"


def test_the_table_of_commands_is_true() -> None:
    root = build()

    for places in table().values():
        for name, place in places.items():
            command = root.get_command(None, name)  # type: ignore[arg-type]
            assert command is not None
            assert bool(getattr(command, "commands", {})) == place.is_family


def test_global_flags_may_stand_on_either_side(jobdeck: Jobdeck) -> None:
    before = jobdeck("--home", "/tmp/x", "engine", "socket")
    after = jobdeck("engine", "socket", "--home", "/tmp/x")

    assert before.out == after.out == "/tmp/x/engine.sock\n"


@pytest.mark.parametrize("words", [("--lang", "zh_CN", "--help"), ("--help", "--lang=zh_CN")])
def test_a_language_holds_for_the_whole_page(
    jobdeck: Jobdeck, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "en")

    page = jobdeck(*words).out

    assert "全局选项" in page
    assert "引擎的主目录" in page, "flags are described while the command line is made"


def test_a_language_behind_two_dashes_is_somebody_elses(
    jobdeck: Jobdeck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "en")

    ended = jobdeck("run", "--on", "", "--", "app", "--lang", "zh_CN")

    assert "--on: it is empty" in ended.err


def test_without_a_terminal_no_command_is_the_help_page(jobdeck: Jobdeck) -> None:
    ended = jobdeck()

    assert ended.code == 2
    assert ended.err.startswith("Usage: jobdeck")


def test_with_a_terminal_no_command_opens_the_terminal_ui(
    jobdeck: Jobdeck, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("console.cli.settings.is_screen", lambda: True)
    monkeypatch.setattr("console.cli.terminal.show", lambda: opened.append("here") or 0)

    assert jobdeck("--home", "/tmp/x").code == 0
    assert jobdeck("version").code == 0
    assert opened == ["here"]


def test_a_bug_is_not_mistaken_for_a_failed_run(
    jobdeck: Jobdeck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.cli.settings.home", lambda: 1 / 0)

    ended = jobdeck("runs", "list")

    assert ended.code == 70
    assert "error: this is a mistake in Jobdeck: ZeroDivisionError" in ended.err
    assert "hint: please report it" in ended.err
