"""A run's own secrets: given with its start, in the vault while it goes on, erased at its end."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from core.domain.values import Secret, SecretRef
from core.errors import Forbidden
from core.storage.writer import Transaction
from core.vault.vault import Vault


def seal(
    tx: Transaction, vault: Vault, run_id: str, texts: Mapping[str, str]
) -> dict[str, SecretRef]:
    """Keep the secrets of a run that starts; name -> reference."""
    return {name: vault.put(tx, owner_of(run_id, name), text) for name, text in texts.items()}


def put_back(
    tx: Transaction,
    vault: Vault,
    run_id: str,
    refs: Mapping[str, SecretRef],
    texts: Mapping[str, str],
) -> None:
    """Keep the secrets of a run that is taken up again, under the references that it has."""
    for name, text in texts.items():
        vault.put_back(tx, refs[name], owner_of(run_id, name), text)


def erase(tx: Transaction, vault: Vault, run_id: str) -> None:
    """Forget all of them."""
    vault.delete_owner(tx, owner_of(run_id))


def text_of(secret: Secret) -> str:
    """The text of a secret that came in; a reference could lend another's, so it is refused.

    So is a place outside: what a run gets is sealed when it starts.
    """
    if isinstance(secret, SecretStr):
        return secret.get_secret_value()
    raise Forbidden("a run takes the text of a secret, and no reference or other place of it")


def owner_of(run_id: str, name: str = "") -> str:
    """The vault's owner of one secret; without a name, the beginning of all the run's owners."""
    return f"run/{run_id}/{name}"
