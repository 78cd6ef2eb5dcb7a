"""A client secret, encrypted with the certificate of a site's administrator: a CMS message.

``Unprotect-CmsMessage`` of Windows PowerShell 5.1 decrypts it. So the administrator needs no account in the
tenant of the vault. Each secret is encrypted with one certificate only.

Sources: https://www.rfc-editor.org/rfc/rfc5652 and
https://learn.microsoft.com/powershell/module/microsoft.powershell.security/unprotect-cmsmessage.
"""

from __future__ import annotations

import base64
import textwrap
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from onboarding.errors import Finding, fields

_SHORTEST_KEY: Final = 2048
_DOCUMENT_ENCRYPTION: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.80.1")


class CertificateError(ValueError):
    """A text that is not a certificate, or a certificate with which nothing can be encrypted."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.detail)
        self.finding = finding


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """The certificate with which a secret is encrypted."""

    certificate: x509.Certificate

    @classmethod
    def read(cls, pem: str, now: datetime) -> Recipient:
        """Reads a certificate in PEM form. Raises ``CertificateError`` with the reason."""
        if "PRIVATE KEY" in pem:
            raise CertificateError(fields.CERTIFICATE_WITH_PRIVATE_KEY.finding())
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
            current = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc
            suitable = _has_suitable_key(certificate)
        except (ValueError, x509.InvalidVersion) as error:
            raise CertificateError(fields.NOT_A_CERTIFICATE.finding()) from error
        if not suitable:
            raise CertificateError(fields.CERTIFICATE_KEY_UNSUITABLE.finding(bits=_SHORTEST_KEY))
        if not current:
            raise CertificateError(fields.CERTIFICATE_NOT_CURRENT.finding())
        if not _encrypts_documents(certificate):
            raise CertificateError(fields.CERTIFICATE_USAGE.finding())
        recipient = cls(certificate=certificate)
        try:
            recipient.encrypt("")  # a damaged key has the right length, but nothing can be encrypted with it
        except ValueError as error:
            raise CertificateError(fields.CERTIFICATE_KEY_UNSUITABLE.finding(bits=_SHORTEST_KEY)) from error
        return recipient

    @property
    def thumbprint(self) -> str:
        """The SHA-256 fingerprint in upper-case hexadecimal digits."""
        return self.certificate.fingerprint(hashes.SHA256()).hex().upper()

    def encrypt(self, secret: str) -> str:
        """A CMS message in the form that ``Unprotect-CmsMessage`` reads: ASCII, between two lines."""
        builder = pkcs7.PKCS7EnvelopeBuilder().set_data(secret.encode())
        builder = builder.set_content_encryption_algorithm(AES256).add_recipient(self.certificate)
        message = builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
        lines = textwrap.wrap(base64.b64encode(message).decode(), 64)
        return "\r\n".join(("-----BEGIN CMS-----", *lines, "-----END CMS-----", ""))


def _has_suitable_key(certificate: x509.Certificate) -> bool:
    """Whether the key is a sufficiently long RSA key. Raises ``ValueError`` for a damaged one."""
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm:
        return False
    return isinstance(key, RSAPublicKey) and key.key_size >= _SHORTEST_KEY


def _encrypts_documents(certificate: x509.Certificate) -> bool:
    """Whether ``Unprotect-CmsMessage`` accepts a certificate."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        enhanced = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return False
    return _DOCUMENT_ENCRYPTION in enhanced and (usage.key_encipherment or usage.data_encipherment)
