"""Certificates of every kind say until when they are valid, as the tools that make them understand it."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from core.domain.access import AccountSpec
from core.domain.expiring import expiring
from core.domain.validity import last_day, ssh_end, tls_ends
from core.runtime.certificatefiles import certificate_files


def certificate(until: datetime) -> str:
    """Issued to itself, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x" * 60)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(datetime(1980, 1, 1)).not_valid_after(until)  # noqa: DTZ001
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode("ascii")


@pytest.mark.parametrize("year", [1999, 2027, 2049, 2050, 9999])
def test_a_tls_certificate_says_when_it_ends(year: int) -> None:
    until = datetime(year, 3, 31, 23, 59, 58, tzinfo=UTC)

    assert list(tls_ends(certificate(until))) == [until]


def test_a_chain_ends_with_the_first_of_its_certificates() -> None:
    ends = [datetime(2030, 1, 1, tzinfo=UTC), datetime(2028, 5, 6, 7, tzinfo=UTC)]
    chain = "Subject: somebody\n".join(map(certificate, ends))

    assert last_day(None, chain, None) == date(2028, 5, 6)
    assert last_day(date(2028, 5, 5), chain, None) == date(2028, 5, 5)
    assert last_day(None, None, None) is None


def signed(folder: Path, kind: str, *until: str) -> str:
    """A certificate that ssh-keygen signed for a key of this kind."""
    keygen = shutil.which("ssh-keygen") or "ssh-keygen"
    for name, its_kind in (("ca", "ed25519"), ("id", kind)):
        made = [keygen, "-q", "-t", its_kind, "-N", "", "-f", str(folder / name)]
        subprocess.run(made, check=True)
    sign = [keygen, "-q", "-s", str(folder / "ca"), "-I", "a name", "-n", "ops,deploy", *until]
    subprocess.run([*sign, str(folder / "id.pub")], check=True, env={"TZ": "UTC"})
    return (folder / "id-cert.pub").read_text()


@pytest.mark.needs("ssh-keygen")
@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_an_ssh_certificate_says_when_it_ends(tmp_path: Path, kind: str) -> None:
    line = signed(tmp_path, kind, "-V", "20260101000000:20280506070809")

    assert ssh_end(line) == datetime(2028, 5, 6, 7, 8, 9, tzinfo=UTC)
    account = AccountSpec(user="u", key_file="/k", certificate=line)
    assert account.last_day == date(2028, 5, 6)


@pytest.mark.needs("ssh-keygen")
def test_a_certificate_in_a_file_says_its_last_day_where_the_file_is_read(tmp_path: Path) -> None:
    signed(tmp_path, "ed25519", "-V", "20260101000000:20280506070809")
    files = {
        name: AccountSpec(user="u", key_file="/k", certificate_file=str(tmp_path / file))
        for name, file in (("cert", "id-cert.pub"), ("key", "id.pub"), ("none", "nowhere"))
    }

    read = certificate_files(files)

    assert {*read} == {"cert", "key"}
    assert files["cert"].last_day_with(read["cert"]) == date(2028, 5, 6)
    assert files["key"].last_day_with(read["key"]) is None
    (said,) = expiring(files, date(2028, 5, 1), read)
    assert (said.where, said.what) == ("account cert", "its last day is 2028-05-06: in 5 days")


@pytest.mark.needs("ssh-keygen")
def test_an_ssh_certificate_that_never_ends_has_no_last_day(tmp_path: Path) -> None:
    line = signed(tmp_path, "ed25519")

    assert ssh_end(line) is None
    assert last_day(None, None, line) is None


@pytest.mark.needs("ssh-keygen")
def test_what_is_no_whole_certificate_is_refused_at_every_length(tmp_path: Path) -> None:
    line = signed(tmp_path, "ed25519", "-V", "+1d")
    kind, text, _ = line.split(maxsplit=2)

    for size in range(0, 220, 4):
        with pytest.raises(ValueError, match="one line"):
            ssh_end(f"{kind} {text[:size]}")
    for wrong in ("", "x", (tmp_path / "id.pub").read_text(), "ssh-rsa !", f"{kind} ÄÖÜ"):
        with pytest.raises(ValueError, match="one line"):
            ssh_end(wrong)
    pem = certificate(datetime(2030, 1, 1, tzinfo=UTC))
    for size in range(0, 240, 4):
        with pytest.raises(ValueError, match="cannot be read"):
            list(tls_ends(pem.splitlines()[0] + pem[27 : 27 + size] + pem.splitlines()[-1]))
