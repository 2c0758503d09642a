"""One table decides; what it does not grant is refused."""

from __future__ import annotations

import itertools

import pytest

from core.domain.authorization import (
    GRANTS,
    VERBS,
    Actor,
    ActorKind,
    Object,
    ObjectKind,
    Verb,
    authorize,
    may,
)
from core.errors import Forbidden

QUESTIONS = list(itertools.product(Verb, ObjectKind))


@pytest.mark.parametrize(("verb", "kind"), QUESTIONS)
def test_the_owner_may_do_everything_that_has_a_meaning(verb: Verb, kind: ObjectKind) -> None:
    assert may(Actor("owner"), verb, kind) == (verb in VERBS[kind])


@pytest.mark.parametrize("actor_kind", ["", "guest", "OWNER", "owner "])
@pytest.mark.parametrize(("verb", "kind"), QUESTIONS)
def test_an_unknown_kind_of_actor_may_do_nothing(
    actor_kind: str, verb: Verb, kind: ObjectKind
) -> None:
    with pytest.raises(Forbidden):
        authorize(Actor("mallory", actor_kind), verb, Object(kind))


def test_a_refusal_names_the_actor_the_verb_and_the_object() -> None:
    with pytest.raises(Forbidden) as refused:
        authorize(Actor("mallory", "guest"), Verb.DELETE, Object(ObjectKind.DOCUMENT, "host/web1"))
    assert refused.value.message == "mallory may not delete document host/web1"


def test_nothing_is_granted_that_has_no_meaning() -> None:
    for actor_kind, rights in GRANTS.items():
        for kind, verbs in rights.items():
            assert verbs <= VERBS[kind], actor_kind


def test_every_kind_of_object_and_of_actor_has_a_row() -> None:
    assert set(VERBS) == set(ObjectKind)
    assert set(GRANTS) == set(ActorKind)
