"""Names of environment variables."""

from __future__ import annotations

import pytest

from core.domain.envname import MAX_ENV_NAME_CHARACTERS, check_env_name


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
