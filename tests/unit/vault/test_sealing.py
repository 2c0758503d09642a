"""Walking a spec's secrets: every one is found, nothing else is touched."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field, SecretStr

from core.domain.access import AccountSpec
from core.domain.values import Secret, SecretRef, Value
from core.errors import Forbidden
from core.vault.sealing import open_all, owner_of, replace_secrets, seal, secrets_in


class Leaf(Value):
    word: str = ""
    proof: Secret | None = None


class Tree(Value):
    proof: Secret | None = None
    leaf: Leaf = Leaf()
    many: tuple[Leaf, ...] = ()
    by_name: dict[str, Secret] = Field(default_factory=dict)
    deep: dict[str, tuple[Leaf, ...]] = Field(default_factory=dict)
    free: Any = None


def tree() -> Tree:
    return Tree.model_validate(
        {
            "proof": "s1",
            "leaf": {"word": "w", "proof": "s2"},
            "many": [{"proof": "s3"}, {"word": "none"}, {"proof": "s4"}],
            "by_name": {"a": "s5"},
            "deep": {"x": [{"proof": "s6"}]},
            "free": [1, {"two": None}],
        }
    )


PLACES = [
    "spec.proof",
    "spec.leaf.proof",
    "spec.many[0].proof",
    "spec.many[2].proof",
    "spec.by_name.a",
    "spec.deep.x[0].proof",
]


def numbered() -> tuple[dict[str, str], Any]:
    kept: dict[str, str] = {}

    def put(where: str, text: str) -> SecretRef:
        ref = SecretRef(secret=f"{len(kept):026}")
        kept[where] = text
        return ref

    return kept, put


def forbid(where: str, ref: SecretRef) -> None:
    raise Forbidden(f"{where}: {ref.secret}")


def test_every_secret_is_found_with_its_place() -> None:
    assert [where for where, _ in secrets_in(tree())] == PLACES
    assert list(secrets_in(Tree())) == []


def test_every_text_is_replaced_by_its_reference_and_the_rest_stays() -> None:
    kept, put = numbered()
    sealed = seal(tree(), put, forbid)
    assert kept == dict(zip(PLACES, ["s1", "s2", "s3", "s4", "s5", "s6"], strict=True))
    assert all(isinstance(found, SecretRef) for _, found in secrets_in(sealed))
    assert [where for where, _ in secrets_in(sealed)] == PLACES
    assert sealed.leaf.word == "w"
    assert sealed.many[1] == Leaf(word="none")
    assert sealed.free == [1, {"two": None}]
    assert Tree.model_validate_json(sealed.model_dump_json()) == sealed


def test_opening_is_the_way_back() -> None:
    kept, put = numbered()
    sealed = seal(tree(), put, forbid)
    texts = list(kept.values())
    assert open_all(sealed, lambda ref: texts[int(ref.secret)]) == tree()


def test_references_that_came_in_are_shown_to_the_check() -> None:
    spec = AccountSpec.model_validate({"user": "u", "password": {"secret": "0" * 26}})
    with pytest.raises(Forbidden, match=r"spec\.password: 0000"):
        seal(spec, numbered()[1], forbid)


def test_a_spec_without_secrets_is_given_back_as_it_is() -> None:
    spec = AccountSpec(user="u")
    assert replace_secrets(spec, lambda where, found: found) is spec


def test_an_owner_does_not_depend_on_the_place_in_a_list() -> None:
    assert owner_of("account", "ops", "spec.password") == "account/ops/spec.password"
    assert owner_of("x", "n", "spec.many[12].proof") == owner_of("x", "n", "spec.many[0].proof")


def test_a_text_is_never_shown_by_accident() -> None:
    spec = AccountSpec(user="u", password=SecretStr("hunter2"))
    for shown in (repr(spec), str(spec), str(spec.model_dump()), spec.model_dump_json()):
        assert "hunter2" not in shown
