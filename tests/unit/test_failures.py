from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from azure.core.exceptions import ServiceRequestError, ServiceRequestTimeoutError, ServiceResponseTimeoutError
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from onboarding.cloud import failures
from onboarding.cloud.guest import Guest
from onboarding.cloud.service_names import GRAPH, KEY_VAULT, RESOURCE_MANAGER
from onboarding.errors import Actor, OnboardingError, PermanentError, ReplicationLagError, TransientError

FORMAT = "https://graph.microsoft.com"
MISSING = "Resource 'x' does not exist or one of its queried reference-property objects are not present."
CONCURRENT = "Error due to concurrent requests being made to the tenant. Please wait briefly and retry."
BACKING = "The appId 'x' of the service principal does not reference a valid application object."
LOCAL = (
    "When using this permission, the backing application of the service principal being created must in the "
    "local tenant"
)
UNVERIFIED = "Values of identifierUris property must use a verified domain of the organization: 'https://x'"
LIFETIME = "Credential lifetime exceeds the max value allowed as per assigned policy 'p'."
TAKEN = "Another object with the same value for property uniqueName already exists."
FORBIDDEN = (
    "The client 'x' does not have authorization to perform action 'Microsoft.KeyVault/register/action'"
)


GUEST = Guest(
    tenant="t",
    app="a",
    url="https://login.invalid/t/adminconsent",
    page="https://login.invalid/t/adminconsent?state=s",
)


def answer(
    status, code="", message="", *, detail=None, headers=None, service=GRAPH, guest=None
) -> failures.Answer:
    """A response in the format of Graph and Resource Manager."""
    error = {"code": code, "message": message}
    if detail:
        error["details"] = [{"code": detail, "message": message, "target": "x"}]
    body = failures.Answer.from_body(service, status, headers or {}, {"error": error})
    return replace(body, guest=guest)


def vault(status, code, inner="") -> failures.Answer:
    """A response in the format of Key Vault."""
    error = {"code": code, "message": "x", **({"innererror": {"code": inner}} if inner else {})}
    return failures.Answer.from_body(KEY_VAULT, status, {}, {"error": error})


def manager(status, code) -> failures.Answer:
    """A response of Resource Manager."""
    return answer(status, code, "x", service=RESOURCE_MANAGER)


@pytest.mark.parametrize(
    ("said", "kind", "code"),
    [
        # temporary
        (answer(429, "TooManyRequests"), TransientError, "throttled"),
        (answer(509, "BandwidthLimitExceeded"), TransientError, "throttled"),
        (answer(500, "InternalServerError"), TransientError, "service-unavailable"),
        (answer(520, "UnknownError"), TransientError, "service-unavailable"),
        (answer(502), TransientError, "service-unavailable"),
        (answer(503, "serviceNotAvailable"), TransientError, "service-unavailable"),
        (answer(504, "GatewayTimeout"), TransientError, "service-unavailable"),
        (answer(408), TransientError, "service-unavailable"),
        (answer(423), TransientError, "service-unavailable"),
        (answer(424), TransientError, "service-unavailable"),
        (answer(409, "Directory_ConcurrencyViolation", CONCURRENT), TransientError, "service-unavailable"),
        (answer(400, "Request_BadRequest", CONCURRENT, detail="Directory_ConcurrencyViolation"),
         TransientError, "service-unavailable"),
        (answer(401, "InvalidAuthenticationToken"), TransientError, "token-refused"),
        # a person must make a change
        (answer(400, "HostNameNotOnVerifiedDomain", UNVERIFIED), PermanentError,
         "host-name-not-on-verified-domain"),
        (answer(400, "CredentialInvalidLifetimeAsPerAppPolicy", LIFETIME), PermanentError,
         "credential-invalid-lifetime-as-per-app-policy"),
        (answer(400, "CredentialTypeNotAllowedAsPerAppPolicy"), PermanentError,
         "credential-type-not-allowed-as-per-app-policy"),
        (answer(400, "Request_BadRequest", TAKEN, detail="ObjectConflict"), PermanentError,
         "object-conflict"),
        (answer(403, "Authorization_RequestDenied", "Insufficient privileges"), PermanentError,
         "authorization-request-denied"),
        (answer(403, "AuthorizationFailed", FORBIDDEN), PermanentError, "authorization-failed"),
        (answer(404, "SubscriptionNotFound"), PermanentError, "subscription-not-found"),
        (answer(404, "Request_ResourceNotFound", MISSING), PermanentError, "request-resource-not-found"),
        (answer(410), PermanentError, "refused-by-cloud"),
        (answer(501, "NotImplemented"), PermanentError, "not-implemented"),
        (answer(507, "InsufficientStorage"), PermanentError, "insufficient-storage"),
    ],
    ids=lambda value: f"{value.status} {value.code}" if isinstance(value, failures.Answer) else None,
)  # fmt: skip
def test_an_answer_is_transient_or_permanent(said, kind, code):
    """A transient failure is retried; a permanent one is reported with a code."""
    error = failures.error_of(said)
    assert (type(error), error.code) == (kind, code)


REQUESTER, OPERATOR, NOBODY = Actor.REQUESTER, Actor.OPERATOR, Actor.NOBODY
OWNER, ADMINISTRATOR = Actor.SUBSCRIPTION_OWNER, Actor.TENANT_ADMINISTRATOR


@pytest.mark.parametrize(
    ("said", "actor"),
    [
        # what is requested
        (answer(400, "Request_BadRequest"), REQUESTER),
        (answer(400, "Request_BadRequest", guest=GUEST), REQUESTER),
        (answer(404, "Request_ResourceNotFound", guest=GUEST), REQUESTER),
        (manager(400, "InvalidSubscriptionId"), REQUESTER),
        (manager(401, "InvalidAuthenticationTokenTenant"), REQUESTER),
        # what the service may do in its own tenant, and its own vault
        (answer(401, "InvalidAuthenticationToken"), OPERATOR),
        (answer(401, "Authorization_IdentityNotFound"), OPERATOR),
        (answer(403, "Authorization_RequestDenied"), OPERATOR),
        (answer(403, "Forbidden"), OPERATOR),
        (answer(403, "AccessDenied"), OPERATOR),
        (answer(403), OPERATOR),
        (answer(403, "Directory_QuotaExceeded"), OPERATOR),
        (answer(501, "NotImplemented"), OPERATOR),
        (vault(401, "Unauthorized"), OPERATOR),
        (vault(403, "Forbidden", "ForbiddenByRbac"), OPERATOR),
        (vault(403, "Forbidden", "AccessDenied"), OPERATOR),
        (vault(403, "Forbidden", "SecretDisabled"), OPERATOR),
        (vault(400, "BadParameter"), OPERATOR),
        (vault(404, "VaultNotFound"), OPERATOR),
        (vault(409, "Conflict", "ObjectIsDeletedButRecoverable"), OPERATOR),
        # what the administrator of another tenant has not allowed
        (answer(401, "Authorization_IdentityNotFound", guest=GUEST), ADMINISTRATOR),
        (answer(403, "Authorization_IdentityDisabled", guest=GUEST), ADMINISTRATOR),
        (answer(403, "Authorization_RequestDenied", guest=GUEST), ADMINISTRATOR),
        (answer(403, "AccessDenied", guest=GUEST), ADMINISTRATOR),
        (answer(403, "Directory_QuotaExceeded", guest=GUEST), ADMINISTRATOR),
        (answer(400, "CredentialTypeNotAllowedAsPerAppPolicy"), ADMINISTRATOR),
        (answer(401, "InvalidAuthenticationToken", guest=GUEST), OPERATOR),
        # what the owner of the subscription has not allowed
        (manager(403, "AuthorizationFailed"), OWNER),
        (manager(403, "LinkedAuthorizationFailed"), OWNER),
        (manager(403, "DenyAssignmentAuthorizationFailed"), OWNER),
        (manager(403, "Forbidden"), OWNER),
        (manager(403, "RequestDisallowedByPolicy"), OWNER),
        (manager(404, "SubscriptionNotFound"), OWNER),
        (manager(409, "ReadOnlyDisabledSubscription"), OWNER),
        (manager(409, "ScopeLocked"), OWNER),
        (manager(401, "ExpiredAuthenticationToken"), OPERATOR),
        # temporary
        (manager(429, "SubscriptionRequestsThrottled"), NOBODY),
        (vault(409, "Conflict", "ObjectIsBeingDeleted"), NOBODY),
        (vault(503, "ServiceUnavailable"), NOBODY),
        (answer(500, guest=GUEST), NOBODY),
    ],
    ids=lambda value: f"{value.service} {value.status} {value.code} {value.details} {bool(value.guest)}"
    if isinstance(value, failures.Answer)
    else str(value),
)  # fmt: skip
def test_a_refusal_shows_whose_fault_it_is(said, actor):
    """A requester's fault is final; all others wait for the one who can change it, with a link."""
    error = failures.error_of(said)
    assert error.actor is actor
    if said.guest and error.code == "consent-incomplete":
        assert [action.url for action in error.actions if action.url] == [GUEST.page]


@pytest.mark.parametrize(
    "said",
    [
        answer(404, "Request_ResourceNotFound", MISSING),
        answer(404, "Directory_ObjectNotFound"),
        answer(400, "Request_BadRequest", BACKING, detail="NoBackingApplicationObject"),
        answer(400, "Request_BadRequest", BACKING),
        answer(400, "Request_BadRequest", MISSING),
        answer(400, "Request_BadRequest", "Not a valid reference update."),
        answer(403, "Authorization_RequestDenied", LOCAL),
    ],
    ids=lambda said: f"{said.status} {said.code}",
)
def test_not_found_is_lag_only_right_after_a_write(said):
    """A 404 is lag for an object that was just created, and a failure for any other."""
    assert type(failures.error_of(said, fresh=True)) is ReplicationLagError
    assert type(failures.error_of(said)) is PermanentError


@pytest.mark.parametrize(
    "said",
    [
        answer(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
        answer(400, "HostNameNotOnVerifiedDomain", UNVERIFIED),
        answer(400, "Request_BadRequest", TAKEN, detail="ObjectConflict"),
    ],
    ids=lambda said: said.code,
)
def test_what_is_refused_stays_refused_right_after_a_write(said):
    """A refusal for a new object is a failure and not lag."""
    assert type(failures.error_of(said, fresh=True)) is PermanentError


@pytest.mark.parametrize("text", ["Insufficient privileges to complete the operation.", "Any other text."])
def test_a_replica_may_not_know_the_owner_yet(text):
    """A 403 for what only owners may do is lag right after the creation, whatever its text; else final."""
    said = answer(403, "Authorization_RequestDenied", text)
    assert type(failures.error_of(said, fresh=True, owned=True)) is ReplicationLagError
    assert type(failures.error_of(said, owned=True)) is PermanentError
    other = answer(403, "Forbidden", text)
    assert type(failures.error_of(other, fresh=True, owned=True)) is PermanentError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("0.5", 0.5),
        ("-3", 0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("inf", None),
        ("nan", None),
        ("9" * 400, None),
        ("9" * 20, 86_400),
        (None, None),
    ],
)
def test_retry_after_is_obeyed(text, seconds):
    """The step uses the service's Retry-After in seconds; without one it uses its own delay."""
    error = failures.error_of(answer(429, headers={"Retry-After": text} if text else {}))
    assert isinstance(error, TransientError)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(403, "Authorization_RequestDenied", "x"), "application permission that this call requires"),
        (answer(403, "AuthorizationFailed", FORBIDDEN), "Contributor"),
        (answer(400, "HostNameNotOnVerifiedDomain", UNVERIFIED), "verified domain"),
        (answer(400, "Request_BadRequest", LIFETIME, detail="CredentialInvalidLifetimeAsPerAppPolicy"),
         "shorter secret lifetime"),
        (vault(403, "Forbidden", "ForbiddenByFirewall"), "Key Vault Secrets Officer"),
        (vault(403, "Forbidden", "SecretDisabled"), "Enable it"),
        (answer(403, "Authorization_RequestDenied", guest=GUEST), "consent again at https://login.invalid"),
        (answer(403, "Directory_QuotaExceeded", "The directory object quota limit for the Principal."),
         "250 objects"),
        (answer(400, "Request_BadRequest", "x", detail="Directory_ResourceSizeExceeded"), "redirect URIs"),
    ],
    ids=lambda value: value.code if isinstance(value, failures.Answer) else None,
)  # fmt: skip
def test_a_refusal_has_a_remedy(said, words):
    """A refusal has a remedy, and the request ID that Microsoft support needs."""
    error = failures.error_of(said)
    assert words in error.remedy
    assert "docs/deploy.md" not in error.title


def test_half_of_a_surrogate_pair_is_replaced():
    """A service can truncate a text within a character. The error is still stored and sent as JSON."""
    error = failures.error_of(answer(400, code="Bad\ud83d", message="The name '\ud83d' is not valid."))
    assert TypeAdapter(str).dump_json(error.detail)
    assert "'\ufffd'" in error.detail


def test_the_request_id_is_kept():
    """Each service has its own header for the request ID; the error contains it in each case."""
    for header in ("request-id", "x-ms-request-id"):
        assert failures.error_of(answer(403, headers={header: "abc"})).request_id == "abc"


@pytest.mark.parametrize(
    "message",
    [
        TAKEN,
        "Permission being assigned already exists on the object",
        "Permission entry already exists.",
    ],
)
def test_what_is_there_already_is_recognised(message):
    """A grant that another attempt has created is not a failure; both statuses for it are known."""
    assert answer(400, "Request_BadRequest", message).already_exists
    assert answer(409, "Request_MultipleObjectsWithSameKeyValue", message).already_exists
    assert not answer(500, "x", message).already_exists


@given(
    status=st.integers(400, 599),
    body=st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["error", "code", "message", "details", "x"]), inner, max_size=3
            )
        ),
        max_leaves=6,
    ),
    header=st.text(max_size=6),
    fresh=st.booleans(),
)
@example(status=400, body={"error": {"details": 1}}, header="", fresh=False)
def test_no_answer_is_too_strange(status, body, header, fresh):
    """Whatever a proxy responds, the error has a code, a title and a sentence."""
    said = failures.Answer.from_body(GRAPH, status, {"Retry-After": header}, body)
    error = failures.error_of(said, fresh=fresh)
    assert isinstance(error, OnboardingError)
    assert all(getattr(error, part) for part in ("code", "title", "detail"))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (httpx.ReadTimeout("x"), "service-timed-out"),
        (httpx.ConnectTimeout("x"), "service-timed-out"),
        (ServiceResponseTimeoutError("x"), "service-timed-out"),
        (ServiceRequestTimeoutError("x"), "service-timed-out"),
        (httpx.ConnectError("x"), "unreachable"),
        (ServiceRequestError("x"), "unreachable"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_call_without_an_answer_has_a_remedy(error, code):
    """A call without a response in time is retried, although it may have taken effect."""
    found = failures.unreachable(GRAPH, error)
    assert (type(found), found.code) == (TransientError, code)
    assert GRAPH in found.detail
    assert found.remedy
