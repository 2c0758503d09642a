"""Hosts from an OpenSSH client configuration."""

from __future__ import annotations

import pytest

from core.domain.importing import ImportedHost, ImportPlan, read


def hosts(text: str) -> dict[str, ImportedHost]:
    return {host.name: host for host in read("openssh", text).hosts}


def notices(plan: ImportPlan) -> list[str]:
    return [str(notice) for notice in plan.notices]


def test_each_plain_name_of_a_host_line_is_a_host() -> None:
    found = hosts(
        "Host web1 web2 web-*\n"
        "  HostName %h.example.com\n"
        "  port=2222\n"
        '  User "deploy"\n'
        "  IdentityFile ~/.ssh/web   # key\n"
        "\n"
        "# comment\n"
        "Host db1\n"
    )
    assert found == {
        "db1": ImportedHost(name="db1", line=8),
        "web1": ImportedHost(
            name="web1",
            address="web1.example.com",
            port=2222,
            user="deploy",
            identity_files=("~/.ssh/web",),
            line=1,
        ),
        "web2": ImportedHost(
            name="web2",
            address="web2.example.com",
            port=2222,
            user="deploy",
            identity_files=("~/.ssh/web",),
            line=1,
        ),
    }


def test_the_first_value_wins_and_key_files_add_up_as_ssh_does() -> None:
    found = hosts(
        "User global\n"
        "Host web1\n"
        "  User late\n"
        "  Port 1\n"
        "  IdentityFile a\n"
        "Host web? !web2 other\n"
        "  Port 2\n"
        "  IdentityFile b\n"
        "  IdentityFile none\n"
        "Host web2\n"
        "Host *\n"
        "  Port 3\n"
        "  IdentityFile a\n"
    )
    assert {name: (host.user, host.port, host.identity_files) for name, host in found.items()} == {
        "web1": ("global", 1, ("a", "b")),
        "web2": ("global", 3, ("a",)),
        "other": ("global", 2, ("b", "a")),
    }


def test_a_pattern_is_a_notice_and_not_a_host() -> None:
    plan = read("openssh", "Host *.example.com\n  User a\nHost x.example.com\n")
    assert [(host.name, host.user) for host in plan.hosts] == [("x.example.com", "a")]
    assert notices(plan) == [
        "line 1: Host *.example.com is a pattern: it applies to hosts, it is none"
    ]


@pytest.mark.parametrize(
    ("lines", "jump"),
    [
        ("ProxyJump gate", ("gate",)),
        ("ProxyJump me@gate:2222,ssh://inner:22", ("gate", "inner")),
        ("ProxyJump none\n ProxyJump gate", ()),
        ("ProxyCommand ssh -W %h:%p gate\n ProxyJump gate", ()),
        ("ProxyJump gate\n ProxyCommand nc %h %p", ("gate",)),
        ("ProxyCommand none\n ProxyJump gate", ()),
    ],
)
def test_jump_hosts_are_named_and_compete_with_a_proxy_command(
    lines: str, jump: tuple[str, ...]
) -> None:
    assert hosts(f"Host gate inner\nHost web1\n {lines}\n")["web1"].jump == jump


def test_a_jump_for_every_host_is_none_for_the_jump_host_itself() -> None:
    plan = read("openssh", "Host gate web1\nHost *\n ProxyJump outer,gate\nHost outer\n")
    assert {host.name: host.jump for host in plan.hosts} == {
        "gate": ("outer",),
        "outer": (),
        "web1": ("outer", "gate"),
    }
    assert "line 1: gate cannot be its own jump host; reached without it" in notices(plan)


def test_include_match_and_proxy_command_are_noticed_and_never_followed() -> None:
    checked = "host keys are always checked against Jobdeck's own list"
    plan = read(
        "openssh",
        "Include ~/.ssh/conf.d/*\n"
        "Host web1\n"
        "  ProxyCommand rm -rf /\n"
        "  StrictHostKeyChecking no\n"
        "  ForwardAgent yes\n"
        "Host web2\n"
        "  forwardagent no\n"
        'Match exec "touch /tmp/x"\n'
        "  User evil\n"
        "  Include other\n"
        "Match all\n"
        "  Port 5\n",
    )
    assert {host.name: (host.user, host.port) for host in plan.hosts} == {
        "web1": (None, 5),
        "web2": (None, 5),
    }
    assert notices(plan) == [
        "line 1: Include is left out: other files are not followed; import that one as well",
        "line 3: ProxyCommand is left out: a command is not run; only ProxyJump is taken over",
        f"line 4: StrictHostKeyChecking is left out: {checked}",
        "line 5: ForwardAgent (2 times) is left out: it has no counterpart here",
        "line 8: Match is not evaluated; its settings are left out",
    ]


def test_what_cannot_be_taken_over_is_noticed_with_its_line() -> None:
    plan = read(
        "openssh",
        "Host we/b all web1\n"
        "  HostName %n.example.com\n"
        "  Port ssh\n"
        "  User a b\n"
        "  IdentityFile %d/.ssh/id\n"
        "  ProxyJump ssh://a b\n"
        '  IdentityFile "open\n'
        "?\n",
    )
    assert plan.hosts == (ImportedHost(name="web1", user="a", jump=("a",), line=1),)
    expected = [
        "line 1: host left out: 'all' is a word of the target grammar",
        "line 1: host left out: 'we/b' cannot be a name",
        "line 1: jump host 'a' is not in this file; define it as well",
        "line 2: address of web1 is left out: of the % tokens only %h is known here",
        "line 3: port of web1 is left out: 'ssh' is not a port",
        "line 5: IdentityFile is left out: of the % tokens only %h is known here",
        "line 7: the line cannot be read and is left out",
        "line 8: the line cannot be read and is left out",
    ]
    assert len(plan.notices) == len(expected)
    for shown, start in zip(notices(plan), expected, strict=True):
        assert shown.startswith(start)


def test_a_key_file_without_a_user_is_noticed() -> None:
    plan = read(
        "openssh", "Host a\n IdentityFile x\nHost b\n User u\n IdentityFile x\n IdentityFile y\n"
    )
    assert notices(plan) == [
        "line 1: a: a key file without a user makes no account; run with --as",
        "line 3: b: only the first of 2 key files is used",
    ]


def test_a_percent_sign_is_written_twice() -> None:
    assert hosts("Host a\n User u\n IdentityFile k%%h\n")["a"].identity_files == ("k%h",)


def test_five_thousand_hosts_are_read_without_asking_every_block_for_each() -> None:
    blocks = [f"Host web{at}\n HostName 10.0.{at // 250}.{at % 250}\n" for at in range(5000)]
    found = hosts("".join(blocks) + "Host *\n User deploy\n")
    assert len(found) == 5000
    assert (found["web4999"].address, found["web4999"].user) == ("10.0.19.249", "deploy")
