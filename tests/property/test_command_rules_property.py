"""Laws of judging commands: any text is judged, and no wrapper hides what it runs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.domain.command_rules import BUILTIN, CommandText, Language, judge
from core.domain.quoting import quote_posix

_TOKENS = st.sampled_from(
    ["rm", "-rf", "/", " ", "\n", ";", "|", "&", "&&", "(", ")", "{", "}", "$(", "${", "$((", "`",
     "'", '"', "\\", "<<EOF\n", "EOF\n", "<(", ">", "$", "$'", "#", "sh -c ", "find", "-exec",
     "case x in", "[", "*", "A=", "$A", "é", "\0", "\r"]
)  # fmt: skip
_TEXTS = st.one_of(st.text(max_size=200), st.lists(_TOKENS, max_size=60).map("".join))
_WRAPPERS = st.sampled_from(
    [
        "sudo {}",
        "env A=1 {}",
        "nohup {} &",
        "true && {}",
        "echo $( {} )",
        "timeout 5 {}",
        "sh -c {quoted}",
        "ssh host {quoted}",
        "eval {quoted}",
        "if x; then {}; fi",
        "( {} )",
        "cat <<'E'\nE\n{}",
    ]
)


@given(text=_TEXTS, language=st.sampled_from(Language))
def test_any_text_is_judged_and_every_hit_has_a_place_in_it(text: str, language: Language) -> None:
    hits = judge(CommandText(language=language, text=text), BUILTIN.values())

    for hit in hits:
        assert 1 <= hit.line <= text.count("\n") + 1
        assert 1 <= hit.column <= len(text) + 1


@given(wrappers=st.lists(_WRAPPERS, max_size=4))
def test_what_is_dangerous_stays_so_in_any_wrapper(wrappers: list[str]) -> None:
    command = "rm -rf /etc"
    for wrapper in wrappers:
        command = wrapper.format(command, quoted=quote_posix(command))

    hits = judge(CommandText(language=Language.SH, text=command), BUILTIN.values())

    assert "remove-system" in {hit.rule for hit in hits}


@given(text=st.text(max_size=100))
def test_what_is_quoted_is_no_command(text: str) -> None:
    command = f"echo {quote_posix(text.replace(chr(0), ''))}"

    assert judge(CommandText(language=Language.SH, text=command), _RULES) == []


_RULES = [rule for rule in BUILTIN.values() if not rule.pattern]
