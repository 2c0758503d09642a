"""Hosts and groups from Ansible inventories, INI and YAML."""

from __future__ import annotations

import pytest

from core.domain.importing import ImportedGroup, ImportedHost, ImportPlan, read
from core.domain.importing.ansible_graph import expand
from core.errors import Invalid

INI = """\
# first the lonely ones
mail.example.com ansible_host=10.0.0.9
; another comment
[web]
web[01:03] http_port=80 nick="a b"   # three
web04:2222 ansible_user=root

[db]
db-[a:b].example.com
[db:vars]
ansible_user=postgres
ansible_port=2200
tier = 'gold' # plan
http_port=8080

[prod:children]
web
db

[prod:vars]
ansible_user=deploy
ansible_ssh_private_key_file=~/.ssh/prod
tier=silver
[all:vars]
ntp=ntp.example.com
"""
YAML = """\
all:
  hosts:
    mail.example.com: {ansible_host: 10.0.0.9}
  vars:
    ntp: ntp.example.com
  children:
    prod:
      vars:
        ansible_user: deploy
        ansible_ssh_private_key_file: ~/.ssh/prod
        tier: silver
      children:
        web:
          hosts:
            web[01:03]: {http_port: 80, nick: a b}
            web04:2222:
              ansible_user: root
        db:
          hosts:
            db-[a:b].example.com:
          vars:
            ansible_user: postgres
            ansible_port: 2200
            tier: gold
            http_port: 8080
"""


def summary(plan: ImportPlan) -> dict[str, ImportedHost]:
    return {host.name: host for host in plan.hosts}


def notices(plan: ImportPlan) -> list[str]:
    return [str(notice) for notice in plan.notices]


@pytest.mark.parametrize("text", [INI, YAML], ids=["ini", "yaml"])
def test_hosts_get_the_variables_of_their_groups_by_ansibles_precedence(text: str) -> None:
    plan = read("ansible", text)
    hosts = summary(plan)
    assert list(hosts) == [
        *("db-a.example.com", "db-b.example.com", "mail.example.com"),
        *("web01", "web02", "web03", "web04"),
    ]
    mail, db, web1, web4 = (
        hosts[name] for name in ("mail.example.com", "db-a.example.com", "web01", "web04")
    )
    assert (mail.address, mail.user, mail.groups) == ("10.0.0.9", None, ())
    assert mail.variables == {"ntp": "ntp.example.com"}
    assert (db.user, db.port, db.identity_files) == ("postgres", 2200, ("~/.ssh/prod",))
    assert db.variables == {"ntp": "ntp.example.com", "tier": "gold", "http_port": "8080"}
    assert (web1.user, web1.port, web1.groups) == ("deploy", None, ("web",))
    assert web1.variables == {
        "ntp": "ntp.example.com",
        "tier": "silver",
        "http_port": "80",
        "nick": "a b",
    }
    assert (web4.user, web4.port) == ("root", 2222)
    assert plan.groups == (
        ImportedGroup(name="db", hosts=("db-a.example.com", "db-b.example.com")),
        ImportedGroup(name="prod", expression="@db,@web"),
        ImportedGroup(name="web", hosts=("web01", "web02", "web03", "web04")),
    )
    assert plan.notices == ()


def test_hosts_know_the_line_that_first_names_them() -> None:
    hosts = summary(read("ansible", INI))
    assert [hosts[name].line for name in ("mail.example.com", "web02", "web04")] == [2, 5, 6]


def test_secrets_and_templates_stay_behind_and_are_not_shown() -> None:
    plan = read(
        "ansible",
        "[web]\n"
        "web1 ansible_password=hunter2 ansible_ssh_pass=hunter2 app=1\n"
        "[web:vars]\n"
        "ansible_become_pass = hunter2\n"
        "ansible_become_password={{ vault_pw }}\n"
        "db_url=postgres://app:hunter2@db/app\n"
        "greeting=hello {{ name }}\n"
        "ansible_user={{ lookup('env', 'USER') }}\n"
        "ansible_python_interpreter=/usr/bin/python3\n",
    )
    (host,) = plan.hosts
    assert host.variables == {"app": "1"}
    assert host.user is None
    assert [(notice.line, notice.what.split()[0]) for notice in plan.notices] == [
        (2, "ansible_password"),
        (2, "ansible_ssh_pass"),
        (4, "ansible_become_pass"),
        (5, "ansible_become_password"),
        (6, "db_url"),
        (7, "greeting"),
        (8, "ansible_user"),
        (9, "ansible_python_interpreter"),
    ]
    assert "hunter2" not in repr(plan)
    assert "vault_pw" not in repr(plan)


def test_encrypted_values_of_a_yaml_inventory_stay_behind() -> None:
    plan = read(
        "ansible",
        "web:\n"
        "  hosts:\n"
        "    web1:\n"
        "      ansible_host: !vault |\n"
        "        $ANSIBLE_VAULT;1.1;AES256\n"
        "        616263\n"
        "      code: !vault |\n"
        "        $ANSIBLE_VAULT;1.1;AES256\n"
        "        616263\n"
        "      plain: yes\n",
    )
    assert plan.hosts[0].variables == {"plain": "yes"}
    assert plan.hosts[0].address == ""
    assert [notice.line for notice in plan.notices] == [4, 7]
    assert "616263" not in repr(plan)


def test_the_kind_of_connection_decides_about_the_host() -> None:
    plan = read(
        "ansible",
        "here ansible_connection=local\n"
        "win ansible_connection=winrm\n"
        "old ansible_connection=paramiko\n"
        'odd ansible_connection="{{ x }}"\n',
    )
    assert {name: host.protocol for name, host in summary(plan).items()} == {
        "here": "local",
        "old": "ssh",
        "win": "winrm",
    }
    assert notices(plan) == [
        "line 4: odd is left out: its ansible_connection is not ssh, winrm, psrp or local",
    ]


@pytest.mark.parametrize(
    ("arguments", "jump", "noticed"),
    [
        ("-J gate", ("gate",), False),
        ("-Jgate", ("gate",), False),
        ("-o ProxyJump=me@gate:22,inner", ("gate", "inner"), False),
        ("-oProxyJump=gate -o ForwardAgent=yes", ("gate",), True),
        ("-o ProxyCommand='ssh -W %h:%p gate'", (), True),
        ("-C", (), True),
        ("-J", (), True),
        ("-J gate,,inner", (), None),
    ],
)
def test_a_jump_is_found_among_the_arguments_for_ssh(
    arguments: str, jump: tuple[str, ...], noticed: bool | None
) -> None:
    text = f"gate\ninner\n[web]\nweb1\n[web:vars]\nansible_ssh_common_args={arguments}\n"
    plan = read("ansible", text)
    assert summary(plan)["web1"].jump == jump
    unused = "line 6: arguments for ssh in ansible_ssh_common_args are not used"
    unread = "line 6: ansible_ssh_common_args is left out: '' is not a jump host"
    assert notices(plan) == {True: [unused], False: [], None: [unread]}[noticed]


def test_the_newer_name_of_a_connection_variable_wins() -> None:
    plan = read("ansible", "a ansible_host=new ansible_ssh_host=old\nb ansible_ssh_host=old\n")
    assert [host.address for host in plan.hosts] == ["new", "old"]


def test_what_cannot_be_taken_over_is_noticed_with_its_line() -> None:
    plan = read(
        "ansible",
        "2001:db8::1\n"
        "web[1-3]\n"
        "web1 ansible_port=ssh bad-name=1\n"
        "[has]\n"
        "web1\n"
        "[empty]\n"
        "[parent:children]\n"
        "empty\n"
        "missing\n"
        "[ghost:vars]\n"
        "a=1\n",
    )
    assert summary(plan) == {"web1": ImportedHost(name="web1", line=3)}
    assert plan.groups == ()
    expected = [
        "line 1: host left out: '2001:db8::1' cannot be a name",
        "line 2: 'web[1-3]' is left out: [1-3] is not a range such as [01:20]",
        "line 3: ansible_port is left out: 'ssh' is not a port",
        "line 3: bad-name is left out: 'bad-name' cannot name a variable",
        "line 4: group left out: 'has' is a word of the target grammar",
        "line 6: group 'empty' has no hosts and is left out",
        "line 7: group 'parent' has no hosts and is left out",
        "line 9: group 'missing' is left out: it is not defined in this file",
        "line 11: a is left out: its group 'ghost' is not defined",
    ]
    assert len(plan.notices) == len(expected)
    for shown, start in zip(notices(plan), expected, strict=True):
        assert shown.startswith(start)


def test_a_host_in_several_groups_and_lines_is_one_host() -> None:
    plan = read(
        "ansible",
        "a x=1 y=1\na x=1\n[g1]\na x=2\n[g2]\na\na\n[g1:vars]\ny=2\nz=1\n[g2:vars]\nz=2\n",
    )
    (host,) = plan.hosts
    assert host.groups == ("g1", "g2")
    assert host.variables == {"x": "2", "y": "1", "z": "2"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[web:hots]\n", "line 1: unknown kind of section: [web:hots] (there are hosts"),
        ("[web servers]\n", "line 1: this is not the head of a section"),
        ("a b=1 c\n", "line 1: a variable is written name=value"),
        ("[a:vars]\nx\n", "line 2: a variable is written name=value"),
        ("a b='1\n", "line 1: the line cannot be read: No closing quotation"),
        ("[a:children]\nb c\n", "line 2: the name of a group is expected here"),
        ("[a:children]\nb\n[b:children]\na\n", "line 1: these groups contain each other: a, b"),
        ("[a:children]\na\n", "line 1: these groups contain each other: a"),
        ("web[1:200000]\n", ""),
        ("web:\n\thosts: x\n", "line 2, column 1: a tab cannot indent"),
        ("plugin: aws_ec2\n", "line 1: this is the configuration of an inventory plugin"),
        ('{"_meta": {}}\n', "line 1: this is the JSON form that `ansible-inventory --list`"),
        ("---\n- a\n", "line 2: an inventory is a mapping of groups"),
        ("a:\n---\nb:\n", "line 3: an inventory is one YAML document"),
        ("a: {children: {b: {children: {a: }}}}\n", "line 1: these groups contain each other"),
    ],
)
def test_a_file_that_ansible_would_refuse_is_refused_with_the_line(text: str, problem: str) -> None:
    if not problem:
        assert "more than 100,000 hosts" in notices(read("ansible", text))[0]
        return
    with pytest.raises(Invalid) as caught:
        read("ansible", text)
    (found,) = caught.value.problems
    assert str(found).startswith(problem)


def test_the_number_of_hosts_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.domain.importing.ansible_graph.MAX_HOSTS", 3)
    with pytest.raises(Invalid, match="line 2: these are more than 3 hosts"):
        read("ansible", "a[1:2]\nb[1:2]\n")


def test_a_group_inside_two_others_takes_the_variables_of_the_inner_one() -> None:
    plan = read(
        "ansible",
        "[deep]\nweb1\n[b:children]\ndeep\n[a:children]\nb\ndeep\n"
        "[a:vars]\nx=outer\ny=outer\n[b:vars]\nx=inner\n",
    )
    assert plan.hosts[0].variables == {"x": "inner", "y": "outer"}
    assert plan.groups[0] == ImportedGroup(name="a", expression="@b,@deep")


def test_literals_of_an_ini_file_become_text_without_their_quotes_and_comments() -> None:
    plan = read("ansible", "a yes=True\n[all:vars]\nb='x y' # why\nc=0644\nd=1.10 # e\nf=[1, 2]\n")
    assert plan.hosts[0].variables == {
        "yes": "true",
        "b": "x y",
        "c": "0644",
        "d": "1.10",
        "f": "[1, 2]",
    }


def test_an_empty_yaml_inventory_has_no_hosts() -> None:
    assert read("ansible", "---\n# nothing yet\n") == ImportPlan()


def test_a_misplaced_blank_does_not_show_the_password_behind_it() -> None:
    with pytest.raises(Invalid) as caught:
        read("ansible", "web1 ansible_password= hunter2\n")
    assert "hunter2" not in str(caught.value)


def test_odd_parts_of_a_yaml_inventory_are_noticed() -> None:
    plan = read(
        "ansible",
        "web:\n  hosts: web1\n  hotss: {a: }\n  vars: [1]\n"
        "  children:\n    sub: text\nnone:\nodd:\n  hosts:\n    web2: text\n",
    )
    assert list(summary(plan)) == ["web1", "web2"]
    assert [notice.line for notice in plan.notices] == [3, 4, 6, 6, 7, 10]


@pytest.mark.parametrize(
    ("pattern", "names", "port"),
    [
        ("web1", ["web1"], None),
        ("web1:22", ["web1"], 22),
        ("web[1:3]", ["web1", "web2", "web3"], None),
        ("web[08:10]:22", ["web08", "web09", "web10"], 22),
        ("web[:2]", ["web0", "web1", "web2"], None),
        ("web[0:10:5]", ["web0", "web5", "web10"], None),
        ("[a:c]x", ["ax", "bx", "cx"], None),
        ("r[1:2]-[a:b]", ["r1-a", "r1-b", "r2-a", "r2-b"], None),
        ("web[3:1]", [], None),
        ("2001:db8::1", ["2001:db8::1"], None),
    ],
)
def test_a_host_pattern_expands_as_in_ansible(
    pattern: str, names: list[str], port: int | None
) -> None:
    assert expand(pattern) == (names, port)


@pytest.mark.parametrize(
    "pattern",
    ["web[1]", "web[1:]", "web[a:3]", "web[1:3:0]", "web[1:3:x]", "web[1:2:3:4]"]
    + ["web[1:999999999]", "web[1:1000][1:1000]", "w[1:99999999999999999999]"],
)
def test_a_host_pattern_that_is_none_or_too_large_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"range|step|stands for"):
        expand(pattern)


def test_a_chain_of_ten_thousand_groups_costs_no_recursion() -> None:
    chain = "".join(f"[g{at}:children]\ng{at + 1}\n" for at in range(10_000))
    plan = read("ansible", chain + "[g10000]\nweb1\n[g0:vars]\na=1\n")
    assert plan.hosts[0].variables == {"a": "1"}
    assert len(plan.groups) == 10_001
