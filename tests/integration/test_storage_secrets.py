"""Secrets at rest: planted in every field that takes one, then looked for everywhere."""

from __future__ import annotations

import base64
import json
import logging
import sqlite3
import urllib.parse
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, SecretStr
from sqlalchemy import select, text

from core.clock import ManualClock
from core.domain.documents import KINDS, Document, parse
from core.errors import OpsError
from core.ids import SequentialIds
from core.storage import backup, documents, tables
from core.storage.documents import Documents, Filter
from core.storage.store import Store
from core.vault.vault import Vault
from tests.support.certificates import Authority

PLAIN: Mapping[str, dict[str, Any]] = {
    "environment": {},
    "account": {
        "user": "u",
        "become": {"user": "root"},
        "tls_certificate": Authority(Path()).pem,
    },
    "host": {},
    "group": {"expression": "env=prod"},
    "inventory-source": {"url": "https://x"},
    "script": {"text": "true"},
    "command-rule": {"words": ["x"]},
    "channel": {
        "webhook": {"url": "https://x"},
        "email": {"server": "mx", "sender": "a@x.y", "to": ["b@x.y"], "user": "u"},
    },
    "job": {"steps": [{"name": "a", "kind": "command", "command": "true"}]},
    "flow": {"nodes": [{"name": "a", "kind": "command", "command": "true"}]},
    "calendar": {"days": ["01-01"]},
    "schedule": {"job": "x", "trigger": {"webhook": {}}},
}
"""Kind -> a spec with every nested part that may hold a secret."""
ONE_OF = {"channel": ("webhook", "email")}
"""Kind -> parts of which a document has one; versions take turns. A `service` is no canary."""


def secret_places(model: Any, where: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every field of a model, however deep, whose type takes a secret's text."""
    for name, field in model.model_fields.items():
        for part in parts_of(field.annotation):
            if part is SecretStr:
                yield (*where, name)
            elif isinstance(part, type) and issubclass(part, BaseModel):
                yield from secret_places(part, (*where, name))


def parts_of(annotation: Any) -> Iterator[Any]:
    """The types inside a type: of unions, containers and annotations."""
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for part in inner:
        yield from parts_of(part)


PLACES = [(kind, place) for kind in KINDS for place in secret_places(KINDS[kind].spec)]


def canary(*names: Any) -> str:
    """A text that occurs nowhere else and has characters that encodings change."""
    return f'K4n+{zlib.crc32(repr(names).encode()):08x}/ä"{"-".join(map(str, names))}\n<&>~z'


def planted(kind: str, version: int) -> tuple[Document, list[str]]:
    """A document with a canary in every field that takes one."""
    spec: dict[str, Any] = json.loads(json.dumps(PLAIN[kind]))
    canaries = []
    if ways := ONE_OF.get(kind):
        way = ways[version % len(ways)]
        spec = {way: spec[way]}
    for its_kind, place in PLACES:
        if its_kind == kind and (not ways or place[0] in spec):
            inner = spec
            for step in place[:-1]:
                inner = inner[step]
            inner[place[-1]] = canary(kind, *place, version)
            canaries.append(inner[place[-1]])
    return parse({"kind": kind, "name": "x", "spec": spec}), canaries


def encodings(secret: str) -> dict[str, bytes]:
    """The forms in which a text could lie in a file."""
    raw = secret.encode()
    found = {
        "utf-8": raw,
        "utf-16le": secret.encode("utf-16-le"),
        "utf-16be": secret.encode("utf-16-be"),
        "latin-1": secret.encode("latin-1"),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "json": json.dumps(secret)[1:-1].encode(),
        "json, any script": json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
        "url": urllib.parse.quote(secret, safe="").encode(),
        "repr": repr(secret)[1:-1].encode(),
        "reversed": raw[::-1],
        "base32": base64.b32encode(raw).rstrip(b"="),
        "beginning": raw[:14],
    }
    for shift in range(3):
        # Inside a longer text each byte may fall on one of three places of a group.
        for name, encode in (("std", base64.b64encode), ("url", base64.urlsafe_b64encode)):
            body = encode(b"\0" * shift + raw)
            found[f"base64 {name} {shift}"] = body[4 if shift else 0 : len(body) // 4 * 4 - 4]
    return found


def test_the_plain_specs_reach_every_kind_and_secrets_exist() -> None:
    assert set(PLAIN) == set(KINDS)
    assert ("account", ("become", "password")) in PLACES
    assert {place[0] for kind, place in PLACES if kind == "account"} == {
        "key", "passphrase", "password", "become", "token", "tls_key", "tls_passphrase",
    }  # fmt: skip


@pytest.mark.parametrize("shift", [0, 1, 2])
@pytest.mark.parametrize(
    ("name", "encode"), [("std", base64.b64encode), ("url", base64.urlsafe_b64encode)]
)
def test_the_search_finds_a_secret_inside_a_longer_base64_text(
    name: str, encode: Any, shift: int
) -> None:
    secret = canary("probe")
    text_ = encode(b"abc"[:shift] + secret.encode() + b" and the rest")
    assert encodings(secret)[f"base64 {name} {shift}"] in text_


def test_no_secret_lies_in_any_file_or_message(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ids = SequentialIds()
    store = Store.open(home / "j", ManualClock(), ids)
    vault = Vault.open(home / "j" / "master.key", store, ids)
    writes = Documents(vault)
    canaries: list[str] = []
    said: list[str] = []

    def write(do: Any) -> Any:
        try:
            done = store.writer.submit(do).result(20)
        except (OpsError, AssertionError) as error:
            said.extend([str(error), repr(error), repr(getattr(error, "problems", ""))])
            return None
        said.append(repr(done))
        return done

    for kind in KINDS:
        first, one = planted(kind, 1)
        second, two = planted(kind, 2)
        third, three = planted(kind, 3)
        canaries += one + two + three
        write(lambda tx, d=first: writes.create(tx, d, "me"))
        write(lambda tx, d=second: writes.create(tx, d, "me"))
        write(lambda tx, d=second: writes.replace(tx, d, "me", 9))
        write(lambda tx, d=second: writes.replace(tx, d, "me", 1))
        said.append(repr(store.reader.read_now(lambda c, d=third: writes.plan(c, [d]))))
        broken = parse({"kind": "host", "name": "h", "spec": {"account": "nobody"}})
        write(lambda tx, d=third, b=broken: writes.apply(tx, [d, b], "me"))
        write(lambda tx, d=third: writes.apply(tx, [d], "me"))
    run_secret = canary("run")
    canaries.append(run_secret)
    write(lambda tx: vault.put(tx, "run/R1/TOKEN", run_secret))
    said.append(repr(store.reader.read_now(
        lambda c: documents.list_documents(c, Filter(), limit=100)
    )))  # fmt: skip
    with pytest.raises(OpsError) as caught:
        store.reader.read_now(lambda c: c.execute(text("SELECT :s FROM none"), {"s": run_secret}))
    said.extend([str(caught.value), repr(caught.value)])

    backup.backup(store.path, home / "backup.db")
    assert len(canaries) > 12
    places = {
        path.name: path.read_bytes()
        for path in [*(home / "j").iterdir(), home / "backup.db"]
        if path.name != "master.key"
    }
    assert {"jobdeck.db", "jobdeck.db-wal", "jobdeck.db-shm", "backup.db"} <= set(places)
    places["log"] = caplog.text.encode()
    places["messages"] = "\n".join(said).encode()
    assert found_in(places, canaries) == []
    for kind in ("account", "inventory-source", "channel", "schedule"):
        write(lambda tx, k=kind: writes.delete(tx, k, "x", "me"))
    left = store.reader.read_now(lambda c: c.execute(select(tables.secret.c.owner)).scalars().all())
    assert left == ["run/R1/TOKEN"]
    store.close()
    assert found_in({"jobdeck.db": store.path.read_bytes()}, canaries) == []


def found_in(places: Mapping[str, bytes], canaries: list[str]) -> list[tuple[str, str, str]]:
    return [
        (place, secret, form)
        for place, data in places.items()
        for secret in canaries
        for form, pattern in encodings(secret).items()
        if pattern in data
    ]


def test_a_secret_that_did_reach_a_row_would_be_found(home: Path) -> None:
    store = Store.open(home / "j", ManualClock(), SequentialIds())
    secret = canary("leak")
    store.writer.submit(lambda tx: tx.journal("me", "x", "y", {"leak": secret})).result(20)
    store.close()
    forms = {form for _, _, form in found_in({"db": store.path.read_bytes()}, [secret])}
    assert "json, any script" in forms
    connection = sqlite3.connect(store.path)
    connection.execute("UPDATE journal SET data = ?", (secret,))
    connection.commit()
    connection.close()
    assert ("db", secret, "utf-8") in found_in({"db": store.path.read_bytes()}, [secret])
