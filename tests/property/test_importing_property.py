"""Importers on text nobody wrote: a plan or one clear error; and OpenSSH's own answer as judge."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from core.domain import documents
from core.domain.importing import SOURCES, ImportPlan, read
from core.domain.importing import documents as proposed
from core.errors import Invalid, Problem

SECRET = "hunter2"
pieces = {
    "csv": ["name", ",", "\n", '"', "labels", "variables", "web1", "a=b", ";", "#", "port", "22"],
    "yaml": ["web1", ":", " ", "\n", "- ", "{", "}", "hosts", "groups", "port: 22", "[", "]"],
    "ansible": ["[web]", "[web:children]", "[a:vars]", "\n", " ", "web[1:3]", "=", "x=1", '"']
    + ["all:\n", "  hosts:\n", "    web1:\n", "ansible_port=22", "ansible_connection=local", "#"],
    "ansible-json": [
        "{",
        "}",
        '"web"',
        ":",
        ",",
        '["web1"]',
        '{"hosts": ["db1"]}',
        '"_meta"',
        "null",
    ]
    + ['"hostvars"', '"children"', '{"web": ["web1"], "up": {"children": ["web"]}}', "[", "]", "1"],
    "list": ["web1", " ", "\n", "10.0.0.1", "#", "db1 db.local\n"],
    "openssh": ["Host ", "web1 ", "*", "!", "\n", "Port 22", "HostName %h", "Match ", "Include x"]
    + ["ProxyJump a,b", '"', "IdentityFile ", "=", "User u"],
}
secret_pieces = {
    "csv": [f"DB_PASSWORD={SECRET}", f"u=x://a:{SECRET}@b"],
    "yaml": [f"  variables: {{token: {SECRET}}}\n", f"  variables: {{a: {{pwd: {SECRET}}}}}\n"],
    "ansible": [f" ansible_password={SECRET}", f" ansible_become_pass={SECRET}\n"]
    + [f"ansible_password= {SECRET}", f"      ansible_ssh_pass: {SECRET}\n"],
    "ansible-json": [f'"ansible_password": "{SECRET}"}}}}}}}}', f'"api_token": "{SECRET}"}}}}}}}}'],
    "list": [f"# password {SECRET}\n"],
    "openssh": [f"ProxyCommand sshpass -p {SECRET} ssh x\n", f"SetEnv PASSWORD={SECRET}\n"],
}


@pytest.mark.parametrize("source", SOURCES)
@given(data=st.data())
def test_any_text_becomes_valid_documents_or_an_error(source: str, data: st.DataObject) -> None:
    known = pieces[source] + ["数据", "\x00", "\t", "all", "\r\n", "\ufeff", "é"]
    text = data.draw(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(known)).map("".join)))
    plan, problems = attempt(source, text)
    if plan is None:
        assert problems
        return
    valid = [documents.parse(document).name for document in proposed(plan)]
    assert {host.name for host in plan.hosts} <= set(valid)


def attempt(source: str, text: str) -> tuple[ImportPlan | None, Sequence[Problem]]:
    try:
        return read(source, text), ()
    except Invalid as error:
        return None, error.problems


HEADS = {
    "csv": "name,variables\nweb1,",
    "yaml": "web1:\n",
    "ansible": "web1",
    "ansible-json": '{"_meta": {"hostvars": {"web1": {',
    "list": "web1 10.0.0.1",
    "openssh": "Host web1\n",
}


@pytest.mark.parametrize("source", SOURCES)
@given(data=st.data())
def test_no_secret_is_in_a_plan_or_in_an_error(source: str, data: st.DataObject) -> None:
    secret = data.draw(st.sampled_from(secret_pieces[source]))
    around = st.lists(st.sampled_from([*pieces[source], "\n"]), max_size=4).map("".join)
    text = HEADS[source] + secret + data.draw(around)
    try:
        shown = repr(read(source, text))
    except Invalid as error:
        shown = str(error)
    assert SECRET not in shown


names = st.sampled_from(["web1", "web2", "db1", "gate"])
patterns = st.one_of(names, st.sampled_from(["*", "web*", "?b1", "!web1", "!db*"]))
settings_lines = st.one_of(
    st.sampled_from(["10.0.0.1", "%h.example.com", "db.local"]).map("HostName {}".format),
    st.integers(1, 65535).map("Port {}".format),
    st.sampled_from(["deploy", "root"]).map("User={}".format),
    st.sampled_from(["/k/one", "/k/two", '"/k/three x"']).map("IdentityFile {}".format),
    st.sampled_from(["gate", "gate,bastion", "none", "me@gate:99"]).map("ProxyJump {}".format),
    st.sampled_from(["nc %h %p", "none"]).map("ProxyCommand {}".format),
)
blocks = st.tuples(
    st.lists(patterns, min_size=1, max_size=3), st.lists(settings_lines, max_size=4)
).map(lambda block: "\n  ".join([f"Host {' '.join(block[0])}", *block[1]]))
configurations = st.tuples(st.lists(settings_lines, max_size=2), st.lists(blocks, max_size=5)).map(
    lambda parts: "\n".join([*parts[0], *parts[1], ""])
)


@pytest.mark.needs("ssh")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=configurations)
def test_a_host_has_the_settings_that_ssh_itself_finds(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    plan = read("openssh", text)
    event(f"{len(plan.hosts)} hosts")
    for host in plan.hosts:
        found = asked_of_ssh(path, host.name)
        assert (host.address or host.name) == found["hostname"][0]
        assert (host.port or 22) == int(found["port"][0])
        assert host.user is None or host.user == found["user"][0]
        if host.identity_files:
            assert list(host.identity_files) == found["identityfile"]
        hops = [bare(hop) for hop in found.get("proxyjump", [""])[0].split(",") if hop]
        assert list(host.jump) == list(takewhile(host.name.__ne__, hops))


def bare(hop: str) -> str:
    """The host in `me@gate:99`."""
    return hop.rpartition("@")[2].partition(":")[0]


def asked_of_ssh(path: Path, name: str) -> dict[str, list[str]]:
    command = ["ssh", "-G", "-F", str(path), name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assume("jumphost loop" not in done.stderr)  # the host is its own jump host
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword, []).append(value)
    return found
