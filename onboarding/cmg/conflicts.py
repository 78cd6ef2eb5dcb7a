"""Fields of a request that are valid separately but contradict each other. All of them are reported at once.

Adding a rule is adding a function to ``RULES``. Each yields faults with their pointers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final

from pydantic.alias_generators import to_camel

from onboarding.cmg import profiles, versions
from onboarding.cmg.faults import Faults, fault
from onboarding.cmg.wizard import AzureEnvironment, OnboardingRequest
from onboarding.words import data

SAME_APP: Final = fault("same-app", "/clientApp/existing/clientId")
"""The fault of a request that specifies one application twice."""


def conflicts(request: OnboardingRequest) -> Faults:
    """The conflicts between the fields of a request."""
    for rule in RULES:
        yield from rule(request)


def _fields_of_existing_apps(request: OnboardingRequest) -> Faults:
    for field, app in (("serverApp", request.server_app), ("clientApp", request.client_app)):
        if app and app.existing:
            for name in sorted(app.model_fields_set - {"existing"}):
                if getattr(app, name) is not None:
                    yield fault("existing-app-unchanged", f"/{field}/{to_camel(name)}")


def _one_end(request: OnboardingRequest) -> Faults:
    if request.server_app.secret_validity and request.server_app.secret_end_date:
        yield fault("either-of", "/serverApp/secretEndDate", first="secretValidity", second="secretEndDate")


def _existing_server_app(request: OnboardingRequest) -> Faults:
    existing = request.server_app.existing
    if existing is None:
        return
    if (existing.client_id is None) == (existing.connection_id is None):
        yield fault("either-of", "/serverApp/existing", first="clientId", second="connectionId")
    elif existing.client_id and (existing.vault_secret is None) == (existing.secret is None):
        yield fault("either-of", "/serverApp/existing", first="vaultSecret", second="secret")
    elif existing.connection_id and (existing.vault_secret or existing.secret):
        yield fault("shared-secret-known", "/serverApp/existing")
    if existing.connection_id and existing.app_id_uri:
        yield fault("shared-uri-known", "/serverApp/existing/appIdUri")


def _same_app(request: OnboardingRequest) -> Faults:
    """A shared server app is compared where its connection is known."""
    server = request.server_app.existing
    client = request.client_app.existing if request.client_app else None
    if server and client and server.client_id == client.client_id:
        yield SAME_APP


def _version(request: OnboardingRequest) -> Faults:
    version = request.config_mgr_version
    us_government = request.azure_environment is AzureEnvironment.US_GOVERNMENT
    has_gateway = request.subscription_id or "deployment_model" in request.model_fields_set
    if has_gateway and (
        found := versions.conflict(request.deployment_model, version, us_government=us_government)
    ):
        yield found.at("/deploymentModel")
    if found := profiles.conflict(request.profile, version):
        yield found.at("/profile")
    first = versions.FIRST_WITHOUT_AUTHENTICATION
    if request.disable_authentication and version is not None and version < first:
        yield fault("version-with-authentication", "/disableAuthentication", first=first, version=version)


def _groups(request: OnboardingRequest) -> Faults:
    discovery = request.group_discovery
    if discovery.enabled and not discovery.group_names:
        yield fault("groups-missing", "/groupDiscovery/groupNames")
    if discovery.group_names and not discovery.enabled:
        yield fault("groups-not-discovered", "/groupDiscovery/enabled")
    known: set[str] = set()
    for number, name in enumerate(discovery.group_names):
        folded = unicodedata.normalize("NFC", data.text(name)).casefold()
        if folded in known:
            yield fault("group-repeated", f"/groupDiscovery/groupNames/{number}")
        known.add(folded)


def _authentication(request: OnboardingRequest) -> Faults:
    """What a tenant with the gateway, or with users and devices, can do without.

    Source: "Disable authentication" in the article on Azure services, and the FAQ on several tenants
    (https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/cloud-management-gateway-faq).
    """
    has_gateway = request.subscription_id is not None
    if request.client_app is None and not (has_gateway and request.disable_authentication):
        yield fault("client-app-needed", "/clientApp")
    if not request.disable_authentication:
        return
    if request.group_sync:
        yield fault("group-sync-needs-authentication", "/disableAuthentication")
    elif not has_gateway and not request.reads_directory:
        yield fault("connection-without-purpose", "/disableAuthentication")


RULES: Final[tuple[Callable[[OnboardingRequest], Faults], ...]] = (
    _fields_of_existing_apps,
    _one_end,
    _existing_server_app,
    _same_app,
    _version,
    _groups,
    _authentication,
)
