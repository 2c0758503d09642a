"""Key maps: what a person changes is in nobody's way."""

from __future__ import annotations

from importlib import import_module

from console.actions import TEXTS, Scope, registry
from console.tui.keymap import conflicts, keys_of, name_of_key, taken_by
from console.tui.views import VIEWS


def test_the_registry_itself_has_no_conflict() -> None:
    known = registry()
    own = {id_: ",".join(action.keys) for id_, action in known.items() if action.keys}
    assert [*conflicts(own)] == []


def test_a_key_of_another_action_that_may_be_at_hand_is_taken() -> None:
    known = registry()
    for key, other in (("q", "everywhere.quit"), ("j", "list.down"), ("a", "runs.again")):
        found = taken_by(known["runs.stop"], key, {})
        assert found is not None
        assert found.id == other
        assert [*conflicts({"runs.stop": key})] == [("runs.stop", "taken")]


def test_a_key_of_a_view_that_is_never_open_with_it_is_free() -> None:
    known = registry()
    assert taken_by(known["runs.stop"], "T", {}) is None
    assert [*conflicts({"runs.stop": "x"})] == []


def test_a_key_that_was_given_away_is_free() -> None:
    known = registry()
    own = {"everywhere.quit": "ctrl+q"}
    assert taken_by(known["runs.stop"], "q", own) is None
    assert keys_of(known["everywhere.quit"], own) == ["ctrl+q"]


def test_only_views_without_rows_leave_out_the_actions_of_lists() -> None:
    for place in VIEWS.values():
        module, _colon, name = place.partition(":")
        view = getattr(import_module(f"console.tui.views.{module}"), name)
        if isinstance(view, type):  # others make one of several
            assert (view.SCOPE in TEXTS) == (Scope.LIST not in view.ALSO), name


def test_an_action_that_is_not_there_is_told() -> None:
    assert [*conflicts({"runs.fly": "x"})] == [("runs.fly", "unknown")]


def test_keys_are_named_as_maps_name_them() -> None:
    assert name_of_key("question_mark") == "?"
    assert name_of_key("x") == "x"
