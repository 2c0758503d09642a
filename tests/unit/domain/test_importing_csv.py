"""Hosts from a CSV table."""

from __future__ import annotations

import pytest

from core.domain.importing import ImportedGroup, ImportedHost, ImportPlan, Notice, read
from core.errors import Invalid, NotFound


def problems(text: str) -> list[str]:
    with pytest.raises(Invalid) as caught:
        read("csv", text)
    return [str(problem) for problem in caught.value.problems]


def test_each_row_is_a_host_and_empty_cells_are_left_out() -> None:
    plan = read(
        "csv",
        "\ufeffName, address,port,user,Groups,labels,jump,identity_files,variables,protocol\r\n"
        'web10,10.0.0.10,2222,deploy,"web;front",env=prod; note=a b,gate,~/.ssh/id,TIER=1;Q=a=b,ssh\r\n'
        "web2,,,,web,,,,,\r\n"
        "\r\n"
        "# a comment, with commas,,\r\n"
        "gate,gate.example.com\r\n",
    )
    assert plan == ImportPlan(
        hosts=(
            ImportedHost(name="gate", address="gate.example.com", line=6),
            ImportedHost(name="web2", groups=("web",), line=3),
            ImportedHost(
                name="web10",
                address="10.0.0.10",
                port=2222,
                user="deploy",
                groups=("web", "front"),
                labels={"env": "prod", "note": "a b"},
                jump=("gate",),
                identity_files=("~/.ssh/id",),
                variables={"TIER": "1", "Q": "a=b"},
                line=2,
            ),
        ),
        groups=(
            ImportedGroup(name="front", hosts=("web10",)),
            ImportedGroup(name="web", hosts=("web2", "web10")),
        ),
    )


def test_lines_are_counted_through_cells_of_several_lines() -> None:
    found = problems('name,labels\nweb1,"a=1;\nb=2"\nweb 2,\n')
    assert len(found) == 1
    assert found[0].startswith("line 4, name: 'web 2' cannot be a name")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["line 1: there is no column 'name'"]),
        ("address\n10.0.0.1\n", ["line 1: there is no column 'name'"]),
        ("name,adress\n", ["line 1: unknown column 'adress' (did you mean 'address'?)"]),
        (
            "name,password\n",
            ["line 1: unknown column 'password' (secrets are not imported; make an account"],
        ),
        ("name,name\n", ["line 1: column 'name' stands there twice"]),
        ("name,port\na,0\nb,x\n", ["line 2, port: '0' is not a port", "line 3, port: 'x' is not"]),
        ("name,address\na,-oProxyCommand=x\n", ["line 2, address: '-oProxyCommand=x' is not the"]),
        ("name,address\na,1 2\n", ["line 2, address: '1 2' is not the address of a host"]),
        ("name,user\na,b c\n", ["line 2, user: 'b c' is not the name of a user"]),
        ("name,protocol\na,telnet\n", ["line 2, protocol: 'telnet' is not a protocol"]),
        ("name,labels\na,x\n", ["line 2, labels: entries are written key=value"]),
        ("name,labels\na,=x\n", ["line 2, labels: '' cannot be the key of a label"]),
        ("name,groups\na,all\n", ["line 2, groups: 'all' is a word of the target grammar"]),
        ("name,port\n,22\n", ["line 2: the host has no name"]),
        ("name\na\nb\na\n", ["line 4: host 'a' is on line 2 already (keep one of them)"]),
        ("name\na,b\n", ["line 2: the row has 2 cells for 1 columns"]),
        ('name\na\n"b\n', ["line 3: the row cannot be read"]),
    ],
)
def test_a_problem_names_its_line_and_column(text: str, found: list[str]) -> None:
    shown = problems(text)
    assert len(shown) == len(found)
    for line, expected in zip(shown, found, strict=True):
        assert line.startswith(expected)


def test_many_problems_are_counted_and_not_all_listed() -> None:
    with pytest.raises(Invalid) as caught:
        read("csv", "name,port\n" + "".join(f"h{at},x\n" for at in range(1000)))
    assert len(caught.value.problems) == 50
    assert caught.value.hint == "and 950 more problems"


def test_a_secret_among_the_variables_stays_behind_and_is_not_shown() -> None:
    plan = read("csv", "name,variables\nweb1,DB_PASSWORD=hunter2;TIER=1;URL=redis://u:hunter2@h\n")
    assert plan.hosts[0].variables == {"TIER": "1"}
    assert [notice.line for notice in plan.notices] == [2, 2]
    assert "'DB_PASSWORD' is left out: it looks like a secret" in plan.notices[0].what
    assert "hunter2" not in repr(plan)


def test_a_jump_host_that_the_file_lacks_is_noticed() -> None:
    plan = read("csv", "name,jump\nweb1,gate\n")
    what = "jump host 'gate' is not in this file; define it as well"
    assert plan.notices == (Notice(2, what),)
    assert str(plan.notices[0]) == f"line 2: {what}"


def test_an_unknown_source_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="did you mean 'openssh'"):
        read("openss", "")


def test_the_size_of_a_file_and_the_number_of_hosts_are_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.domain.importing.plan.MAX_HOSTS", 2)
    with pytest.raises(Invalid, match="at most 2 hosts, not 3"):
        read("csv", "name\na\nb\nc\n")
    monkeypatch.setattr("core.domain.importing.MAX_CHARACTERS", 5)
    with pytest.raises(Invalid, match="at most 5 characters"):
        read("csv", "name\na\n")


def test_windows_hosts_say_how_they_are_entered() -> None:
    plan = read(
        "csv",
        "name,protocol,transport,tls,port,user\n"
        "a,winrm,kerberos,,,EXAMPLE\\ops\n"
        "b,winrm,,no,,ops\n"
        "c,winrm,basic,,5985,ops\n"
        "d,winrm,credssp,yes,15986,\n",
    )
    found = {host.name: (host.authentication, host.tls, host.port) for host in plan.hosts}
    assert found == {
        "a": ("kerberos", None, None),
        "b": (None, False, None),
        "c": (None, False, 5985),
        "d": ("credssp", True, 15986),
    }
    assert [str(notice) for notice in plan.notices] == [
        "line 4: c: basic needs TLS; its `winrm.authentication` is left out"
    ]


def test_what_belongs_to_windows_is_refused_elsewhere() -> None:
    assert problems("name,transport,tls\na,ntlm,no\nb,telepathy,\n") == [
        "line 2, authentication: it belongs to protocol winrm",
        "line 2, tls: it belongs to protocol winrm",
        "line 3, authentication: 'telepathy' is none of ntlm, kerberos, credssp, certificate, basic",
    ]
