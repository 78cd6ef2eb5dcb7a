"""The rules for the two app registrations and their surroundings, each with its impact and its remedy.

The codes AADSTS… are those of Entra ID
(https://learn.microsoft.com/entra/identity-platform/reference-error-codes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from onboarding.cmg.profiles import USER_IMPERSONATION
from onboarding.texts import templates
from onboarding.texts.phrases import Said

_UPDATE: Final = "The console shows 'Your server Application needs to be updated' (version 2309 and later)."
_LOCALHOST: Final = "http://localhost"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """A rule with its result for one application."""

    name: str
    passed: bool | None  # None: unknown, because the service cannot read it
    expected: str
    impact: str  # what an administrator sees when the check fails
    remedy: str
    set_by_site: bool = False  # the site sets it after the import, so it cannot be required before
    rule: str = ""  # the code of the rule, which identifies its texts
    args: Mapping[str, Any] = field(default_factory=dict)  # the values in the texts, as JSON

    def said(self, part: Literal["expected", "impact", "remedy"]) -> Said:
        """One of its texts, as a value of another text."""
        return Said(code=f"{self.rule}/{part}", text=getattr(self, part), args=self.args)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A requirement, as templates with named fields."""

    name: str
    expected: str
    impact: str
    remedy: str
    set_by_site: bool = False
    variant: str = ""  # of the remedy or the impact; the name is that of another rule

    @property
    def code(self) -> str:
        """Identifies the texts, for those in other languages."""
        return self.variant or self.name.partition("-{")[0]

    def check(self, passed: bool | None, **values: str | Said) -> Check:
        """The rule with its result."""
        return Check(
            name=self.name.format_map(values),
            passed=passed,
            expected=self.expected.format_map(values),
            impact=self.impact.format_map(values),
            remedy=self.remedy.format_map(values),
            set_by_site=self.set_by_site,
            rule=self.code,
            args=templates.as_json(values),
        )


# The app registrations

SINGLE_TENANT: Final = Rule(
    name="single-tenant",
    expected="accounts in this organizational directory only",
    impact="Users of other tenants can use the application.",
    remedy="Set signInAudience to AzureADMyOrg.",
)
ID_TOKENS: Final = Rule(
    name="id-tokens",
    expected="ID tokens of the implicit grant",
    impact="Older consoles and clients cannot sign in.",
    remedy="Select ID tokens under Authentication.",
)
WEB_REDIRECT: Final = Rule(
    name="web-redirect",
    expected=f"the redirect URI {_LOCALHOST} on the Web platform",
    impact=_UPDATE,
    remedy=f"Add {_LOCALHOST} under Authentication, on the Web platform.",
)
NATIVE_REDIRECT: Final = Rule(
    name="native-redirect",
    expected=f"the redirect URI {_LOCALHOST} for mobile and desktop applications",
    impact=_UPDATE,
    remedy=f"Choose a newer profile, or add {_LOCALHOST} under Authentication.",
)
DEVICE_TOKENS: Final = Rule(
    name="device-tokens",
    expected="isDeviceOnlyAuthSupported is true",
    impact="Clients cannot get device tokens, and cannot authenticate without a user.",
    remedy=(
        "After the import, select the server app under Microsoft Entra tenants in the Configuration Manager "
        "console, and select 'Update Application Settings'. Or set isDeviceOnlyAuthSupported with Graph."
    ),
    set_by_site=True,  # the manual article never sets it, and the portal does not show it
)
APP_ID_URI: Final = Rule(
    name="app-id-uri",
    expected="an App ID URI",
    impact="Clients cannot get tokens (AADSTS50001).",
    remedy="Add an App ID URI under Expose an API.",
)
TOKEN_VERSION: Final = Rule(
    name="token-version",
    expected="access tokens of version 1",
    impact="The site does not accept access tokens of version 2.",
    remedy="Set requestedAccessTokenVersion to null in the manifest.",
)
SCOPE: Final = Rule(
    name="scope",
    expected=f"the enabled scope {USER_IMPERSONATION}, with consent by users",
    impact="Users cannot get tokens for the gateway.",
    remedy=(
        f"Under Expose an API, add the scope {USER_IMPERSONATION}. Enable it, and let admins and users "
        "consent."
    ),
)
BROKER_REDIRECT: Final = Rule(
    name="broker-redirect",
    expected="the redirect URI {redirect} for mobile and desktop applications",
    impact="The Windows token broker cannot get tokens for users.",
    remedy="Add it under Authentication, on the platform Mobile and desktop applications.",
)
PUBLIC_CLIENT: Final = Rule(
    name="public-client",
    expected="public client flows are allowed",
    impact="Clients cannot sign in without a secret.",
    remedy="Set 'Allow public client flows' to Yes under Authentication.",
)
PERMISSION: Final = Rule(
    name="permission-{permission}",
    expected="the {described}",
    impact="{impact}",
    remedy="Add the {described} under API permissions, and grant admin consent.",
)
PERMISSION_BY_EARLIER_ID: Final = Rule(
    variant="permission-by-earlier-id",
    name=PERMISSION.name,
    expected=PERMISSION.expected,
    impact=(
        "{impact} The client app requests a scope with the ID {earlier}, which the server app no longer has."
    ),
    remedy=(
        "A scope that was deleted and added again has a new ID. Remove the old permission under API "
        "permissions, add the {described}, and grant admin consent."
    ),
)

# Their related objects in the directory

APPLICATION: Final = Rule(
    name="application",
    expected="the app registration",
    impact="Sign-in fails with AADSTS700016: the application was not found in the directory.",
    remedy="Remove the connection and onboard again: the application is permanently deleted.",
)
APPLICATION_DELETED: Final = Rule(
    variant="application-restorable",
    name=APPLICATION.name,
    expected=APPLICATION.expected,
    impact=APPLICATION.impact,
    remedy=(
        "The application was deleted on {deleted}. Within 30 days of that date, restore it with its secrets "
        "under App registrations, Deleted applications."
    ),
)
APPLICATION_GONE: Final = Rule(
    variant="application-perhaps-restorable",
    name=APPLICATION.name,
    expected=APPLICATION.expected,
    impact=APPLICATION.impact,
    remedy=(
        "Look under App registrations, Deleted applications, which the service cannot read. If the "
        "application is there, restore it with its secrets. Otherwise remove the connection and onboard "
        "again."
    ),
)
SERVICE_PRINCIPAL: Final = Rule(
    name="service-principal",
    expected="a service principal (enterprise application) in the tenant",
    impact="Entra ID refuses tokens with AADSTS500011 or AADSTS700016.",
    remedy="Restore it under Enterprise applications, or create it: az ad sp create --id <client id>.",
)
SIGN_IN_ENABLED: Final = Rule(
    name="sign-in-enabled",
    expected="sign-in is enabled for the enterprise application",
    impact="Entra ID refuses tokens with AADSTS7000112: the application is disabled.",
    remedy="Set 'Enabled for users to sign in?' to Yes under Enterprise applications, Properties.",
)
SECRET: Final = Rule(
    name="secret",
    expected="{secret} that has not expired",
    impact="The site cannot get tokens: AADSTS7000215 (invalid client secret) or AADSTS7000222 (expired).",
    remedy="Renew the secret, and enter it with 'Renew Secret Key' in the Configuration Manager console.",
)
RECORDED_URI: Final = Rule(
    name="recorded-uri",
    expected="the App ID URI {uri}, which the site uses",
    impact="Clients cannot get tokens (AADSTS50001 or AADSTS500011).",
    remedy="Set it again under Expose an API, or import the application again with the new URI.",
)
OWN_CREDENTIALS: Final = Rule(
    name="own-credentials",
    expected="no credentials other than those that this service created",
    impact="Anyone who has another credential can get tokens as the application.",
    remedy=(
        "Remove credentials that you do not recognize: under Certificates & secrets, or from the service "
        "principal with removePassword and removeKey of Graph."
    ),
)
VERIFIED_DOMAIN: Final = Rule(
    name="verified-domain",
    expected="App ID URIs on verified domains of the tenant",
    impact="Entra ID refuses changes to the URIs with HostNameNotOnVerifiedDomain.",
    remedy="Verify the domain again under Custom domain names, or use a URI on another domain.",
)
CONSENT: Final = Rule(
    name="consent-{permission}",
    expected="admin consent to the {described}",
    impact="{impact}",
    remedy="Grant admin consent to the {described} under Enterprise applications, Permissions.",
)
