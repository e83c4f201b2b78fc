"""A certificate authority of one's own, for the life of one simulated exchange."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS = 3_650  # a paper run in real time may last for months, and connects anew all the time
_EARLY = datetime.timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Where the files lie: the authority to trust, and the server's certificate with its key (PEM)."""

    authority: Path
    chain: Path


def make_certificates(directory: Path, hosts: Iterable[str], *, valid_days: int = VALID_DAYS) -> Certificates:
    """Make a server certificate for `hosts`, signed by an authority whose own key is forgotten at once.

    The files are readable by their owner only. Times are real, not simulated: it is real TLS that judges them.
    """
    now = datetime.datetime.now(datetime.UTC)
    span = (now - _EARLY, now + datetime.timedelta(days=valid_days))
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key, span)
    server = _server(server_key, authority, authority_key, list(hosts), span)
    made = Certificates(authority=directory / "ca.pem", chain=directory / "server.pem")
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(made.authority, authority.public_bytes(pem))
    write_private(made.chain, server.public_bytes(pem) + server_key.private_bytes(pem, *plain))
    return made


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, in one piece or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)


Span = tuple[datetime.datetime, datetime.datetime]


def _authority(key: ec.EllipticCurvePrivateKey, span: Span) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    name = _name("simulated exchange authority")
    builder = _builder(name, name, key, span)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return builder.sign(key, hashes.SHA256())


def _server(
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    hosts: list[str],
    span: Span,
) -> x509.Certificate:
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    builder = _builder(_name("simulated exchange"), authority.subject, key, span)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(issuer, critical=False)
    return builder.sign(authority_key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, span: Span
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(span[0]).not_valid_after(span[1])


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
