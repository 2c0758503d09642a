"""Hosts and groups from YAML."""

from __future__ import annotations

import pytest

from core.domain.importing import ImportedGroup, ImportedHost, read
from core.errors import Invalid

HOSTS = (
    ImportedHost(name="web1", address="10.0.0.1", groups=("web",), labels={"env": "no"}, line=2),
    ImportedHost(name="web2", line=3),
)


def test_hosts_stand_in_a_mapping_by_name() -> None:
    text = "# hosts\nweb1: {address: 10.0.0.1, groups: web, labels: {env: no}}\nweb2:\n"
    assert read("yaml", text).hosts == HOSTS


def test_hosts_stand_in_a_list() -> None:
    text = "# hosts\n- {name: web1, address: 10.0.0.1, groups: [web], labels: {env: no}}\n- web2\n"
    assert read("yaml", text).hosts == HOSTS


def test_groups_beside_the_hosts_are_lists_or_expressions() -> None:
    plan = read(
        "yaml",
        "hosts: [web1, {name: db1, groups: [night]}]\n"
        "groups:\n"
        "  night: [web1]\n"
        "  prod: 'env=prod,!legacy'\n"
        "  none: []\n",
    )
    assert plan.groups == (
        ImportedGroup(name="night", hosts=("db1", "web1")),
        ImportedGroup(name="prod", expression="env=prod,!legacy"),
    )
    assert [str(notice) for notice in plan.notices] == [
        "line 5: group 'none' is left out: it has no hosts"
    ]


def test_all_fields_are_taken_over() -> None:
    (host,) = read(
        "yaml",
        "web1:\n"
        "  port: 2222\n"
        "  protocol: local\n"
        "  user: deploy\n"
        "  jump: [gate]\n"
        "  identity_files: [~/.ssh/id]\n"
        "  labels: {n: 5, on: true, empty: }\n"
        "  variables: {N: 1.50, LIST: [1, a], FLAG: true}\n",
    ).hosts
    assert host == ImportedHost(
        name="web1",
        port=2222,
        protocol="local",
        user="deploy",
        jump=("gate",),
        identity_files=("~/.ssh/id",),
        labels={"n": "5", "on": "true", "empty": ""},
        variables={"N": "1.5", "LIST": '[1,"a"]', "FLAG": "true"},
        line=1,
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("web1:\n  adress: x\n", "line 2: unknown field 'adress' (did you mean 'address'?)"),
        ("web1:\n  password: x\n", "line 2: unknown field 'password' (secrets are not imported"),
        ("web1:\n  port: 99999\n", "line 2, port: '99999' is not a port, 1 to 65535"),
        ("web1:\n  port: [22]\n", "line 2, port: a single word is expected"),
        ("web1:\n  labels: {v: 1.10}\n", "line 2, labels: put the number in quotes"),
        (
            f"web1:\n  labels: {{v: {'x' * 256}}}\n",
            "line 2, labels: the value of label 'v' has more",
        ),
        ("web1:\n  jump: [a/b]\n", "line 2, jump: 'a/b' cannot be a name"),
        ("web1:\n  labels: [a]\n", "line 2, labels: labels are a mapping"),
        ("web1:\n  variables: a\n", "line 2, variables: variables are a mapping"),
        ("- name: a b\n", "line 1, name: 'a b' cannot be a name"),
        ("- address: x\n", "line 1: the host has no name"),
        ("- name: a\n- name: a\n", "line 2: host 'a' is on line 1 already"),
        ("a: {name: b}\n", "line 1: the name is the key already"),
        ("- 5\n", "line 1: a host is a mapping"),
        ("a: b\n", "line 1: a host is a mapping"),
        ("just text\n", "line 1: a list or mapping of hosts is expected here"),
        ("hosts: []\nother: 1\n", "line 2: unknown field 'other' beside `hosts` and `groups`"),
        ("groups: [a]\n", "line 1: groups are a mapping"),
        ("groups:\n  a b: [c]\n", "line 2: 'a b' cannot be a name"),
        ("groups:\n  g: 'a b'\n", "line 2, group g: cannot read this target expression"),
        ("groups:\n  g: [a b]\n", "line 2, group g: 'a b' cannot be a name"),
        ("kind: host\nname: a\n", "line 1: these are documents, not a list of hosts (use `jobdeck"),
        ("a: {port: 1}\na: {port: 2}\n", "line 2, column 1: the key 'a' stands here a second time"),
    ],
)
def test_a_problem_names_its_line_and_field(text: str, problem: str) -> None:
    with pytest.raises(Invalid) as caught:
        read("yaml", text)
    assert str(caught.value.problems[0]).startswith(problem)
    assert len(caught.value.problems) == 1


def test_a_secret_stays_behind_wherever_it_is() -> None:
    plan = read(
        "yaml",
        "web1:\n  variables:\n    db: {user: u, password: hunter2}\n    apiToken: hunter2\n    A: b\n",
    )
    assert plan.hosts[0].variables == {"A": "b"}
    assert len(plan.notices) == 2
    assert "hunter2" not in repr(plan)


def test_a_variable_that_no_environment_can_carry_stays_behind() -> None:
    plan = read("yaml", 'web1:\n  variables: {A: "x\\0y", "b c": d}\n')
    assert plan.hosts[0].variables == {}
    assert [notice.what.split(": ")[0] for notice in plan.notices] == [
        "variable 'A' is left out",
        "variable 'b c' is left out",
    ]
