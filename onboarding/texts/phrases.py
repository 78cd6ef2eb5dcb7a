"""Parts of sentences that are values of a text, such as the subject of an error.

They are declared, so that each can be written in another language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from onboarding.texts import templates


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One occurrence of a phrase. As text it is in English."""

    code: str
    text: str
    args: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        """In English."""
        return self.text

    def as_json(self) -> dict[str, Any]:
        """With the code, so that it can be written in another language."""
        return {"code": self.code, "text": self.text} | ({"args": dict(self.args)} if self.args else {})


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    """The declaration. ``text`` is a template with named fields."""

    code: str
    text: str

    def of(self, **values: Any) -> Said:
        """One occurrence. Raises ``TypeError`` unless the values are exactly those needed."""
        if differing := templates.fields(self.text) ^ set(values):
            raise TypeError(f"{self.code}: missing or unknown values {', '.join(sorted(differing))}")
        return Said(code=self.code, text=templates.fill(self.text, values), args=templates.as_json(values))


def phrase(code: str, text: str) -> Phrase:
    """A phrase."""
    return Phrase(code=code, text=text)


def plain(text: str) -> Said:
    """A text that is the same in each language, such as a name."""
    return Said(code="", text=text)


def stored(said: Said | None, text: str) -> Said:
    """A stored phrase; a text without a code if there is none, because an earlier version wrote it."""
    return said or plain(text)


NOTHING: Final = plain("")
NONE: Final = phrase("none", "none")
"""In place of a list without entries."""


# What a problem is about

THE_CONNECTION: Final = phrase("the-connection", "The connection")
THE_ONBOARDING: Final = phrase("the-onboarding", "The onboarding")
THE_OPERATION: Final = phrase("the-operation", "The operation")
THE_FEED: Final = phrase("the-feed", "The calendar subscription")
A_TENANT_TO_ADMIT: Final = phrase("a-tenant-to-admit", "A tenant with this ID that requires setup")
AN_APPLICATION: Final = phrase("an-application", "An application")
ANOTHER_APPLICATION: Final = phrase("another-application", "Another application")
THE_APPLICATION: Final = phrase("the-application", "The application '{name}' ({app})")
A_CONNECTION: Final = phrase("a-connection", "a connection with another name")
THE_OTHER_CONNECTION: Final = phrase("the-other-connection", "the connection '{name}' ({id})")

# What a status does not allow, and what to do instead

CANCELLED: Final = phrase("cancelled", "cancelled")
ROLLED_BACK: Final = phrase("rolled-back", "rolled back")
RETRIED: Final = phrase("retried", "retried")
CONFIRMED: Final = phrase("confirmed", "confirmed")
HANDED_OVER: Final = phrase("handed-over", "handed over")
ROLL_BACK_INSTEAD: Final = phrase(
    "roll-back-instead", "Roll back a failed onboarding. Off-board the connection of one that succeeded."
)
CANCEL_INSTEAD: Final = phrase(
    "cancel-instead", "Cancel an onboarding in progress. Off-board the connection of one that succeeded."
)
RETRY_WHEN: Final = phrase(
    "retry-when", "Only a run that has failed, or that waits for somebody to act, can be retried."
)
CONFIRM_WHEN: Final = phrase("confirm-when", "Confirm it while its step '{step}' is waiting.")
NO_SECRET_YET: Final = phrase("no-secret-yet", "There is no new secret yet.")

# What is wrong with an access token

TOKEN_EXPIRED: Final = phrase("token-expired", "The token has expired.")
TOKEN_NOT_YET_VALID: Final = phrase("token-not-yet-valid", "The token is not valid yet.")
TOKEN_FOR_OTHERS: Final = phrase("token-for-others", "The token is for another audience.")
TOKEN_FROM_OTHERS: Final = phrase("token-from-others", "The token is from another issuer.")
TOKEN_ALGORITHM: Final = phrase("token-algorithm", "The token is not signed with RS256.")
TOKEN_LACKS_CLAIM: Final = phrase("token-lacks-claim", "The token lacks a required claim.")
TOKEN_KEY_UNKNOWN: Final = phrase("token-key-unknown", "The token is signed with an unknown key.")
TOKEN_SIGNATURE: Final = phrase("token-signature", "The token's signature is wrong.")
TOKEN_OTHER_TENANT: Final = phrase("token-other-tenant", "The token was issued by another tenant.")
TOKEN_WITHOUT_OID: Final = phrase("token-without-oid", "The token lacks the claim oid.")
TOKEN_WITHOUT_CLIENT: Final = phrase(
    "token-without-client", "The token has no client ID, so it is not an access token."
)
TOKEN_ROLES: Final = phrase("token-roles", "The claim roles is not a list of names.")
TOKEN_MALFORMED: Final = phrase("token-malformed", "The token is not a valid JWT.")

# Why only Microsoft Graph can decide

POLICY_EXEMPTS: Final = phrase(
    "policy-exempts",
    "The policy exempts callers by custom security attributes, which the service cannot read.",
)
POLICY_OF_ITS_OWN: Final = phrase(
    "policy-of-its-own", "The application may have its own policy, which the service cannot read."
)
POLICY_IS_OFF: Final = phrase(
    "policy-is-off",
    ("The application has its own policy, which is disabled; it may replace the policy of the tenant."),
)

# What the directory does not show yet

SIGN_OWNER: Final = phrase("sign-owner", "it does not list the service as an owner.")
SIGN_NEW_SECRET: Final = phrase("sign-new-secret", "it does not list the new client secret.")
SIGN_SECRET: Final = phrase("sign-secret", "it does not list the client secret.")
SIGN_SECRET_NOT_FOUND: Final = phrase(
    "sign-secret-not-found", "it lists a client secret, but does not find it."
)

# What a step waits for

WAITS_PROVIDER: Final = phrase("waits-provider", "Azure to register {namespace}")
WAITS_CONSENT: Final = phrase(
    "waits-consent",
    (
        "an administrator of the tenant to consent. After the administrator consents, the browser shows an "
        "error (AADSTS500113), a localhost page that does not open, or no new page: the apps have no page to "
        "return to. The consent is granted nevertheless"
    ),
)
"""The apps' reply addresses are for the console and the client; no browser can open them."""

WAITS_CONSENT_CONFIRMED: Final = phrase(
    "waits-consent-confirmed",
    (
        "an administrator of the tenant to consent, and a person to confirm it, because the service cannot "
        "see it. After the administrator consents, the browser shows an error (AADSTS500113), a localhost "
        "page that does not open, or no new page: the apps have no page to return to. The consent is granted "
        "nevertheless"
    ),
)
WAITS_GRANTS: Final = phrase("waits-grants", "the service to grant the permissions")
WAITS_STEP: Final = phrase("waits-step", "the step in progress to finish")
WAITS_RENEWAL: Final = phrase("waits-renewal", "the renewal of the secret to finish")
WAITS_DIRECTORY: Final = phrase(
    "waits-directory", "the directory to show what an interrupted step may have created"
)
WAITS_DELETED: Final = phrase("waits-deleted", "the directory to show the deleted application")
WAITS_SITE: Final = phrase("waits-site", "a person to enter the new secret at the site, and to confirm it")
WAITS_SITE_LONGER: Final = phrase(
    "waits-site-longer",
    (
        "a person to enter the new secret at the site, and to confirm it; the service was unavailable, so "
        "the time limit is now {limit:%Y-%m-%d}"
    ),
)

# Parts of a tenant that the service cannot read

DOMAINS: Final = phrase("verified-domains", "verified domains")
POLICY: Final = phrase("app-management-policy", "app management policy")
APPLICATION_NAMES: Final = phrase("application-names", "names of applications")
APP_ID_URIS: Final = phrase("app-id-uris", "App ID URIs of applications")
DELETED_APPLICATIONS: Final = phrase("deleted-applications", "deleted applications")
DIRECTORY_QUOTA: Final = phrase("directory-quota", "use of the directory quota")
REGISTRATIONS: Final = phrase("registrations", "registrations of resource providers")
ROLES: Final = phrase("service-permissions", "permissions of the service")

# What an operator must do

ASK_OPERATOR: Final = phrase(
    "ask-operator", "Ask the operator of the service to correct this, and specify the code {code}."
)

# Permissions, and what is missing without them

GRAPH_DELEGATED: Final = phrase("graph-delegated", "delegated permission {permission} of Microsoft Graph")
GRAPH_APPLICATION: Final = phrase(
    "graph-application", "application permission {permission} of Microsoft Graph"
)
OF_SERVER_APP: Final = phrase(
    "of-server-app", "delegated permission {permission} of the server app {resource}"
)
OF_NAMED_APP: Final = phrase("of-named-app", "delegated permission {permission} of '{app}'")
OF_THE_SERVER_APP: Final = phrase("of-the-server-app", "delegated permission {permission} of the server app")
CANNOT_READ_DIRECTORY: Final = phrase(
    "cannot-read-directory", "The site cannot discover users and groups: insufficient privileges."
)
USERS_CANNOT_SIGN_IN: Final = phrase("users-cannot-sign-in", "Users cannot sign in.")
USERS_WITHOUT_CONSENT: Final = phrase(
    "users-without-consent", "Users cannot sign in: AADSTS65001 (consent is missing)."
)
CLIENTS_WITHOUT_TOKENS: Final = phrase(
    "clients-without-tokens", "Clients cannot get tokens for the server app."
)
A_SECRET: Final = phrase("a-secret", "a client secret")
THE_SECRET: Final = phrase("the-secret", "the client secret {key}")
THE_CERTIFICATE: Final = phrase("the-certificate", "the certificate {key}")
THE_FEDERATED: Final = phrase("the-federated-credential", "the federated credential {key}")
PRINCIPAL_SECRET: Final = phrase("principal-secret", "the secret {key} of its service principal")
PRINCIPAL_CERTIFICATE: Final = phrase(
    "principal-certificate", "the certificate {key} of its service principal"
)

# What a link in a message does

SECRET_EXPIRES: Final = phrase("secret-expires", "The client secret of '{app}' expires on {day:%Y-%m-%d}")
SECRET_RENEWABLE: Final = phrase(
    "secret-renewable", "The client secret of '{app}' can be renewed until {day:%Y-%m-%d}"
)
ACKNOWLEDGE: Final = phrase("acknowledge", "Acknowledge")
NOT_ESCALATED: Final = phrase(
    "not-escalated", "The connection is marked as acknowledged and will not be escalated."
)
NO_MORE_REMINDERS: Final = phrase(
    "no-more-reminders",
    "The connection is marked as acknowledged. You get no reminders after the expiration date.",
)
REMIND_LATER: Final = phrase("remind-later", "Remind me later")
NO_REMINDERS_UNTIL: Final = phrase(
    "no-reminders-until", "No reminders are sent until {until:%Y-%m-%d %H:%M} UTC."
)
ACKNOWLEDGED: Final = phrase("acknowledged", "Acknowledged")
SNOOZED: Final = phrase("snoozed", "Snoozed until {until:%Y-%m-%d %H:%M} UTC")
SITE_CONNECTED_QUESTION: Final = phrase("confirm-site", "Confirm that the site is connected")
CONFIRM_AFTER_SCRIPT: Final = phrase(
    "confirm-after-script",
    "Confirm this after the handover script has run at the site. After that, no reminders are sent.",
)
SITE_CONNECTED: Final = phrase("site-connected", "The site of '{name}' is connected")
IS_CONFIRMED: Final = phrase("is-confirmed", "Confirmed")
WAITS_FOR_SITE: Final = phrase("waits-for-site", "The connection '{name}' waits for its site")
