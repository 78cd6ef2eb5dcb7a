"""Fields of a request that are valid alone and contradict each other. All of them are reported at once.

Adding a rule is adding a function to ``RULES``. Each yields JSON pointers with a sentence.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

from pydantic.alias_generators import to_camel

from onboarding.cmg import profiles, versions
from onboarding.cmg.wizard import AzureEnvironment, OnboardingRequest

Faults = Iterator[tuple[str, str]]

SAME_APP: Final = "The server app and the client app must be two applications. This one is the server app."
"""The fault of a request that specifies one application twice."""

SAME_APP_POINTER: Final = "/clientApp/existing/clientId"

_NEEDS_CLIENT_APP: Final = (
    "Users and devices authenticate with the client app. Only a tenant that has the gateway (subscriptionId) "
    "and disableAuthentication can do without it."
)
_NO_PURPOSE: Final = (
    "The connection has no purpose without the gateway's subscription, authentication or discovery. Specify "
    "subscriptionId, or omit disableAuthentication."
)


def conflicts(request: OnboardingRequest) -> Faults:
    """The conflicts between the fields of a request."""
    for rule in RULES:
        yield from rule(request)


def _fields_of_existing_apps(request: OnboardingRequest) -> Faults:
    for field, app in (("serverApp", request.server_app), ("clientApp", request.client_app)):
        if app and app.existing:
            for name in sorted(app.model_fields_set - {"existing"}):
                if getattr(app, name) is not None:
                    yield (
                        f"/{field}/{to_camel(name)}",
                        "The service does not change an existing app. Omit this field.",
                    )


def _one_end(request: OnboardingRequest) -> Faults:
    if request.server_app.secret_validity and request.server_app.secret_end_date:
        yield "/serverApp/secretEndDate", "Specify either secretValidity or secretEndDate."


def _existing_server_app(request: OnboardingRequest) -> Faults:
    existing = request.server_app.existing
    if existing is None:
        return
    if (existing.client_id is None) == (existing.connection_id is None):
        yield "/serverApp/existing", "Specify either clientId (to import) or connectionId (to share)."
    elif existing.client_id and (existing.vault_secret is None) == (existing.secret is None):
        yield "/serverApp/existing", "Specify either vaultSecret (its name) or secret (its value)."
    elif existing.connection_id and (existing.vault_secret or existing.secret):
        yield "/serverApp/existing", "The service uses the secret of the other connection. Omit it here."
    if existing.connection_id and existing.app_id_uri:
        yield (
            "/serverApp/existing/appIdUri",
            "The service uses the App ID URI of the other connection. Omit it here.",
        )


def _same_app(request: OnboardingRequest) -> Faults:
    """A shared server app is compared where its connection is known."""
    server = request.server_app.existing
    client = request.client_app.existing if request.client_app else None
    if server and client and server.client_id == client.client_id:
        yield SAME_APP_POINTER, SAME_APP


def _version(request: OnboardingRequest) -> Faults:
    version = request.config_mgr_version
    us_government = request.azure_environment is AzureEnvironment.US_GOVERNMENT
    has_gateway = request.subscription_id or "deployment_model" in request.model_fields_set
    if has_gateway and (
        fault := versions.fault(request.deployment_model, version, us_government=us_government)
    ):
        yield "/deploymentModel", fault
    if fault := profiles.fault(request.profile, version):
        yield "/profile", fault
    first = versions.FIRST_WITHOUT_AUTHENTICATION
    if request.disable_authentication and version is not None and version < first:
        yield (
            "/disableAuthentication",
            f"Authentication can be disabled in version {first} and later, not in {version}.",
        )


def _groups(request: OnboardingRequest) -> Faults:
    discovery = request.group_discovery
    if discovery.enabled and not discovery.group_names:
        yield "/groupDiscovery/groupNames", "Specify the groups to discover, or disable group discovery."
    if discovery.group_names and not discovery.enabled:
        yield "/groupDiscovery/enabled", "Enable group discovery, or omit the groups to discover."
    known: set[str] = set()
    for number, name in enumerate(discovery.group_names):
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in known:
            yield f"/groupDiscovery/groupNames/{number}", "The list already contains this group."
        known.add(folded)


def _authentication(request: OnboardingRequest) -> Faults:
    """What a tenant with the gateway, or with users and devices, can do without.

    Source: "Disable authentication" in the article on Azure services, and the FAQ on several tenants
    (https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/cloud-management-gateway-faq).
    """
    has_gateway = request.subscription_id is not None
    if request.client_app is None and not (has_gateway and request.disable_authentication):
        yield "/clientApp", _NEEDS_CLIENT_APP
    if not request.disable_authentication:
        return
    if request.group_sync:
        yield "/disableAuthentication", "Group synchronization requires authentication in the tenant."
    elif not has_gateway and not request.reads_directory:
        yield "/disableAuthentication", _NO_PURPOSE


RULES: Final[tuple[Callable[[OnboardingRequest], Faults], ...]] = (
    _fields_of_existing_apps,
    _one_end,
    _existing_server_app,
    _same_app,
    _version,
    _groups,
    _authentication,
)
