"""What steps that move files say of themselves before anything is moved."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from core.domain.command_rules.values import PathUse
from core.domain.steps import Given, Step

PUSH = {"kind": "push", "name": "x"}
PULL = {"kind": "pull", "name": "x", "to": "/srv/found"}
DISTRIBUTE = {"kind": "distribute", "name": "x", "to": "/srv/in/"}
ENV = {"JOBDECK_RUN": "r", "JOBDECK_STEP": "x", "JOBDECK_HOST": "web01", "ENV": "prod"}


def step(spec: dict[str, Any]) -> Any:
    return TypeAdapter(Step).validate_python(spec)


@pytest.mark.parametrize(
    ("spec", "uses"),
    [
        ({**PUSH, "files": ["/a/b.conf", "/c/*"], "to": "/etc/${ENV}/"},
         [("write", "/etc/prod/b.conf"), ("write", "/etc/prod/*")]),
        ({**PUSH, "text": "x", "to": "/etc/${LATER}/b"}, [("write", "/etc/${LATER}/b")]),
        ({**PULL, "files": ["/etc/shadow", "~/x"]}, [("read", "/etc/shadow"), ("read", "~/x")]),
        ({**DISTRIBUTE, "source": "all", "files": ["/k/key.pem"]},
         [("read", "/k/key.pem"), ("write", "/srv/in/key.pem")]),
        ({**DISTRIBUTE, "urls": [{"url": "http://x/y/z.tgz"}]}, [("write", "/srv/in/z.tgz")]),
    ],
)  # fmt: skip
def test_rules_judge_every_path_that_is_touched(
    spec: dict[str, Any], uses: list[tuple[str, str]]
) -> None:
    judged = step(spec).judged(Given(script=None, env=ENV))

    assert all(isinstance(use, PathUse) for use in judged)
    assert [(use.operation.value, use.path) for use in judged] == uses


@pytest.mark.parametrize(
    "spec",
    [{**PUSH, "text": "x", "to": "/a/b"}, {**PULL, "files": ["/a"]}],
)
def test_a_check_of_files_only_looks(spec: dict[str, Any]) -> None:
    given = Given(script=None, env=ENV)
    asked = step(spec)

    assert asked.task(given).check is False
    assert asked.rehearsal(given).check is True


@pytest.mark.parametrize(
    ("spec", "taken", "to"),
    [
        ({**PUSH, "files": ["/a/b.conf", "/c/*"], "to": "/etc/${ENV}/"},
         [("engine", ("/a/b.conf", "/c/*"), "")], "/etc/${ENV}/"),
        ({**PUSH, "contents": [{"name": "motd", "sha256": "0" * 64}], "to": "/etc/motd"},
         [("content", ("motd",), "")], "/etc/motd"),
        ({**PUSH, "text": "pa55word", "to": "/etc/b"}, [("text", (), "")], "/etc/b"),
        ({**PULL, "files": ["~/x"]}, [("target", ("~/x",), "")], "/srv/found/"),
        ({**DISTRIBUTE, "source": "role=db", "files": ["/k"], "urls": [{"url": "http://x/z.tgz"}]},
         [("hosts", ("/k",), "role=db"), ("web", ("http://x/z.tgz",), "")], "/srv/in/"),
    ],
)  # fmt: skip
def test_people_are_told_which_files_go_where(
    spec: dict[str, Any], taken: list[tuple[str, tuple[str, ...], str]], to: str
) -> None:
    carried = step(spec).carried

    assert [(each.source.value, each.files, each.hosts) for each in carried.taken] == taken
    assert carried.to == to
