"""What can be wrong with the value of a field or parameter, whatever the field is.

The codes are specific enough to translate: each has one sentence, with the values in
``args``. The models of requests name them (``onboarding/cmg/faults.py``). ``onboarding/api/faults.py`` maps
the types of the validation library, whose own texts are not shown.
"""

from __future__ import annotations

from typing import Final

from onboarding.errors.base import ErrorType, Severity

FIELD_MISSING: Final = ErrorType(
    code="field-missing",
    severity=Severity.ERROR,
    title="A required value is missing",
    detail="This value is required.",
    remedy="Add it.",
)
FIELD_UNKNOWN: Final = ErrorType(
    code="field-unknown",
    severity=Severity.ERROR,
    title="The field does not exist",
    detail="There is no field with this name.",
    remedy="Check the spelling of the field, or remove it.",
)
FIELD_INVALID: Final = ErrorType(
    code="field-invalid",
    severity=Severity.ERROR,
    title="The type, format or value is not valid",
    detail="The type, format or value is not valid.",
    remedy="Compare the value with the description of the field.",
)


def _form(code: str, title: str, detail: str, remedy: str = "Correct the value.") -> ErrorType:
    return ErrorType(code=code, severity=Severity.ERROR, title=title, detail=detail, remedy=remedy)


# JSON types

NOT_TEXT: Final = _form("not-text", "The value must be text", "The value must be text.")
NOT_A_NUMBER: Final = _form(
    "not-a-number", "The value must be a whole number", "The value must be a whole number, in decimal digits."
)
NOT_A_FLAG: Final = _form("not-a-flag", "The value must be true or false", "The value must be true or false.")
NOT_AN_OBJECT: Final = _form(
    "not-an-object", "The value must be a JSON object", "The value must be a JSON object."
)
NOT_A_LIST: Final = _form("not-a-list", "The value must be a list", "The value must be a JSON array.")

# Sizes

TEXT_EMPTY: Final = _form("text-empty", "The text is empty", "The text must not be empty.", "Enter text.")
TEXT_TOO_SHORT: Final = _form(
    "text-too-short", "The text is too short", "The text must have at least {least} characters."
)
TEXT_TOO_LONG: Final = _form(
    "text-too-long", "The text is too long", "The text can have up to {most} characters.", "Shorten the text."
)
TOO_FEW_ENTRIES: Final = _form(
    "too-few-entries", "The list has too few entries", "The list must have at least {least} entries."
)
TOO_MANY_ENTRIES: Final = _form(
    "too-many-entries", "The list has too many entries", "The list can have up to {most} entries."
)
NUMBER_TOO_SMALL: Final = _form(
    "number-too-small", "The number is too small", "The number must be at least {least}."
)
NUMBER_TOO_LARGE: Final = _form(
    "number-too-large", "The number is too large", "The number must be at most {most}."
)
TOO_MANY_UNITS: Final = _form(
    "too-many-units",
    "The schedule has too many units",
    "The number must be at most {most} with the unit {unit}.",
    "Use a larger unit.",
)

# Forms

NOT_ONE_OF: Final = _form(
    "not-one-of",
    "The value is not in the list of allowed values",
    "The value must be one of these: {allowed}.",
    "Use one of these values.",
)
NOT_A_UUID: Final = _form(
    "not-a-uuid",
    "The value must be a UUID",
    "The value must be a UUID, such as 3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05.",
)
NOT_A_TIMESTAMP: Final = _form(
    "not-a-timestamp",
    "The value must be a date and a time with an offset",
    "The value must be a date and a time with an offset, such as 2027-03-01T00:00:00Z (RFC 3339).",
)
TIMESTAMP_NOT_POSSIBLE: Final = _form(
    "timestamp-not-possible",
    "The date is not between the years 1970 and 9999",
    "The date must be in or after 1970, and before December 9999.",
)
NOT_AN_EMAIL: Final = _form(
    "not-an-email-address",
    "The value must be an email address",
    "The value must be an email address, such as kim@contoso.com.",
)
NOT_A_WEB_URL: Final = _form(
    "not-a-web-url",
    "The value must be a URL",
    "The value must be a URL that begins with https:// or http://.",
)
NOT_A_SITE_VERSION: Final = _form(
    "not-a-site-version",
    "The value must be a version of Configuration Manager",
    (
        "The value must be a version of Configuration Manager current branch: two digits for the year and "
        "two for the month, such as 2409."
    ),
)
NOT_A_VAULT_SECRET: Final = _form(
    "not-a-vault-secret-name",
    "The value must be the name of a secret in Key Vault",
    (
        "The value must be the name of a secret in Key Vault: 'import-', then up to 120 letters, digits and "
        "hyphens."
    ),
)
NOT_A_CALLER: Final = _form(
    "not-a-caller",
    "The value must identify a caller",
    "The value must be '{me}' or the object ID of a caller.",
)
WHITE_SPACE_AROUND: Final = _form(
    "white-space-around",
    "The text begins or ends with white space",
    "The text must not begin or end with white space.",
    "Remove the white space.",
)
INVISIBLE_CHARACTER: Final = _form(
    "invisible-character",
    "The text contains an invisible character",
    "The text must not contain the invisible character {character} (at position {position}, counted from 0).",
    "Remove the character.",
)

# Client secrets and certificates

SECRET_WITH_WHITE_SPACE: Final = _form(
    "client-secret-with-white-space",
    "The client secret contains white space",
    (
        "The client secret contains white space at position {position}, counted from 0. Client secrets never "
        "contain white space."
    ),
    "Copy the value of the client secret again, exactly.",
)
SECRET_IS_KEY_ID: Final = _form(
    "client-secret-is-key-id",
    "The value is the ID of a client secret",
    "The client secret is a GUID: this is the ID of a client secret (key ID), not its value.",
    "Copy the value of the client secret, which Entra ID shows only once.",
)
CERTIFICATE_WITH_PRIVATE_KEY: Final = _form(
    "certificate-with-private-key",
    "The text contains a private key",
    "The text contains a private key.",
    "Send the certificate only. Replace the key, because it was sent.",
)
NOT_A_CERTIFICATE: Final = _form(
    "not-a-certificate", "The text must be a certificate", "The text is not a certificate in PEM form."
)
CERTIFICATE_KEY_UNSUITABLE: Final = _form(
    "certificate-key-unsuitable",
    "The certificate has no suitable key",
    "The certificate must have an RSA key of at least {bits} bits.",
    "Use another certificate.",
)
CERTIFICATE_USAGE: Final = _form(
    "certificate-usage",
    "The certificate is not a document encryption certificate",
    (
        "The certificate must have a key usage for encipherment (key or data) and the enhanced key usage "
        "Document Encryption (1.3.6.1.4.1.311.80.1)."
    ),
    "Use another certificate.",
)
CERTIFICATE_NOT_CURRENT: Final = _form(
    "certificate-not-current",
    "The certificate is not valid at this time",
    "The certificate is not valid at this time.",
    "Use a certificate that is valid now.",
)

# App ID URIs

URI_OLD_DEFAULT: Final = _form(
    "uri-old-default",
    "Entra ID refuses the old default of the App ID URI",
    (
        "Entra ID refuses https://ConfigMgrService, the old default of the console, because it is not a "
        "verified domain of your tenant."
    ),
    "Omit the field, or use api://{tenant}/ConfigMgrService.",
)
URI_FORM: Final = _form(
    "uri-form",
    "Entra ID does not accept the form of the App ID URI",
    "The value must have the form api://{tenant}/{{string}} or https://{{verifiedDomain}}/{{string}}.",
)
URI_OF_OTHER_TENANT: Final = _form(
    "uri-of-other-tenant",
    "The App ID URI contains another tenant",
    "An api:// URI must contain the ID of the tenant: api://{tenant}/{{string}}.",
)

# Webhooks

NOT_A_WEBHOOK_ADDRESS: Final = _form(
    "not-a-webhook-address",
    "The value must be an https URL",
    "The value must be a URL that begins with https:// and a host name.",
)
WEBHOOK_ADDRESS_WITH_MORE: Final = _form(
    "webhook-address-with-more",
    "The URL contains a user name or a fragment",
    "The URL must not contain a user name or a fragment.",
)
WEBHOOK_ADDRESS_PRIVATE: Final = _form(
    "webhook-address-private",
    "The address is private or reserved",
    "The value must be an address on the internet, not a private or reserved one.",
)
NOT_A_WEBHOOK_KEY: Final = _form(
    "not-a-webhook-key",
    "The value must be a signing key",
    "The value must be whsec_ followed by 24 to 64 random bytes in base64.",
)

# Dates

DATE_TOO_EARLY: Final = _form(
    "date-too-early", "The date is too early", "The date must be at least one day in the future."
)
DATE_TOO_LATE: Final = _form(
    "date-too-late", "The date is too late", "The date must be at most two years in the future."
)
SNOOZE_OUT_OF_RANGE: Final = _form(
    "snooze-out-of-range",
    "The snooze ends in the past, or too late",
    "The snooze must end in the future and no later than {latest:%Y-%m-%d %H:%M} UTC.",
)
EXPIRATION_NOT_FOUND: Final = _form(
    "expiration-not-found",
    "The connection has no such expiration",
    "This connection has no '{expiration}' expiration.",
    "Omit the field, or specify another expiration.",
)
