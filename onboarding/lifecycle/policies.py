"""What app management policies restrict: the tenant's default policy, and one of the application's own.

A restriction does not apply to applications that were created before its date. It can exempt callers by
custom security attributes, which the service cannot read. Then the rule only warns, and Graph decides. The
same applies if the application has a disabled policy: Microsoft describes what its restrictions replace, not
whether a disabled policy leaves the tenant's in force.

Sources: https://learn.microsoft.com/graph/api/resources/applicationauthenticationmethodpolicy,
https://learn.microsoft.com/graph/api/resources/passwordcredentialconfiguration and
https://learn.microsoft.com/graph/api/resources/identifieruriconfiguration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from onboarding.errors import ErrorType, Finding
from onboarding.errors import policies as errors
from onboarding.texts import phrases
from onboarding.texts.phrases import Phrase

_DURATION: Final = TypeAdapter(timedelta)  # reads ISO 8601 durations


@dataclass(frozen=True, kw_only=True, slots=True)
class Restriction:
    """A restriction that applies to an application."""

    settings: Mapping[str, Any]
    doubt: Phrase | None  # why it may not apply; None if it does

    def finding(self, kind: ErrorType, pointer: str | None = None, **args: Any) -> Finding:
        """The conflict with the restriction: an error, or a warning where only Graph knows."""
        certain = kind.finding(pointer, **args)
        if not self.doubt:
            return certain
        return errors.POLICY_UNDECIDED.finding(
            certain.pointer,
            conflict=certain.said("detail"),
            doubt=self.doubt.of(),
            alternative=certain.said("remedy"),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Policies:
    """The app management policies that apply to one application."""

    tenant: Mapping[str, Any] | None  # the default policy; None: the service cannot read it
    own: Sequence[Mapping[str, Any]] | None = ()  # policies of the application; None: not readable
    created_at: datetime  # of the application; the current time for a new one

    def of_passwords(self, kind: str) -> Restriction | None:
        """The restriction of this type for client secrets, if one applies."""
        for policy in self._in_force:
            for restriction in _listed((policy.get("restrictions") or {}).get("passwordCredentials")):
                if restriction.get("restrictionType") == kind:  # it replaces the tenant's
                    return self._counting(policy, restriction, certain=True)
        restrictions = (self._defaults.get("passwordCredentials")) or ()
        found = (entry for entry in _listed(restrictions) if entry.get("restrictionType") == kind)
        return self._counting(self.tenant, next(found, None))

    def of_uris(self, kind: str) -> Restriction | None:
        """The restriction of this type for App ID URIs, if one applies."""
        for policy in self._in_force:
            areas = (policy.get("restrictions") or {}).get("applicationRestrictions") or {}
            if restriction := (areas.get("identifierUris") or {}).get(kind):
                return self._counting(policy, restriction, certain=True)
        return self._counting(self.tenant, (self._defaults.get("identifierUris") or {}).get(kind))

    @property
    def _in_force(self) -> list[Mapping[str, Any]]:
        """The enabled policies of the application."""
        return [policy for policy in self.own or () if policy.get("isEnabled")]

    @property
    def _defaults(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (self.tenant or {}).get("applicationRestrictions") or {}
        return found

    def _counting(
        self,
        policy: Mapping[str, Any] | None,
        restriction: Mapping[str, Any] | None,
        *,
        certain: bool = False,
    ) -> Restriction | None:
        """A restriction, unless it is disabled or not for this app; ``certain``: no other replaces it."""
        if not policy or not policy.get("isEnabled") or not restriction:
            return None
        if restriction.get("state", "enabled") != "enabled":
            return None
        since = restriction.get("restrictForAppsCreatedAfterDateTime")
        if since and self.created_at < datetime.fromisoformat(str(since)).astimezone(UTC):
            return None
        exempt = (restriction.get("excludeActors") or {}).get("customSecurityAttributes")
        doubt = phrases.POLICY_EXEMPTS if exempt else None
        if not doubt and not certain:
            doubt = self._doubt()
        return Restriction(settings=restriction, doubt=doubt)

    def _doubt(self) -> Phrase | None:
        """Why a restriction of the tenant may not apply to the application."""
        if self.own is None:
            return phrases.POLICY_OF_ITS_OWN
        return phrases.POLICY_IS_OFF if len(self._in_force) < len(self.own) else None


def of_secret(
    policies: Policies, ends_at: datetime, now: datetime, field: str = "/serverApp/secretEndDate"
) -> Iterator[Finding]:
    """The conflicts of a new client secret with the policies.

    Args:
        policies: Those that apply to the application.
        ends_at: When the secret expires.
        now: When it is created.
        field: The field of the request that decides when it expires, as a JSON pointer.
    """
    if forbidden := policies.of_passwords("passwordAddition"):
        yield forbidden.finding(errors.SECRETS_FORBIDDEN)
    lifetime = policies.of_passwords("passwordLifetime")
    if lifetime and (text := lifetime.settings.get("maxLifetime")):
        longest = _DURATION.validate_python(text)
        if ends_at - now > longest:  # a sum can exceed the last date
            yield lifetime.finding(errors.SECRET_LIVES_TOO_LONG, field, longest=text, latest=now + longest)


def of_uri(policies: Policies, default: str) -> Iterator[Finding]:
    """The conflicts of a custom App ID URI with the policies; ``default`` is the URI that they allow."""
    if restriction := policies.of_uris("nonDefaultUriAddition"):
        yield restriction.finding(errors.URI_NOT_DEFAULT, default=default)


def _listed(restrictions: Any) -> Sequence[Mapping[str, Any]]:
    return restrictions if isinstance(restrictions, list | tuple) else ()
