"""Refusals of the identity platform: which ones are temporary, and what a person does about the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.identity import CredentialUnavailableError
from hypothesis import example, given
from hypothesis import strategies as st

from onboarding.cloud.token_refusals import error_of
from onboarding.errors import (
    Actor,
    OnboardingError,
    PermanentError,
    ReplicationLagError,
    TransientError,
    login,
)

MANAGER = "Azure Resource Manager"
VALUES = {
    "tenant": "the-tenant",
    "app": "the-app",
    "url": "https://login/the-tenant/adminconsent?client_id=the-app",
    "page": "https://login/the-tenant/adminconsent?client_id=the-app&state=s",
    "cloud": "AzurePublicCloud",
    "issuer": "https://login/home/v2.0",
    "subject": "the-principal",
    "audience": "api://AzureADTokenExchange",
}


@dataclass
class Response:
    """The response that the SDK adds to each exception."""

    status_code: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body; like the SDK, an error if the body is not JSON."""
        if self.body is None:
            raise ValueError("no JSON")
        return self.body


def refused(status: int, error: str = "", code: int = 0, **headers: str) -> OnboardingError:
    """The error for a response of the token endpoint, which the SDK raises as one class for all."""
    text = f"AADSTS{code}: Something. Trace ID: eyJhbGciOiJ9" if code else "Something with eyJhbGciOiJ9"
    body: dict[str, Any] = {"error": error, "error_description": text}
    if code:
        body["error_codes"] = [code]
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    raised = ClientAuthenticationError(f"Microsoft Entra ID error '({error}) {text}'")
    raised.response = Response(status, body, given)  # type: ignore[assignment] # what is read of it is there
    return error_of(MANAGER, raised, VALUES)


@pytest.mark.parametrize(
    ("status", "error", "code", "kind", "name"),
    [
        # an outage, whatever code its text contains
        (503, "temporarily_unavailable", 90033, TransientError, "identity-token-unavailable"),
        (503, "invalid_client", 7000215, TransientError, "identity-token-unavailable"),
        (429, "invalid_request", 700016, TransientError, "identity-token-unavailable"),
        (500, "", 0, TransientError, "identity-token-unavailable"),
        (408, "invalid_request", 90002, TransientError, "identity-token-unavailable"),
        (400, "temporarily_unavailable", 90002, TransientError, "identity-token-unavailable"),
        (400, "server_error", 700016, TransientError, "identity-token-unavailable"),
        (400, "invalid_request", 90024, TransientError, "identity-token-unavailable"),
        (400, "invalid_request", 90055, TransientError, "identity-token-unavailable"),
        (401, "invalid_client", 50196, TransientError, "identity-token-unavailable"),
        (401, "invalid_client", 700027, TransientError, "identity-token-unavailable"),
        (400, "invalid_request", 9002399, TransientError, "identity-token-unavailable"),
        # federation: wait for minutes, then for a person
        (401, "invalid_client", 70021, ReplicationLagError, "federation-not-found"),
        (401, "invalid_client", 700211, ReplicationLagError, "federation-not-found"),
        (401, "invalid_client", 7002121, ReplicationLagError, "federation-not-found"),
        (401, "invalid_client", 7002138, ReplicationLagError, "federation-not-found"),
        (401, "invalid_client", 70025, ReplicationLagError, "federation-not-found"),
        (401, "invalid_client", 7002104, TransientError, "identity-token-unavailable"),
        # wait for a person
        (401, "invalid_client", 700236, PermanentError, "federation-not-possible"),
        (401, "invalid_client", 700229, PermanentError, "federation-not-possible"),
        (401, "invalid_client", 700024, PermanentError, "assertion-not-current"),
        (400, "unauthorized_client", 700016, PermanentError, "tenant-not-consented"),
        (401, "invalid_client", 7000229, PermanentError, "tenant-not-consented"),
        (401, "unauthorized_client", 7000112, PermanentError, "application-disabled"),
        (400, "unauthorized_client", 50194, PermanentError, "application-not-multitenant"),
        (400, "invalid_request", 90002, PermanentError, "tenant-not-found"),
        (400, "invalid_request", 900023, PermanentError, "tenant-not-found"),
        (400, "invalid_request", 90038, PermanentError, "tenant-in-other-cloud"),
        (400, "invalid_request", 900382, PermanentError, "tenant-in-other-cloud"),
        (400, "access_denied", 53003, PermanentError, "sign-in-blocked"),
        (403, "access_denied", 500021, PermanentError, "sign-in-blocked"),
        (400, "invalid_resource", 500011, PermanentError, "resource-not-in-tenant"),
        (401, "invalid_client", 7000215, PermanentError, "sign-in-refused"),
        (401, "invalid_client", 7000222, PermanentError, "sign-in-refused"),
    ],
)
def test_a_refusal_is_told_by_status_then_by_oauth_code_then_by_name(status, error, code, kind, name):
    """An outage is retried; what only a person can change is an error with a name of its own."""
    found = refused(status, error, code)
    assert (type(found), found.code) == (kind, name)
    assert found.remedy
    if code:
        assert f"AADSTS{code}" in found.detail
    assert MANAGER in found.detail or name == "tenant-not-consented"
    assert "eyJ" not in found.detail + found.remedy


@given(
    status=st.integers(500, 599) | st.sampled_from([408, 429]),
    error=st.sampled_from(["", "invalid_client", "invalid_request", "unauthorized_client", "access_denied"]),
    code=st.sampled_from(sorted(login.FINAL)) | st.integers(0, 9_999_999),
)
def test_an_outage_never_ends_anything(status, error, code):
    """No outage of the identity platform is final, or is waited for only for minutes."""
    assert type(refused(status, error, code)) is TransientError


@given(code=st.integers(0, 9_999_999), status=st.integers(400, 407))
@example(code=900390, status=400)
@example(code=90099, status=400)
def test_a_code_without_a_name_is_not_final(code, status):
    """Codes are final individually: a code that is similar to a final one is not."""
    found = refused(status, "invalid_request", code)
    assert isinstance(found, TransientError) == (code not in login.FINAL)
    assert found.actor is not Actor.NOBODY, "a refusal is not temporary: the step waits for somebody"


def test_a_remedy_names_what_to_change():
    """For client, tenant, consent, cloud and federation, the remedy has the values to compare or open."""
    for status, code, words in (
        (401, 700213, ["the-app", "https://login/home/v2.0", "the-principal", "api://AzureADTokenExchange"]),
        (401, 700236, ["the-app", "https://login/home/v2.0"]),
        (400, 700016, [VALUES["url"]]),
        (401, 7000112, ["the-app", "the-tenant"]),
        (400, 50194, ["the-app", "AzureADMultipleOrgs"]),
        (400, 90002, ["the-tenant", "AzurePublicCloud"]),
        (400, 53003, ["the-tenant", "the-app", "Conditional Access"]),
        (400, 500011, ["the-tenant", MANAGER]),
    ):
        remedy = refused(status, "x", code).remedy
        assert [word for word in words if word not in remedy] == []
    consent, setup = refused(400, "x", 700016).actions
    assert (consent.url, consent.app_id) == (VALUES["page"], "the-app")
    assert setup.path == "/api/tenants/the-tenant/setup"


def test_what_the_identity_platform_asks_for_is_kept():
    """The delay that it requests, and the ID that Microsoft support needs."""
    found = refused(429, "temporarily_unavailable", 90055, Retry_After="17", x_ms_request_id="abc")
    assert (found.retry_after, found.request_id) == (17, "abc")


@pytest.mark.parametrize(
    ("status", "message", "kind", "name"),
    [
        (400, "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId.",
         ReplicationLagError, "identity-not-assigned"),
        (400, "AADSTS500011: The resource principal named x was not found.", PermanentError,
         "resource-not-in-tenant"),
        (500, "No User Assigned or Delegated Managed Identity found.", TransientError,
         "identity-token-unavailable"),
        (429, "Too many requests", TransientError, "identity-token-unavailable"),
    ],
)  # fmt: skip
def test_the_identity_endpoint_has_its_own_words(status, message, kind, name):
    """The identity endpoint of App Service responds without OAuth codes."""
    raised = ClientAuthenticationError(f'Unexpected response "{message}"')
    raised.response = Response(status, {"statusCode": status, "message": message})  # type: ignore[assignment]
    found = error_of("Key Vault", raised, VALUES)
    assert (type(found), found.code) == (kind, name)
    assert "Key Vault" in found.detail


@pytest.mark.parametrize("body", [None, [], "text", {"error": {"code": "x"}}, {"error_codes": ["x"]}])
def test_no_answer_of_a_proxy_is_too_strange(body):
    """A response in another format, for example a proxy's page, is an outage."""
    raised = ClientAuthenticationError("Unexpected content type")
    raised.response = Response(403, body)  # type: ignore[assignment] # what is read of it is there
    assert error_of(MANAGER, raised, VALUES).code == "identity-token-unavailable"


@pytest.mark.parametrize(
    "raised", [ServiceRequestError("no route"), CredentialUnavailableError("no response from the endpoint")]
)
def test_without_an_answer_the_identity_platform_is_out_of_reach(raised):
    """The identity platform is reported as unreachable, not the service that the token was for."""
    found = error_of(MANAGER, raised, VALUES)
    assert (type(found), found.code) == (TransientError, "unreachable")
    assert "Microsoft Entra ID" in found.detail
