"""Health of hosts: what it takes to become up or down."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.domain.health import LOOKS, Health, Standing, after_look


def after(looks: str) -> list[Standing]:
    """Standings after each look: `.` it answered, `x` it did not."""
    found: list[Standing] = []
    for number, look in enumerate(looks):
        before = found[-1] if found else None
        failure = "no answer" if look == "x" else ""
        found.append(after_look(before, at=f"{number}", failure=failure))
    return found


def test_the_first_look_decides() -> None:
    assert [standing.state for standing in after(".")] == ["up"]
    assert [standing.state for standing in after("x")] == ["down"]


def test_a_host_is_down_after_three_failures_in_a_row_and_up_after_two_answers() -> None:
    states = [standing.state.value for standing in after(".xx.xxx.x..")]
    assert states == ["up"] * 6 + ["down"] * 4 + ["up"]
    assert after(".xx.xxx")[-1] == Standing(
        state=Health.DOWN, since="6", checked_at="6", message="no answer"
    )


@given(st.text(".x", min_size=1, max_size=60))
def test_a_state_changes_only_against_enough_looks(looks: str) -> None:
    standings = after(looks)
    for place in range(1, len(standings)):
        before, now = standings[place - 1 : place + 1]
        same = looks[: place + 1]
        if now.state is not before.state:
            sign = "x" if now.state is Health.DOWN else "."
            assert same.endswith(sign * LOOKS[now.state])
            assert (now.since, now.against) == (f"{place}", 0)
        else:
            assert now.since == before.since
            assert now.against < max(LOOKS.values())
