"""How Ansible says that a host is reached through WinRM: by the plugins `winrm` and `psrp`.

Both have variables of their own for what others share. Certificates are files of the machine that
Ansible runs on, so they are named in the notices and stay behind; so is a check that is switched off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from core.domain.importing import fields
from core.domain.windows import Authentication
from core.domain.yamlsafe import Plain

CONNECTIONS = frozenset({"winrm", "psrp"})

_AUTHENTICATIONS: Mapping[str, str] = {
    **{each.value: each.value for each in Authentication},
    "negotiate": Authentication.NTLM.value,
    "plaintext": Authentication.BASIC.value,
    "ssl": Authentication.BASIC.value,
}


def _authentication(value: Plain) -> str:
    """The first of several, which is the one that Ansible prefers."""
    words = value if isinstance(value, list) else re.split(r"[,\s]+", str(value).strip())
    for word in words:
        if found := _AUTHENTICATIONS.get(str(word)):
            return found
    raise ValueError(f"WinRM knows no {fields.shown(str(value))}")


def _tls(value: Plain) -> bool:
    if value not in ("http", "https"):
        raise ValueError(f"{fields.shown(str(value))} is neither http nor https")
    return value == "https"


def _checks(value: Plain) -> None:
    if value != "validate":
        raise ValueError("certificates are always checked; pin it: `winrm.certificate`")


def _belongs(place: str) -> Callable[[Plain], None]:
    def refuse(_: Plain) -> None:
        raise ValueError(f"it is a file; put its text into {place}")

    return refuse


_ACCOUNT = "the account's `tls_certificate` and `tls_key`"
VARIABLES: Mapping[str, tuple[str | None, Callable[[Plain], Any]]] = {
    "ansible_winrm_host": ("address", fields.address),
    "ansible_winrm_port": ("port", fields.port),
    "ansible_winrm_user": ("user", fields.user),
    "ansible_winrm_scheme": ("tls", _tls),
    "ansible_winrm_transport": ("authentication", _authentication),
    "ansible_winrm_server_cert_validation": (None, _checks),
    "ansible_winrm_ca_trust_path": (None, _belongs("`winrm.ca`")),
    "ansible_winrm_cert_pem": (None, _belongs(_ACCOUNT)),
    "ansible_winrm_cert_key_pem": (None, _belongs(_ACCOUNT)),
    "ansible_psrp_host": ("address", fields.address),
    "ansible_psrp_port": ("port", fields.port),
    "ansible_psrp_user": ("user", fields.user),
    "ansible_psrp_protocol": ("tls", _tls),
    "ansible_psrp_auth": ("authentication", _authentication),
    "ansible_psrp_cert_validation": (None, _checks),
    "ansible_psrp_ca_cert": (None, _belongs("`winrm.ca`")),
    "ansible_psrp_certificate_pem": (None, _belongs(_ACCOUNT)),
    "ansible_psrp_certificate_key_pem": (None, _belongs(_ACCOUNT)),
}
"""Variable -> field, and what makes its value of it; None: only a notice, if anything."""
_KEY_FILES = frozenset({"ansible_private_key_file"})


def means(key: str, connection: str) -> bool:
    """Whether a host that is reached by `connection` looks at the variable `key`."""
    if connection in CONNECTIONS and (key.startswith("ansible_ssh_") or key in _KEY_FILES):
        return False
    return key not in VARIABLES or key.startswith(f"ansible_{connection}_")
