"""Windows hosts of an Ansible inventory: the plugins `winrm` and `psrp`, and their variables."""

from __future__ import annotations

from typing import Any

import pytest

from core.domain import documents
from core.domain.importing import documents as imported_documents
from core.domain.importing import read

INVENTORY = """\
[windows]
win1 ansible_host=10.0.0.31
win2 ansible_winrm_host=10.0.0.32 ansible_host=10.9.9.9 ansible_winrm_port=15986
win3 ansible_connection=psrp ansible_psrp_auth=negotiate ansible_psrp_protocol=http
win4 ansible_port=5985 ansible_winrm_transport=plaintext
lin1 ansible_connection=ssh

[windows:vars]
ansible_connection=winrm
ansible_user=EXAMPLE\\ops
ansible_password=geheim-81f
ansible_winrm_transport=kerberos,ntlm
ansible_winrm_server_cert_validation=ignore
ansible_winrm_ca_trust_path=/etc/ca.pem
ansible_ssh_common_args=-J gate
"""


def specs(text: str) -> dict[str, dict[str, Any]]:
    found = imported_documents(read("ansible", text))
    for item in found:
        documents.parse(item)
    return {item["name"]: item["spec"] for item in found if item["kind"] == "host"}


def test_hosts_become_documents_that_enter_them_as_ansible_does() -> None:
    account = "EXAMPLE-ops-windows"
    windows = {"protocol": "winrm", "account": account}
    assert specs(INVENTORY) == {
        "win1": {**windows, "address": "10.0.0.31", "winrm": {"authentication": "kerberos"}},
        "win2": {
            **windows,
            "address": "10.0.0.32",
            "port": 15986,
            "winrm": {"authentication": "kerberos"},
        },
        "win3": {**windows, "winrm": {"authentication": "ntlm", "tls": False}},
        "win4": {**windows, "port": 5985, "winrm": {"tls": False}},
        "lin1": {"account": "EXAMPLE-ops-agent", "jump": ["gate"]},
    }


def test_what_stays_behind_is_named_and_no_secret_comes_along() -> None:
    plan = read("ansible", INVENTORY)
    said = [str(notice) for notice in plan.notices]
    assert said[0] == "line 5: win4: basic needs TLS; its `winrm.authentication` is left out"
    assert any("certificates are always checked" in each for each in said)
    assert any("ansible_winrm_ca_trust_path is left out: it is a file" in each for each in said)
    assert "geheim" not in repr(plan)


def test_the_account_of_windows_hosts_waits_for_its_password() -> None:
    (account, *_) = imported_documents(
        read("ansible", "w ansible_connection=winrm ansible_user=o\n")
    )
    assert account == {"kind": "account", "name": "o-windows", "spec": {"user": "o"}}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("ansible_winrm_transport=telepathy", "WinRM knows no 'telepathy'"),
        ("ansible_winrm_scheme=ftp", "'ftp' is neither http nor https"),
        ("ansible_winrm_cert_pem=/x.pem", "the account's `tls_certificate`"),
        ('ansible_winrm_transport="{{ way }}"', "templates are not evaluated"),
        ("ansible_winrm_kerberos_delegation=yes", "it has no meaning here"),
    ],
)
def test_what_means_nothing_here_is_left_out_with_a_reason(setting: str, words: str) -> None:
    plan = read("ansible", f"w ansible_connection=winrm {setting}\n")
    assert plan.hosts[0].authentication is None
    assert any(words in str(notice) for notice in plan.notices)
