"""A certificate authority for one test run, and a server certificate for a venue's real host names."""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM
DAY = timedelta(days=1)
HOSTS = (
    "api.binance.com",
    "fapi.binance.com",
    "stream.binance.com",
    "fstream.binance.com",
    "demo-api.binance.com",
    "demo-fapi.binance.com",
    "demo-stream.binance.com",
    "fstream.binancefuture.com",
    "api.bybit.com",
    "stream.bybit.com",
    "api-testnet.bybit.com",
    "stream-testnet.bybit.com",
    "www.okx.com",
    "ws.okx.com",
    "wspap.okx.com",
    "www.deribit.com",
    "test.deribit.com",
    "open-api.bingx.com",
    "open-api-ws.bingx.com",
    "open-api-swap.bingx.com",
    "open-api-cswap-ws.bingx.com",
    "open-api-vst.bingx.com",
    "vst-open-api-ws.bingx.com",
    "api-contract.weex.com",
    "api-spot.weex.com",
    "ws-contract.weex.com",
    "ws-spot.weex.com",
    "api.mexc.com",
    "contract.mexc.com",
    "wbs.mexc.com",
    "wbs-api.mexc.com",
    "dapi.binance.com",
    "eapi.binance.com",
    "papi.binance.com",
    "dstream.binance.com",
    "demo-dapi.binance.com",
    "dstream.binancefuture.com",
)


@cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context and a client's that trusts it and nobody else."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=_issue(HOSTS)[0].decode())
    return _serving(_issue(HOSTS)[1]), client


@cache
def strange_context() -> ssl.SSLContext:
    """A server's context, with a certificate of the same authority for another host."""
    return _serving(_issue(("binance.example",))[1])


def _serving(certificate: bytes) -> ssl.SSLContext:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        path.write_bytes(certificate)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(path)
    return server


@cache
def _authority_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def _issue(hosts: tuple[str, ...]) -> tuple[bytes, bytes]:
    """The authority's certificate, and the server's with its key."""
    authority_key, key = _authority_key(), ec.generate_private_key(ec.SECP256R1())
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    authority = (
        _blank("test authority", "test authority", authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False, **usage),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        _blank("fake venue", "test authority", key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return authority.public_bytes(PEM), server.public_bytes(PEM) + private


def _blank(subject: str, issuer: str, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 30 * DAY)
    )
