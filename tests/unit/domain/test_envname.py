"""Names of environment variables."""

from __future__ import annotations

import pytest

from core.domain.envname import MAX_ENV_NAME_CHARACTERS, check_env_name, check_output_name


@pytest.mark.parametrize("name", ["A", "_", "lower", "WITH_1", "x" * MAX_ENV_NAME_CHARACTERS])
def test_a_name_that_every_shell_can_read_is_returned(name: str) -> None:
    assert check_env_name(name) == name


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("", "is empty"),
        ("1st", "'1' at character 1"),
        ("a-b", "'-' at character 2"),
        ("a b", "' ' at character 2"),
        ("a=b", "'=' at character 2"),
        ("A\n", r"'\n' at character 2"),
        ("A\0", r"'\x00' at character 2"),
        ("größe", "'ö' at character 3"),
        ("名", "'名' at character 1"),
        ("A٣", "'٣' at character 2"),
        ("x" * (MAX_ENV_NAME_CHARACTERS + 1), "at most 128"),
    ],
)
def test_a_bad_name_is_refused_at_its_first_bad_character(name: str, complaint: str) -> None:
    with pytest.raises(ValueError) as refusal:
        check_env_name(name)
    assert complaint in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["version", "path", "env", "home", "GIT_COMMIT", "NODE_VERSION", "PYTHON_VERSION"]
)
def test_a_host_may_set_ordinary_names(name: str) -> None:
    assert check_output_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "PATH", "IFS", "ENV", "BASH_ENV", "BASH_FUNC_ls", "PS4", "LD_PRELOAD", "LD_LIBRARY_PATH",
        "DYLD_INSERT_LIBRARIES", "PYTHONPATH", "PYTHONSTARTUP", "PERL5OPT", "RUBYOPT",
        "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "SSH_ASKPASS",
        "http_proxy", "HTTPS_PROXY", "JOBDECK_RUN", "JOBDECK_",
    ],
)  # fmt: skip
def test_a_host_sets_nothing_that_programs_obey(name: str) -> None:
    assert check_env_name(name) == name
    with pytest.raises(ValueError, match=name):
        check_output_name(name)
