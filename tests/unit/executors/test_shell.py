"""The text that a work becomes: which carrier it takes, and what is refused."""

from __future__ import annotations

import pytest

from core.domain.quoting import is_plain_for_any_login_shell
from core.domain.tasks import Program
from core.errors import Invalid
from core.executors.protocol import Work
from core.executors.shell import MAX_ARGUMENT_BYTES, STDIN_REQUEST, compose

TOKEN = "0123456789abcdef"


def work(text: str = "uptime", interpreter: str | None = None, **more: object) -> Work:
    program = Program(text=text, interpreter=interpreter)
    return Work(**{"attempt_id": "a1", "task": program, **more})


def test_a_plain_command_with_public_ids_travels_in_the_request() -> None:
    launch = compose(work("df -h /", env={"JOBDECK_RUN": "01J"}), TOKEN)

    assert launch.text == b""
    assert launch.request.startswith("exec env 'JOBDECK_RUN=01J' /bin/sh -c '")
    assert launch.request.endswith(f"sh {TOKEN} 'df -h /'")


@pytest.mark.parametrize(
    "of_work",
    [
        pytest.param(work(env={"PASSWORD": "hunter2"}), id="a value that may be a secret"),
        pytest.param(work("echo it's"), id="a quote"),
        pytest.param(work("echo a!b"), id="csh's history"),
        pytest.param(work("echo 'a\\b'"), id="fish's backslash"),
        pytest.param(work("echo a\necho b"), id="two lines"),
        pytest.param(work("echo 名"), id="not ASCII"),
        pytest.param(work("echo x", env={"JOBDECK_HOST": "名"}), id="an id that is not ASCII"),
        pytest.param(work("true " + "x" * MAX_ARGUMENT_BYTES), id="long"),
        pytest.param(work("print(1)", "python3"), id="a script"),
        pytest.param(work(collect_outputs=True), id="outputs"),
    ],
)
def test_everything_else_travels_on_standard_input(of_work: Work) -> None:
    launch = compose(of_work, TOKEN)

    assert launch.request == STDIN_REQUEST
    assert of_work.program.text.splitlines()[0].split()[0].encode() in launch.text


def test_no_part_of_a_secret_is_in_the_request() -> None:
    launch = compose(work("echo $TOKEN", env={"TOKEN": "hunter2"}), TOKEN)

    assert "hunter2" not in launch.request
    assert b"hunter2" in launch.text


def test_the_request_for_standard_input_reads_alike_in_every_login_shell() -> None:
    assert is_plain_for_any_login_shell(STDIN_REQUEST.split("'")[1])


def test_the_wrapper_in_a_request_reads_alike_in_every_login_shell() -> None:
    wrapper = compose(work(), TOKEN).request.split("'")[1]

    assert is_plain_for_any_login_shell(wrapper)


def test_another_user_always_reads_from_standard_input() -> None:
    launch = compose(work(), TOKEN, as_other_user=True)

    assert launch.text.startswith(b"cd 2>/dev/null || cd /\n")


@pytest.mark.parametrize(
    ("of_work", "where"),
    [
        (work("a\0b"), "program, character 2: a NUL character"),
        (work(env={"A": "x\0"}), "env.A, character 2: a NUL character"),
        (work(env={"A-B": "x"}), "env.A-B: 'A-B' cannot name a variable"),
        (work("a\ud800"), "program, character 2: half of a surrogate pair"),
    ],
)
def test_what_no_shell_can_carry_is_named_with_its_place(of_work: Work, where: str) -> None:
    with pytest.raises(Invalid) as caught:
        compose(of_work, TOKEN)

    assert where in str(caught.value)


def test_every_problem_of_a_work_is_named_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        compose(work("a\0b", env={"A": "\0", "1": "x"}), TOKEN)

    assert len(caught.value.problems) == 3


def test_bytes_that_are_no_text_travel_as_they_are() -> None:
    launch = compose(work("cat caf\udce9"), TOKEN)

    assert b"cat caf\xe9" in launch.text
