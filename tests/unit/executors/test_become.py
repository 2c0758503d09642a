"""The door to another user: who is answered what, and what a refusal means."""

from __future__ import annotations

import pytest

from core.domain.run import TargetState
from core.errors import Invalid
from core.executors.become import BecomeRefused, Door
from core.executors.protocol import BecomeLogin

TOKEN = "0123456789abcdef"
PROMPT = f"jobdeck-{TOKEN} password".encode()


def door(method: str = "sudo", user: str = "root", password: str | None = "hunter2") -> Door:
    return Door(BecomeLogin(method=method, user=user, password=password), TOKEN)


def test_the_password_is_in_no_request() -> None:
    assert "hunter2" not in door("sudo").request
    assert "hunter2" not in door("su").request


def test_sudo_without_a_password_must_not_ask() -> None:
    assert " -n " in door(password=None).request
    assert " -S " not in door(password=None).request


def test_sudo_is_answered_when_its_prompt_is_complete() -> None:
    sudo = door()

    assert sudo.answer(b"We trust you have received the usual lecture.\n") is None
    assert sudo.answer(PROMPT[:10]) is None
    assert sudo.answer(PROMPT[10:]) == b"hunter2\n"


def test_sudo_that_asks_again_has_refused() -> None:
    sudo = door()
    sudo.answer(PROMPT)

    with pytest.raises(BecomeRefused, match="sudo does not accept the password to become root"):
        sudo.answer(b"Sorry, try again.\n" + PROMPT)


@pytest.mark.parametrize("prompt", [b"Password: ", "密码：".encode(), b"root's password:"])
def test_su_is_answered_whatever_its_language(prompt: bytes) -> None:
    su = door("su")

    assert su.answer(b"stty: no terminal\n") is None
    assert su.answer(prompt) == b"hunter2\n"


def test_a_complaint_of_su_that_comes_in_pieces_is_no_question() -> None:
    su = door("su", password=None)

    assert [su.answer(piece) for piece in (b"su: ", b"user nobody2 does not", b" exist\n")] == [
        None,
        None,
        None,
    ]
    assert su.refused()[0] is TargetState.USER_MISSING


def test_su_is_answered_once() -> None:
    su = door("su")
    su.answer(b"Password: ")

    assert su.answer(b"something else ") is None


def test_a_question_without_a_password_to_answer_it_is_a_refusal() -> None:
    with pytest.raises(BecomeRefused, match="the account has none"):
        door("su", password=None).answer(b"Password: ")


def test_words_at_the_door_come_without_prompts() -> None:
    sudo = door()
    sudo.answer(b"sudo: unable to resolve host web1\n" + PROMPT)

    assert sudo.words() == b"sudo: unable to resolve host web1\n"
    assert sudo.words() == b""


@pytest.mark.parametrize(
    ("method", "words", "state"),
    [
        ("sudo", b"sudo: unknown user nobody2\n", TargetState.USER_MISSING),
        ("su", b"su: user nobody2 does not exist\n", TargetState.USER_MISSING),
        ("sudo", b"ada is not in the sudoers file.\n", TargetState.AUTH_FAILED),
        ("su", b"su: Authentication failure\n", TargetState.AUTH_FAILED),
    ],
)
def test_a_passage_that_ended_is_explained_in_the_programs_own_words(
    method: str, words: bytes, state: TargetState
) -> None:
    passage = door(method)
    passage.answer(words)

    ended, message = passage.refused()

    assert ended is state
    assert words.decode().strip() in message


@pytest.mark.parametrize("user", ["-u root", "ro'ot", "a!b", "名"])
def test_a_user_name_that_cannot_be_said_safely_is_refused(user: str) -> None:
    with pytest.raises(Invalid, match="cannot be given to sudo"):
        door(user=user)
