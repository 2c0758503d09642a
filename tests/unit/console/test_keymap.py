"""Key maps: what a person changes is in nobody's way, and what cannot be leaves the default key."""

from __future__ import annotations

import string
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.actions import TEXTS, Scope, registry
from console.keys import in_force, is_key, keys_of, name_of_key, taken_by
from console.preferences import PreferenceFile
from console.tui.keymap import key_map
from console.tui.views import VIEWS
from console.wishes import read_wishes
from core.errors import Invalid


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "en")


def test_the_registry_itself_has_no_conflict() -> None:
    own = {id_: ",".join(keys_of(action, {})) for id_, action in registry().items() if action.keys}
    assert in_force(own) == (own, [])


def test_a_key_of_another_action_that_may_be_at_hand_is_taken() -> None:
    known = registry()
    for key, other in (("q", "everywhere.quit"), ("j", "list.down"), ("a", "runs.again")):
        found = taken_by(known["runs.stop"], key, {})
        assert found is not None
        assert found.id == other
        holding, (problem,) = in_force({"runs.stop": key})
        assert holding == {}
        assert other in problem.what


def test_a_key_of_a_view_that_is_never_open_with_it_is_free() -> None:
    assert taken_by(registry()["runs.stop"], "T", {}) is None
    assert in_force({"runs.stop": "x"}) == ({"runs.stop": "x"}, [])


def test_a_key_that_was_given_away_is_free() -> None:
    known = registry()
    own = {"everywhere.quit": "ctrl+q"}
    assert taken_by(known["runs.stop"], "q", own) is None
    assert keys_of(known["everywhere.quit"], own) == ("ctrl+q",)


def test_two_actions_may_change_their_keys() -> None:
    own = {"everywhere.quit": "ctrl+q", "runs.stop": "q"}
    assert in_force(own) == (own, [])


def test_two_actions_of_one_scope_on_one_key_both_keep_their_defaults() -> None:
    holding, problems = in_force({"runs.stop": "x", "runs.faults": "z,x", "list.down": "ctrl+n"})

    assert holding == {"list.down": "ctrl+n"}
    assert [(each.where, each.what) for each in problems] == [
        ("[keys] runs.stop", "x is the key of: faults only (runs.faults)"),
        ("[keys] runs.faults", "x is the key of: stop the runs (runs.stop)"),
    ]


def test_a_default_that_comes_back_is_in_nobodys_way() -> None:
    """`runs.stop` may have `q` only as long as leaving has another key."""
    holding, problems = in_force({"runs.stop": "q", "everywhere.quit": "no key"})

    assert holding == {}
    assert [each.where for each in problems] == ["[keys] everywhere.quit", "[keys] runs.stop"]


@pytest.mark.parametrize("key", ["", "no key", "crtl+x", "ctrl+", "x y", "xy", "f99", "\x07"])
def test_a_key_that_is_no_key_is_told(key: str) -> None:
    holding, (problem,) = in_force({"runs.stop": key})
    assert holding == {}
    assert "is no key" in problem.what
    assert "ctrl+x" in problem.hint


@pytest.mark.parametrize(
    "key", ["x", "ctrl+x", "alt+shift+f5", "ctrl+pageup", "comma", "+", "ctrl+underscore", "!", "ж"]
)
def test_a_key_may_be_a_character_or_a_name(key: str) -> None:
    assert in_force({"settings.reset": key}) == ({"settings.reset": key}, [])


def test_a_sign_is_the_same_key_by_its_name() -> None:
    assert taken_by(registry()["runs.stop"], "question_mark", {}) == registry()["everywhere.keys"]


def test_an_action_that_is_not_there_is_told_with_the_nearest_one() -> None:
    holding, (problem,) = in_force({"runs.stopp": "x"})
    assert holding == {}
    assert problem.where == "[keys] runs.stopp"
    assert problem.what == "there is no such action"
    assert problem.hint == "did you mean runs.stop?"


@given(
    st.dictionaries(
        st.sampled_from([*registry(), "runs.fly"]),
        st.lists(st.sampled_from(["x", "q", "j", "?", "ctrl+x", "f5", "nokey"]), max_size=2).map(
            ",".join
        ),
        max_size=6,
    )
)
def test_what_holds_is_in_nobodys_way_whatever_is_written(stated: dict[str, str]) -> None:
    holding, problems = in_force(stated)

    assert in_force(holding) == (holding, [])
    assert holding.items() <= stated.items()
    assert len(holding) + len(problems) == len(stated)


def test_what_cannot_be_is_one_message_and_all_else_holds(tmp_path: Path) -> None:
    path = tmp_path / "preferences.toml"
    path.write_text('theme = "light"\n[keys]\n"runs.stop" = "q"\n"runs.faults" = "x"\n')

    wishes = read_wishes(PreferenceFile(path))

    assert wishes.preferences.theme == "light"
    assert wishes.keys == {"runs.faults": "x"}
    assert isinstance(wishes.trouble, Invalid)
    assert str(path) in wishes.trouble.message
    assert ":settings" in wishes.trouble.hint


def test_only_views_without_rows_leave_out_the_actions_of_lists() -> None:
    for place in VIEWS.values():
        module, _colon, name = place.partition(":")
        view = getattr(import_module(f"console.tui.views.{module}"), name)
        if isinstance(view, type):  # others make one of several
            assert (view.SCOPE in TEXTS) == (Scope.LIST not in view.ALSO), name


@pytest.mark.parametrize("sign", string.punctuation)
def test_a_sign_is_one_key_by_whatever_name(sign: str) -> None:
    (name,) = key_map({"x": name_of_key(sign)}).values()

    assert name_of_key(name) == name_of_key(sign)
    assert is_key(name)


def test_names_of_keys_that_print_nothing_stay() -> None:
    for name in ("tab", "space", "escape", "delete", "f5", "ctrl+x", "x"):
        assert name_of_key(name) == name
