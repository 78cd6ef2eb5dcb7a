"""Certificates of applications and service principals.

https://learn.microsoft.com/graph/api/resources/keycredential
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from infra.local.cloud.messages import JsonObject, new_id, utc_text

_VALID: Final = timedelta(days=365)
"""How long a certificate without dates is valid: this directory does not read the certificate itself."""


def with_ids(body: JsonObject) -> JsonObject:
    """An object with certificates as Entra ID completes them: with IDs and dates."""
    certificates = body["keyCredentials"]
    if all(each["keyId"] and each["startDateTime"] and each["endDateTime"] for each in certificates):
        return body
    now = datetime.now(UTC)
    return body | {
        "keyCredentials": [
            each
            | {
                "keyId": each["keyId"] or new_id(),
                "startDateTime": each["startDateTime"] or utc_text(now),
                "endDateTime": each["endDateTime"] or utc_text(now + _VALID),
            }
            for each in certificates
        ]
    }
