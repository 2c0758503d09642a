"""The vault as a whole: how it is, opening and locking it, its master key. No secret comes out."""

from __future__ import annotations

import asyncio

from pydantic import Field, SecretStr

from core.api import cursors
from core.api.routes import TheActor, TheEngine, asks, router
from core.api.values import Answer, Cursor, Limit, Page
from core.domain.authorization import ObjectKind, Verb
from core.domain.values import Value
from core.runtime.engine import Engine
from core.storage import secrets
from core.vault.keychain import State

routes = router("vault")

NAMED = 1000
"""Owners that are listed of secrets that do not open."""


class UnlockerOut(Answer):
    """A place that may keep the master key."""

    name: str
    place: str
    in_use: bool


class VaultOut(Answer):
    """How the vault is."""

    state: State
    needs_passphrase: bool = Field(description="unlocking asks for one")
    unlocker: str = Field(description="what keeps the master key")
    key_id: str = Field(description="names the open master key; empty where none is open")
    secrets: int
    first_scheme: int = Field(description="secrets without a data key; a rotation gives them one")
    unlockers: list[UnlockerOut]


class InitIn(Value):
    """Where the master key is to be kept."""

    unlocker: str = Field(max_length=40, description="a name of `unlockers`")
    passphrase: SecretStr | None = Field(
        None, max_length=1024, description="for the unlocker `passphrase`: at least 8 characters"
    )


class UnlockIn(Value):
    """What opens it."""

    passphrase: SecretStr | None = Field(
        None, max_length=1024, description="where the key lies under one"
    )


class ExportIn(Value):
    """What the exported key lies under."""

    passphrase: SecretStr = Field(max_length=1024, description="at least 8 characters")


class SealedKeyOut(Answer):
    """The master key, which only its passphrase opens."""

    text: str = Field(description="keep it in another place than the backups")


class ImportIn(Value):
    """An exported key, and what opens it."""

    text: str = Field(min_length=1, max_length=1 << 16)
    passphrase: SecretStr = Field(max_length=1024)


class SecretOut(Answer):
    """A document's secret: everything but the secret."""

    owner: str = Field(description="kind/name/field")
    created_at: str
    used_at: str | None = Field(description="when a run last used it, to the hour; null: never")
    used_by: list[str] = Field(description="documents that refer to the one whose it is")


class SecretPage(Page[SecretOut]):
    """A part of the list of secrets."""


class VerdictOut(Answer):
    """Which secrets open. None is shown."""

    good: int
    damaged: int = Field(description="whose bytes are not what was sealed")
    foreign: int = Field(description="that another master key sealed")
    owners: list[str] = Field(description="whose they are: kind/name/field; at most 1,000")


@routes.get("/vault", operation_id="getVault")
@asks(Verb.READ, ObjectKind.VAULT)
async def get_vault(engine: TheEngine) -> VaultOut:
    """State, key and unlockers. Asks nobody for the key."""
    return await _status(engine)


@routes.post("/vault/init", operation_id="initVault")
@asks(Verb.ACT, ObjectKind.VAULT)
async def init(body: InitIn, engine: TheEngine, actor: TheActor) -> VaultOut:
    """Keep the master key in another place, and make one where there is none."""
    keychain = engine.vault.keychain
    await asyncio.to_thread(keychain.move, body.unlocker, _text(body.passphrase), actor.name)
    return await _status(engine)


@routes.post("/vault/unlock", operation_id="unlockVault")
@asks(Verb.ACT, ObjectKind.VAULT)
async def unlock(body: UnlockIn, engine: TheEngine) -> VaultOut:
    """Open it."""
    await asyncio.to_thread(engine.vault.keychain.unlock, _text(body.passphrase))
    return await _status(engine)


@routes.post("/vault/lock", operation_id="lockVault")
@asks(Verb.ACT, ObjectKind.VAULT)
async def lock(engine: TheEngine, actor: TheActor) -> VaultOut:
    """Forget the key until somebody unlocks. Steps that run keep the secrets that they have."""
    await asyncio.to_thread(engine.vault.keychain.lock, actor.name)
    return await _status(engine)


@routes.post("/vault/rotate", operation_id="rotateVault")
@asks(Verb.ACT, ObjectKind.VAULT)
async def rotate(engine: TheEngine, actor: TheActor) -> VaultOut:
    """A new master key in the old one's place; every data key is wrapped anew."""
    await asyncio.to_thread(engine.vault.keychain.rotate, actor.name)
    return await _status(engine)


@routes.post("/vault/export", operation_id="exportVault")
@asks(Verb.BACKUP, ObjectKind.VAULT)
async def export(body: ExportIn, engine: TheEngine, actor: TheActor) -> SealedKeyOut:
    """The master key under a passphrase: with a backup of the database, it makes that whole."""
    passphrase = body.passphrase.get_secret_value()
    return SealedKeyOut(
        text=await asyncio.to_thread(engine.vault.keychain.sealed, passphrase, actor.name)
    )


@routes.post("/vault/import", operation_id="importVault")
@asks(Verb.ACT, ObjectKind.VAULT)
async def bring(body: ImportIn, engine: TheEngine, actor: TheActor) -> VaultOut:
    """Take an exported key in the place of one that was lost."""
    passphrase = body.passphrase.get_secret_value()
    await asyncio.to_thread(engine.vault.keychain.bring, body.text, passphrase, actor.name)
    return await _status(engine)


@routes.get("/vault/secrets", operation_id="listSecrets")
@asks(Verb.READ, ObjectKind.VAULT)
async def list_secrets(engine: TheEngine, cursor: Cursor = None, limit: Limit = 100) -> SecretPage:
    """Whose secrets are kept, since when, and what uses them. Works while the vault is locked."""
    after = cursors.text_position("secrets", cursor) or ""
    rows = await engine.store.reader.read(lambda c: secrets.listed(c, after, limit + 1))
    return SecretPage(
        items=[SecretOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursors.encode("secrets", rows[limit - 1].owner) if len(rows) > limit else None,
    )


@routes.get("/vault/verify", operation_id="verifyVault")
@asks(Verb.READ, ObjectKind.VAULT)
async def verify(engine: TheEngine) -> VerdictOut:
    """Open every secret, and say which do not."""
    await asyncio.to_thread(engine.vault.keychain.current)
    found = await engine.store.reader.read(engine.vault.verify)
    owners = sorted([*found.damaged, *found.foreign])
    return VerdictOut(
        good=found.good,
        damaged=len(found.damaged),
        foreign=len(found.foreign),
        owners=owners[:NAMED],
    )


async def _status(engine: Engine) -> VaultOut:
    keychain = engine.vault.keychain
    total, old = await engine.store.reader.read(secrets.counts)
    return VaultOut(
        state=keychain.state,
        needs_passphrase=keychain.needs_passphrase,
        unlocker=keychain.unlocker,
        key_id=keychain.key_id,
        secrets=total,
        first_scheme=old,
        unlockers=[
            UnlockerOut(name=place.name, place=place.place, in_use=place.name == keychain.unlocker)
            for place in keychain.places
        ],
    )


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
