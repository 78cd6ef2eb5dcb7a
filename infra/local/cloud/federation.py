"""Workload identity federation: a token of a managed identity in place of an application's secret.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from infra.local.cloud import login_errors
from infra.local.cloud.directory import Directory
from infra.local.cloud.first_party import TOKEN_EXCHANGE_APP_ID
from infra.local.cloud.messages import JsonObject
from infra.local.cloud.tokens import TokenError, TokenFault, Tokens

_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def check(
    form: Mapping[str, str], owner: Directory, application: JsonObject, tokens: Tokens, lag: float
) -> None:
    """Accept the assertion in a form, or raise ``LoginError``.

    ``owner`` is the application's directory. ``lag``: for how long login does not know a new credential.
    """
    if form.get("client_assertion_type") != _ASSERTION_TYPE:
        raise login_errors.missing("client_assertion_type")
    try:
        claims = tokens.verify(form.get("client_assertion", ""))
    except TokenError as error:
        if error.fault is TokenFault.EXPIRED:
            raise login_errors.late_assertion() from error
        raise login_errors.invalid_assertion(error.fault) from error
    if claims["tid"] != owner.tenant.id:
        raise login_errors.foreign_assertion(claims["iss"])
    exchange = owner.environment.token_exchange
    presented = {
        "issuer": claims["iss"],
        "subject": str(claims.get("sub")),
        "audience": exchange if claims["aud"] == TOKEN_EXCHANGE_APP_ID else claims["aud"],
    }
    known = owner.federated_credentials(application["id"], lag)
    if not known:
        raise login_errors.no_federation_at_all(application["displayName"])
    if not any(all(_names(each, part, value) for part, value in presented.items()) for each in known):
        parts = (
            part for part, value in presented.items() if not any(_names(each, part, value) for each in known)
        )
        part = next(parts, "")
        raise login_errors.no_federation(part, presented.get(part, ""))
    if "xms_mirid" not in claims:
        raise login_errors.wrong_kind_of_assertion()


def _names(credential: JsonObject, part: str, value: str) -> bool:
    """Whether a federated identity credential names this issuer, subject or audience: exactly."""
    return value in credential["audiences"] if part == "audience" else bool(credential[part] == value)
