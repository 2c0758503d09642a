"""What errors say of themselves."""

from __future__ import annotations

from core.errors import Forbidden, Problem, RequestError

READ_ONLY = Problem(where="environment prod", what="is read-only", hint="leave its hosts out")
CAP = Problem(where="environment prod", what="allows 2 hosts in one run", hint="narrow it")


def test_brief_is_the_first_reason_without_what_a_person_might_type() -> None:
    both = Forbidden("guard rails forbid it", problems=[READ_ONLY, CAP])
    assert both.brief == "guard rails forbid it: environment prod is read-only, and 1 more"
    assert "leave its hosts out" in str(both)

    one = Forbidden("guard rails forbid it", problems=[READ_ONLY])
    assert one.brief == "guard rails forbid it: environment prod is read-only"
    assert RequestError("nothing to run on", hint="name hosts").brief == "nothing to run on"
