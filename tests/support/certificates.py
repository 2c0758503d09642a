"""A certificate authority of the tests' own."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.clock import SystemClock

_DAY = dt.timedelta(days=1)


class Authority:
    """Signs certificates for names and addresses; files go into `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests")])
        self._certificate = self._sign(
            self._name, self._key.public_key(), [], x509.BasicConstraints(ca=True, path_length=0)
        )
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")

    def server_context(self, name: str) -> ssl.SSLContext:
        """For a server that is called `name`, a host name or an address."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_file(name))
        return context

    def server_file(self, name: str) -> Path:
        """The same as a file: its key, and the certificate."""
        certificate, key = self.issue(name)
        file = self._folder / f"{name}.pem"
        file.write_text(key + certificate)
        return file

    def issue(self, name: str, passphrase: str | None = None) -> tuple[str, str]:
        """A certificate for `name` and its key, both in PEM; the key under a passphrase."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            general: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            general = x509.DNSName(name)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=False, path_length=None)
        certificate = self._sign(subject, key.public_key(), [general], constraints)
        text = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()
            if passphrase is None
            else serialization.BestAvailableEncryption(passphrase.encode()),
        )
        return (
            certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
            text.decode("ascii"),
        )

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        names: list[x509.GeneralName],
        constraints: x509.BasicConstraints,
    ) -> x509.Certificate:
        now = SystemClock().now()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + _DAY)
            .add_extension(constraints, critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())
