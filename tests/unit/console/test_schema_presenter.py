from __future__ import annotations

import pytest

from console.presenters.schema import Field, describe, fields_table, find
from console.presenters.text import plain
from core.api.kinds import schema_of
from core.domain.documents import KINDS


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBDECK_LANG", "en")


def field(kind: str, path: str) -> Field:
    found = find(schema_of(kind), path)
    assert isinstance(found, Field)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_explained_to_its_last_field(kind: str) -> None:
    pending, seen = [field(kind, "")], 0
    while pending:
        place = pending.pop()
        assert place.type
        assert len(fields_table(place.fields).rows) == len(place.fields)
        pending += place.fields
        seen += 1

    assert seen > 5


def test_spec_may_be_left_out() -> None:
    assert field("host", "port") == field("host", "spec.port")
    assert field("host", "port").type == "whole number 1 to 65535"
    assert field("host", "port").default == "22"


def test_lists_are_stepped_into() -> None:
    assert field("job", "spec.steps[].retry.times").type == "whole number 0 to 10"
    assert field("job", "steps.retry.times") == field("job", "spec.steps[].retry.times")


def test_a_field_of_one_variant_says_which() -> None:
    by_name = {item.name: item for item in field("job", "steps").fields}

    assert (
        by_name["kind"].type == "command | script | local | http | sql | push | pull | distribute"
    )
    assert by_name["language"].only == "script"
    assert by_name["timeout_s"].only == ""


def test_a_secret_is_called_one() -> None:
    assert field("account", "password").type == "secret text"


def test_an_unknown_field_gives_the_names_that_exist() -> None:
    found = find(schema_of("host"), "spec.prot")

    assert isinstance(found, list)
    assert "port" in found


def test_a_description_has_type_meaning_and_default() -> None:
    lines = [plain(line) for line in describe("host.spec.protocol", field("host", "protocol"))]

    assert lines == [
        "host.spec.protocol  ssh | winrm | local",
        "How a host is reached.",
        "default: ssh",
    ]
