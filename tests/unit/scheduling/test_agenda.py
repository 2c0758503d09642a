"""The agenda gives what is due, earliest first, whatever was noted and taken before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.scheduling.agenda import Agenda

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NAMES = st.sampled_from("abcd")
PUT = st.tuples(st.just("put"), NAMES, st.none() | st.integers(0, 9))
TAKE = st.tuples(st.just("take"), st.integers(0, 9), st.integers(0, 3))


def at(minute: int | None) -> datetime | None:
    return None if minute is None else NOON + timedelta(minutes=minute)


@given(st.lists(PUT | TAKE, max_size=200))
def test_it_agrees_with_a_plain_list(steps: list[tuple[str, object, int | None]]) -> None:
    agenda, plain = Agenda(), dict[str, datetime]()
    for step, what, minute in steps:
        moment = at(minute)
        if step == "put":
            agenda.put(str(what), moment)
            plain.pop(str(what), None)
            if moment is not None:
                plain[str(what)] = moment
        else:
            assert isinstance(what, int)
            now, most = NOON + timedelta(minutes=what), minute or 0
            order = sorted(plain, key=lambda name: (plain[name], name))
            wanted = [name for name in order if plain[name] <= now][:most]
            assert [*agenda.take(now, most).items()] == [(name, plain[name]) for name in wanted]
            for name in wanted:
                del plain[name]
        assert agenda.next_at == min(plain.values(), default=None)
        assert len(agenda) == len(plain)


def test_what_is_noted_again_and_again_takes_no_more_room() -> None:
    agenda = Agenda()
    for minute in range(10_000):
        agenda.put("a", at(minute))

    assert len(agenda._heap) < 20
    assert agenda.next_at == at(9_999)
