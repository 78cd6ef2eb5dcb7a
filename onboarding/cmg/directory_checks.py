"""What has to be around the two app registrations: service principals, consent, the secret, the domain.

The rules of ``conformance`` look at a registration alone; these look at the rest of the directory. The codes
are those of Entra ID (https://learn.microsoft.com/entra/identity-platform/reference-error-codes).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from onboarding.cmg import identifiers
from onboarding.cmg.app_checks import Check
from onboarding.cmg.permissions import DIRECTORY_READ_ALL

_EXPANDED: Final = 20
"""Graph shows no more related objects than these with an object."""


def application(app: Mapping[str, Any] | None, *, readable: bool, deleted_at: str) -> Check:
    """Whether an app registration is there, and whether one that was deleted can be restored."""
    again = (
        "Remove the connection and onboard again: an application that was deleted for good does not return."
    )
    if deleted_at:
        again = (
            f"It was deleted on {deleted_at[:10]}: restore it, with its secrets, within 30 days of that "
            "under App registrations, Deleted applications."
        )
    return Check(
        name="application",
        passed=(app is not None) if readable else None,
        expected="the app registration",
        impact="Sign-in fails with AADSTS700016: the application was not found in the directory.",
        remedy=again,
    )


def principal(found: Mapping[str, Any] | None, *, readable: bool) -> Iterator[Check]:
    """Whether an application's service principal is there, and may sign in."""
    yield Check(
        name="service-principal",
        passed=(found is not None) if readable else None,
        expected="a service principal (enterprise application) in the tenant",
        impact="Tokens are refused with AADSTS500011 or AADSTS700016.",
        remedy="Restore it under Enterprise applications, or create it: az ad sp create --id <client id>.",
    )
    if found is not None or not readable:
        yield Check(
            name="sign-in-enabled",
            passed=found.get("accountEnabled") is not False if found is not None else None,
            expected="sign-in is enabled for the enterprise application",
            impact="Tokens are refused with AADSTS7000112: the application is disabled.",
            remedy="Set 'Enabled for users to sign in' to Yes under Enterprise applications, Properties.",
        )


def secret(app: Mapping[str, Any], key_id: str | None, now: datetime) -> Check:
    """Whether a client secret is there and has not ended: a certain one, or (no key id) any."""
    alive = {each["keyId"] for each in passwords(app) if end_of(each) > now}
    return Check(
        name="secret",
        passed=key_id in alive if key_id else bool(alive),
        expected=f"the client secret {key_id}, not ended" if key_id else "a client secret that has not ended",
        impact="The site gets no token: AADSTS7000215 (invalid client secret) or AADSTS7000222 (ended).",
        remedy="Renew the secret, and enter it with 'Renew Secret Key' in the Configuration Manager console.",
    )


def uri(app: Mapping[str, Any], expected: str) -> Check:
    """Whether the App ID URI that the site was given is still the application's."""
    found = {_folded(each) for each in app.get("identifierUris") or ()}
    return Check(
        name="recorded-uri",
        passed=_folded(expected) in found,
        expected=f"the App ID URI {expected}, which the site was given",
        impact="Clients that ask for a token get AADSTS50001 or AADSTS500011.",
        remedy="Set it again under Expose an API, or import the application again with the new one.",
    )


def verified_domain(app: Mapping[str, Any], domains: Sequence[str] | None) -> Check:
    """Whether the hosts of an application's URIs are still verified domains of the tenant."""
    uris = [str(each) for each in app.get("identifierUris") or ()]
    strange = [each for each in uris if not identifiers.on_verified_domain(each, domains or ())]
    return Check(
        name="verified-domain",
        passed=None if strange and domains is None else not strange,
        expected="App ID URIs on verified domains of the tenant",
        impact="Entra ID refuses changes of the URIs with HostNameNotOnVerifiedDomain.",
        remedy="Verify the domain again under Custom domain names, or use a URI on another one.",
    )


def directory_role(found: Mapping[str, Any] | None, *, readable: bool) -> Check:
    """Whether the server app was granted what user discovery needs."""
    assigned = [each["appRoleId"] for each in (found or {}).get("appRoleAssignments") or ()]
    granted = DIRECTORY_READ_ALL.id in assigned
    known = readable and (granted or len(assigned) < _EXPANDED)
    return _consent(
        DIRECTORY_READ_ALL.value, granted if known else None, "User discovery fails: insufficient privileges."
    )


def scope(name: str, granted: Collection[str] | None, *, complete: bool) -> Check:
    """Whether a client app may use a delegated permission for all users (None: that can't be read)."""
    passed = None if granted is None else name in granted
    return _consent(
        name,
        None if passed is False and not complete else passed,
        "Users are refused with AADSTS65001: consent is missing.",
    )


def passwords(app: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The client secrets of an application; never a text."""
    return app.get("passwordCredentials") or ()


def end_of(password: Mapping[str, Any]) -> datetime:
    """When a client secret ends, to the second."""
    return datetime.fromisoformat(str(password["endDateTime"])).astimezone(UTC).replace(microsecond=0)


def _consent(name: str, passed: bool | None, impact: str) -> Check:
    return Check(
        name=f"consent-{name}",
        passed=passed,
        expected=f"admin consent to {name}",
        impact=impact,
        remedy="Grant admin consent under Enterprise applications, Permissions.",
    )


def _folded(address: object) -> str:
    return str(address).casefold().rstrip("/")
