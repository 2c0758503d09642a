"""What may not travel with an import: anything that looks like a secret.

Better a harmless variable left out, with a notice, than a password copied into
a document. Notices name the variable and its line, never its value.
"""

from __future__ import annotations

import re

from core.domain.yamlsafe import Opaque, Plain

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")
_SECRET_WORDS = frozenset({"pass", "pwd", "pin", "psk", "auth", "key", "keys"})
_SECRET_ENDINGS = (
    *("password", "passwords", "passwd", "passphrase", "passcode", "secret", "secrets"),
    *("token", "tokens", "credential", "credentials", "apikey", "privatekey"),
)
_SECRET_NAMES = ("密码", "口令", "密钥", "令牌")
_SECRET_TEXT = re.compile(
    r"""
      -----BEGIN\ [A-Z ]*PRIVATE\ KEY            # a key in PEM or OpenSSH form
    | \$ANSIBLE_VAULT;                           # encrypted by Ansible
    | ://[^/\s:@]*:[^/\s@]+@                     # a password in a URL
    | \b(?:password|passwd|pwd|passphrase|secret|token)\s*[=:]\s*\S   # in a connection string
    """,
    re.VERBOSE | re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name is to be taken for a secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    if "public" in words:
        return False
    return (
        any(word in name for word in _SECRET_NAMES)
        or any(word.endswith(_SECRET_ENDINGS) for word in words)
        or any(word in _SECRET_WORDS for word in words[-1:])
        or "pass" in words
    )


def holds_secret(value: Plain) -> bool:
    """Whether a secret seems to be anywhere inside `value`."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case Opaque():
                return True
            case str() as text if _SECRET_TEXT.search(text):
                return True
            case list() as items:
                waiting.extend(items)
            case dict() as entries:
                if any(map(is_secret_name, entries)):
                    return True
                waiting.extend(entries.values())
            case _:
                pass
    return False
