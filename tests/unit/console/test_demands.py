"""What the engine demands: a refusal that an answer would change, and no other."""

from __future__ import annotations

import pytest

from console.demands import ChangeNumber, HostCount, Rules, SecretsAgain, WhichStep, demanded
from core.errors import (
    AcknowledgementRequired,
    ConfirmationRequired,
    Forbidden,
    Invalid,
    Problem,
    RequestError,
)

COUNT = ConfirmationRequired("confirm", hosts=3, touched={"prod": "web[1-3]"})
RULES = AcknowledgementRequired("rules", rules=["reboot", "wipe"])
CHANGE = Forbidden(
    "rails", problems=[Problem(where="environment prod", what="needs one", hint="--change CHG-.*")]
)
ERASED = Invalid("secrets", [Problem(where="secrets.TOKEN", what="was erased")])

STEPS = Invalid(
    "the action does not name a step",
    [Problem(where="step", what="more than one step can be meant", hint="a, b")],
)


def test_each_refusal_says_what_to_ask_for() -> None:
    assert demanded(COUNT, {}, {}) == HostCount(3, {"prod": "web[1-3]"})
    assert demanded(RULES, {"acknowledge": ["wipe"]}, {}) == Rules(("reboot",), (), ("wipe",))
    assert demanded(CHANGE, {}, {}) == ChangeNumber("CHG-.*")
    assert demanded(ERASED, {}, {}) == SecretsAgain(("TOKEN",))
    assert demanded(STEPS, {}, {}) == WhichStep(("a", "b"))


@pytest.mark.parametrize(
    ("error", "request_", "secrets"),
    [
        (COUNT, {"confirm_hosts": 4}, {}),
        (RULES, {"acknowledge": ["reboot", "wipe"]}, {}),
        (CHANGE, {"change": "X-1"}, {}),
        (ERASED, {}, {"TOKEN": "t"}),
        (Forbidden("no"), {}, {}),
        (Invalid("no", [Problem(where="step", what="has no targets")]), {}, {}),
        (Invalid("no", [Problem(where="hosts", what="is none")]), {}, {}),
        (RequestError("no"), {}, {}),
    ],
)
def test_what_no_answer_would_change_is_no_demand(
    error: RequestError, request_: dict[str, object], secrets: dict[str, str]
) -> None:
    assert demanded(error, request_, secrets) is None


def test_a_change_number_is_not_asked_for_where_more_stands_against_it() -> None:
    capped = Problem(where="environment prod", what="at most 5 hosts", hint="narrow the targets")
    error = Forbidden("rails", problems=[*CHANGE.problems, capped])

    assert demanded(error, {}, {}) is None


def test_answers_become_fields_of_the_same_request() -> None:
    assert HostCount(3, {}).fields() == {"confirm_hosts": 3}
    assert Rules(("reboot",), (), ("wipe",)).fields() == {"acknowledge": ["wipe", "reboot"]}
    assert ChangeNumber("NUMBER").fields("CHG-1") == {"change": "CHG-1"}
