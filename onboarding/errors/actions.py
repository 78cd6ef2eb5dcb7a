"""What people can do about an error, a finding or a notice, for programs: one model for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from onboarding.errors.actors import Actor
from onboarding.former_values import StoredEnum


class ActionKind(StoredEnum):
    """What is to be done."""

    RENEW_SECRET = "RenewSecret"  # noqa: S105 - the name of an action
    ADD_SECRET = "AddSecret"  # noqa: S105 - in the portal: the application was imported
    GET_SCRIPT = "GetScript"  # that enters the new secret at the site
    CONFIRM_RENEWAL = "ConfirmRenewal"
    CONFIRM_HANDOVER = "ConfirmHandover"  # that the site is connected
    CONFIRM_CONSENT = "ConfirmConsent"  # that the service cannot see
    ONBOARD = "Onboard"  # the tenant again, with new applications
    RETRY = "Retry"  # let a failed run continue
    ROLL_BACK = "RollBack"
    OFF_BOARD = "OffBoard"
    RESTORE_APPLICATION = "RestoreApplication"
    CHANGE_APPLICATION = "ChangeApplication"
    GRANT_CONSENT = "GrantConsent"
    ASSIGN_ROLE = "AssignRole"  # on the subscription, to the service
    REGISTER_PROVIDERS = "RegisterProviders"
    CREATE_FEED = "CreateFeed"
    TEST_CHANNEL = "TestChannel"
    READ = "Read"  # the state of something
    OPEN = "Open"  # a page; the meaning is in the texts


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One thing to do: a call of the API (``method`` and ``path``), or a page for a person (``url``)."""

    kind: ActionKind
    label: str
    actor: Actor
    method: str = ""
    path: str = ""  # of the API
    url: str = ""
    app_id: str = ""  # client ID of the application that it is about
    role: str = ""  # that the actor needs for it

    @property
    def address(self) -> str:
        """The URL, or the path of a call."""
        return self.path or self.url

    @classmethod
    def page(cls, url: str) -> Action:
        """A page that somebody of the tenant opens."""
        return cls(kind=ActionKind.OPEN, label="Open the page", actor=Actor.TENANT_ADMINISTRATOR, url=url)

    def filled(self, fill: Callable[[str, Mapping[str, Any]], str], args: Mapping[str, Any]) -> Action:
        """The action of one occurrence: the addresses and the application of a declared one are templates."""
        return replace(
            self, path=fill(self.path, args), url=fill(self.url, args), app_id=fill(self.app_id, args)
        )

    def document(self, origin: str) -> Mapping[str, str]:
        """The action as JSON; ``origin`` is the URL of the API, empty if it is not known."""
        members = {
            "kind": str(self.kind),
            "label": self.label,
            "actor": str(self.actor),
            "method": self.method,
            "url": f"{origin}{self.path}" if self.path else self.url,
            "appId": self.app_id,
            "role": self.role,
        }
        return {name: value for name, value in members.items() if value}
