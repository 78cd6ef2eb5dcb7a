"""The client secret for a site whose administrator has no account in the tenant of the vault."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from tests.support.operations import in_vault
from tests.support.portal import pointers, problem


def certificate(
    key, *, days: int = 14, enhanced: str = "1.3.6.1.4.1.311.80.1", **usage: bool
) -> x509.Certificate:
    """A certificate as ``New-SelfSignedCertificate`` makes it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CMG site")])
    now = datetime.now(UTC)
    allowed = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.KeyUsage(**{**allowed, **(usage or {"key_encipherment": True})}), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(enhanced)]), critical=False)
        .sign(key, hashes.SHA256())
    )


def pem(found: x509.Certificate) -> str:
    """A certificate as it is sent."""
    return found.public_bytes(serialization.Encoding.PEM).decode()


def damaged(found: x509.Certificate, part: bytes, by: bytes) -> str:
    """The same with another part: the service verifies no signature, so all else counts."""
    encoded = found.public_bytes(serialization.Encoding.DER)
    assert part in encoded
    text = base64.encodebytes(encoded.replace(part, by)).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"


@pytest.fixture(scope="module")
def key():
    """The private key of a site's administrator."""
    return rsa.generate_private_key(65537, 2048)


async def test_only_the_private_key_opens_the_secret(portal, key):
    """The message contains the secret; it is made for one certificate, and the audit trail contains both."""
    connection = await portal.onboarded()
    path, sent = f"/api/connections/{connection['id']}/encrypted-secret", certificate(key)
    answer = await portal.call("POST", path, caller="operator", json={"certificate": pem(sent)})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    first, *lines, last = answer.content.decode("ascii").split("\r\n")[:-1]
    assert (first, last) == ("-----BEGIN CMS-----", "-----END CMS-----")
    opened = pkcs7.pkcs7_decrypt_der(base64.b64decode("".join(lines)), sent, key, [])
    assert opened.decode() == await in_vault(portal, connection["secret"]["vaultSecretId"])

    again = await portal.call("POST", path, caller="operator", json={"certificate": pem(sent)})
    assert again.status_code == 200
    other = certificate(rsa.generate_private_key(65537, 2048))
    refused = await portal.call("POST", path, caller="operator", json={"certificate": pem(other)})
    problem(refused, 409, "secret-already-encrypted")
    trail = await portal.all(f"/api/onboardings/{connection['onboardingId']}/events", caller="operator")
    thumbprint = sent.fingerprint(hashes.SHA256()).hex().upper()
    assert [event["detail"].endswith(thumbprint) for event in trail if event["kind"] == "encrypted"] == [
        True,
        True,
    ]


async def test_a_requester_gets_no_secret(portal, key):
    """Only operators can have a secret encrypted."""
    connection = await portal.onboarded()
    path = f"/api/connections/{connection['id']}/encrypted-secret"
    problem(await portal.call("POST", path, json={"certificate": pem(certificate(key))}), 403, "role-missing")


async def test_a_certificate_that_cannot_encrypt_is_refused(portal, key):
    """The answer has the reason; nothing is encrypted, so that the right certificate can follow."""
    connection = await portal.onboarded()
    path = f"/api/connections/{connection['id']}/encrypted-secret"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    modulus = key.public_key().public_numbers().n.to_bytes(256)
    good, rsa_id, usage = certificate(key), b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", b"\x55\x1d\x25"
    for text, reason in (
        (damaged(good, modulus, modulus[:-1] + b"\x02"), "RSA"),  # nothing can be encrypted to an even one
        (damaged(good, rsa_id, rsa_id[:-1] + b"\x63"), "RSA"),
        (damaged(good, b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05"), "not a certificate"),
        (damaged(good, usage, b"\x55\x1d\x0f"), "encipherment"),
        ("nothing", "not a certificate"),
        (private, "private key"),
        (pem(certificate(key, days=-1)), "not valid at this time"),
        (pem(certificate(key, digital_signature=True)), "encipherment"),
        (pem(certificate(key, enhanced="1.3.6.1.5.5.7.3.1")), "Document Encryption"),
        (pem(certificate(ec.generate_private_key(ec.SECP256R1()))), "RSA"),
    ):
        answer = await portal.call("POST", path, caller="operator", json={"certificate": text})
        document = problem(answer, 422, "invalid-request")
        assert pointers(document) == {"/certificate"}
        assert reason in document["errors"][0]["detail"]
    right = await portal.call("POST", path, caller="operator", json={"certificate": pem(certificate(key))})
    assert right.status_code == 200
