"""Client certificates with any life, of an authority of the tests' own or of a control plane's."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class ClientCertificate:
    """A certificate and its key."""

    pem: bytes
    der: bytes
    key: bytes

    @property
    def user(self) -> dict[str, object]:
        """As the user of a kubeconfig."""
        return {
            "client-certificate-data": base64.b64encode(self.pem).decode(),
            "client-key-data": base64.b64encode(self.key).decode(),
        }


class ClientAuthority:
    """Signs client certificates; with the key of an existing authority, or with one of its own."""

    def __init__(self, certificate: Path | None = None, key: Path | None = None) -> None:
        if certificate is not None and key is not None:
            loaded = serialization.load_pem_private_key(key.read_bytes(), None)
            assert isinstance(loaded, ec.EllipticCurvePrivateKey)
            self._key = loaded
            self.certificate = x509.load_pem_x509_certificate(certificate.read_bytes())
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        name, now = _name("the clients' authority"), datetime.now(UTC)
        builder = x509.CertificateBuilder(name, name, self._key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(PEM)

    def issue(self, user: str, group: str = "", *, life: timedelta) -> ClientCertificate:
        """A certificate that ends ``life`` from now; a negative life has ended."""
        key, ends = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC) + life
        builder = x509.CertificateBuilder(
            self.certificate.subject, _name(user, group), key.public_key(), x509.random_serial_number()
        )
        builder = builder.not_valid_before(ends - timedelta(days=1)).not_valid_after(ends)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        made = builder.add_extension(usage, critical=False).sign(self._key, hashes.SHA256())
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return ClientCertificate(
            made.public_bytes(PEM), made.public_bytes(serialization.Encoding.DER), private
        )


def _name(common: str, organisation: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)] if organisation else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])
