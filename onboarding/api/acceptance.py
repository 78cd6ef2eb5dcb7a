"""Which requests for an onboarding this deployment accepts, and how."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from onboarding.api import idempotency
from onboarding.api.callers import Caller
from onboarding.api.endpoint import Call
from onboarding.api.onboarding_documents import DryRun
from onboarding.api.onboarding_queries import CreateQuery
from onboarding.api.problems import ProblemError, invalid
from onboarding.api.reading import need
from onboarding.api.runs import AnyTraced, asker
from onboarding.api.secret_budget import SecretBudget
from onboarding.api.tenants import ServedTenants
from onboarding.clock import Clock
from onboarding.cmg.conflicts import SAME_APP, conflicts
from onboarding.cmg.wizard import AdminConsent, OnboardingRequest
from onboarding.connections.connection_store import ConnectionStore
from onboarding.errors import Finding, deployment, prerequisites, requests
from onboarding.lifecycle import ownership, provided_secrets, secret_intake
from onboarding.lifecycle.name_reservations import Holder, NameReservations
from onboarding.lifecycle.plans import plan_of
from onboarding.lifecycle.requests import REQUESTER, TENANT
from onboarding.notices.mail_domains import MailDomains, domain_of
from onboarding.storage import keys
from onboarding.texts import phrases
from onboarding.words.word import Word
from onboarding.workflow.run import Run
from onboarding.workflow.runtime import Runtime, TooManyOpenError

if TYPE_CHECKING:
    from onboarding.lifecycle.context import Services

NAME_TAKEN: Final = (prerequisites.CONNECTION_EXISTS, prerequisites.NAME_RESERVED)
"""The problems for a name that is not available."""

Creation = Call[CreateQuery, OnboardingRequest]
"""A call that requests an onboarding."""


class Acceptance:
    """Checks valid requests against the settings of the deployment, and starts their onboardings."""

    def __init__(
        self,
        *,
        environment: str,
        tenants: ServedTenants,
        channels: Sequence[str],
        connections: ConnectionStore,
        reservations: NameReservations,
        runtime: Runtime,
        services: Callable[[], Services],
        secrets: SecretBudget,
        mail_domains: MailDomains,
        clock: Clock,
    ) -> None:
        """``environment`` is the Azure environment of this deployment; ``channels`` are those for people.

        ``services`` makes the clients of the cloud.
        """
        self._environment = environment
        self._tenants = tenants
        self._channels = channels
        self._connections = connections
        self._reservations = reservations
        self._runtime = runtime
        self._services = services
        self._secrets = secrets
        self._mail_domains = mail_domains
        self._clock = clock

    async def accept(self, call: Creation) -> tuple[Run, bool]:
        """The onboarding that a call requests, and whether an earlier call did. Raises ``ProblemError``.

        With an ``Idempotency-Key`` the ID is derived from caller and key. So the insert itself detects that
        the same request was accepted before.
        """
        wanted, key = call.body, call.query.idempotency_key
        self._check(wanted, call.caller)
        identifier = keys.derived_id("onboarding", call.caller.id, key) if key else str(uuid.uuid4())
        fingerprint = idempotency.fingerprint(wanted, identifier)
        if key and wanted.server_app.existing and (before := await self._runtime.load(identifier)):
            # A repeated request is answered before its secret is stored in Key Vault again, whatever has
            # happened to the connection that it shares.
            return idempotency.repeated(before, fingerprint), True
        await self._check_shared(wanted, call.caller)
        await self._check_owners(wanted)
        holder = await self._reservations.reserve(wanted.tenant, wanted.name, identifier, call.caller.id)
        if holder:
            if key and (before := await self._runtime.load(identifier)):
                return idempotency.repeated(before, fingerprint), True
            raise _name_taken(holder, wanted.name, call.caller)
        wanted = await self._kept(call, identifier)
        asking = asker(call)
        head = plan_of(wanted).head(
            identifier,
            wanted,
            author=asking.author,
            created_at=self._clock.now(),
            lists=asking.lists(wanted.tenant),
            authority=asking.authority,
            fingerprint=fingerprint,
            traceparent=asking.traceparent,
        )
        imports = bool(ownership.imported(wanted))
        if imports:
            await ownership.enter(self._services(), wanted, identifier, call.caller.id)
        try:
            existing = await self._runtime.start(head)
        except TooManyOpenError as error:
            if imports:
                await ownership.leave(self._services(), wanted, identifier)
            await self._reservations.release(wanted.tenant, wanted.name, identifier)
            raise self._too_many() from error
        if existing is None:
            return self._runtime.plan(head).new(head), False
        lost = idempotency.secret_of(call.body, wanted)
        if existing.head.fingerprint != fingerprint and lost:
            await provided_secrets.discard(self._services(), lost, identifier)
        return idempotency.repeated(existing, fingerprint), True

    async def _check_owners(self, wanted: OnboardingRequest) -> None:
        """Raises ``ProblemError`` (422) for owners to whom this deployment sends no mail.

        If the service cannot read the domains of the tenant, all owners are accepted, and the preflight shows
        why. Mail then goes only to domains that are verified when it is sent.
        """
        allowed = await self._mail_domains.all_of(wanted.tenant) if wanted.owners else None
        if allowed is None:
            return
        refused = [
            deployment.OWNER_DOMAIN.finding(
                f"/owners/{number}/email", domain=domain_of(owner.email), domains=sorted(allowed)
            )
            for number, owner in enumerate(wanted.owners)
            if domain_of(owner.email) not in allowed
        ]
        if refused:
            raise invalid(*refused)

    async def dry_run(self, call: Call[AnyTraced, OnboardingRequest]) -> DryRun:
        """The dry run of a call. Raises ``ProblemError`` for what would not be accepted at all."""
        from onboarding.lifecycle.dry_run import dry_run  # noqa: PLC0415 - imports clients of the cloud

        wanted = call.body
        self._check(wanted, call.caller)
        await self._check_shared(wanted, call.caller)
        await self._check_owners(wanted)
        found = await dry_run(self._services(), wanted, asker(call), self._clock.now())
        holder = await self._reservations.holder(wanted.tenant, wanted.name)
        reserved = [_reserved(holder, wanted.name, call.caller)] if holder and not holder.connection else []
        return DryRun.of(wanted, found, besides=reserved)

    async def reserve_again(self, caller: Caller, run: Run, name: Word) -> None:
        """Reserves the name of an onboarding that is about to be retried.

        Raises ``ProblemError``: 409, or 429 if its requester has reached the limit of open onboardings.
        """
        lists = run.head.lists
        if not caller.operates and await self._runtime.is_full(lists):
            raise self._too_many()
        holder = await self._reservations.reserve(
            lists[TENANT], name, run.head.id, lists[REQUESTER], retrying=True
        )
        if holder:
            raise _name_taken(holder, name, caller)

    async def _kept(self, call: Creation, identifier: str) -> OnboardingRequest:
        """The request as it is stored: with the name of a secret in Key Vault in place of the secret."""
        wanted = call.body
        if not wanted.provides_a_secret:
            return wanted
        kept = None
        try:
            asking, now = asker(call), self._clock.now()
            if not await self._runtime.is_full(asking.lists(wanted.tenant)):
                await self._secrets.take(call.caller)
                kept = await secret_intake.keep_secret(self._services(), wanted, identifier, asking, now)
        finally:
            if kept is None and await self._runtime.load(identifier) is None:
                await self._reservations.release(wanted.tenant, wanted.name, identifier)
        if kept is None:
            raise self._too_many()
        return kept

    def _too_many(self) -> ProblemError:
        most = self._runtime.limits.open_runs
        return ProblemError(requests.TOO_MANY_OPEN, most=most, headers={"Retry-After": "60"})

    def _check(self, wanted: OnboardingRequest, caller: Caller) -> None:
        """Raises ``ProblemError`` (422) unless the fields agree with each other and with the deployment."""
        need(conflicts(wanted))
        if wanted.azure_environment != self._environment:
            raise invalid(
                deployment.OTHER_ENVIRONMENT.finding(
                    served=self._environment, requested=wanted.azure_environment
                )
            )
        self._tenants.check(str(wanted.tenant_id))
        by_service = wanted.admin_consent is AdminConsent.BY_SERVICE
        if by_service and ownership.imported(wanted) and not caller.operates:
            raise invalid(prerequisites.CONSENT_TO_IMPORTS.finding())
        if findings := tuple(self._unknown_channels(wanted)):
            raise invalid(*findings)

    async def _check_shared(self, wanted: OnboardingRequest, caller: Caller) -> None:
        """Raises ``ProblemError`` (422) unless the caller may share the connection and its app."""
        existing = wanted.server_app.existing
        if existing is None or existing.connection_id is None:
            return
        found = await self._connections.get(existing.connection_id)
        if not found or found.tenant != str(wanted.tenant_id) or not caller.may_see(found.requester):
            raise invalid(deployment.CONNECTION_NOT_FOUND.finding(connection=existing.connection_id))
        client = wanted.client_app.existing if wanted.client_app else None
        if client and str(client.client_id) == found.server_app.app_id:
            need([SAME_APP])

    def _unknown_channels(self, wanted: OnboardingRequest) -> Iterator[Finding]:
        """An unknown name would select a vault secret that callers must not select."""
        for number, name in enumerate(wanted.notices.channels or ()):
            if name not in self._channels:
                pointer = f"/notices/channels/{number}"
                channels = list(self._channels) or phrases.NONE.of()
                yield deployment.CHANNEL_UNKNOWN.finding(pointer, channel=name, channels=channels)


def _name_taken(holder: Holder, name: Word, caller: Caller) -> ProblemError:
    """The problem (409) of a name that a connection or another onboarding has.

    It repeats the name as the caller sent it, also if the holder has it in another case: others are not told
    how somebody writes a name. Whoever may see the holder gets its ID, and can read the name there.
    """
    if holder.connection:
        which = f"({holder.connection})" if caller.may_see(holder.requester) else ""
        finding = prerequisites.CONNECTION_EXISTS.finding(name=name, which=which)
        return ProblemError(prerequisites.CONNECTION_EXISTS, errors=(finding,), name=name, which=which)
    finding = _reserved(holder, name, caller)
    return ProblemError(prerequisites.NAME_RESERVED, errors=(finding,), **finding.args)


def _reserved(holder: Holder, name: Word, caller: Caller) -> Finding:
    which = f"({holder.onboarding})" if caller.may_see(holder.requester) else ""
    return prerequisites.NAME_RESERVED.finding(name=name, which=which)
