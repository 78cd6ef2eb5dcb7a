"""To which domains mail to owners may go.

Requesters choose the owners, but the mail account belongs to the company. Without a setting these are the
verified domains of the deployment's own tenant and of the connection's tenant
(https://learn.microsoft.com/graph/api/resources/verifieddomain). They are read once a day. While a tenant
cannot be read, the last known domains apply, because its owners must be notified of that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import idna

from onboarding.clock import Clock
from onboarding.errors import OnboardingError
from onboarding.storage import names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Row, Tables, Write
from onboarding.storage.unreadable_rows import load, readable

_KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownDomains:
    """The verified domains of a tenant, as they were read."""

    domains: tuple[str, ...]
    at: datetime


CODEC: Final = Codec(KnownDomains)


class MailDomains:
    """The domains to which mail may go."""

    def __init__(
        self,
        *,
        allowed: Sequence[str],
        home: str,
        verified: Callable[[str], Awaitable[Sequence[str]]],
        tables: Tables,
        clock: Clock,
    ) -> None:
        """``allowed`` are the domains in the setting. ``home`` is the deployment's tenant.

        ``verified`` reads the verified domains of a tenant, and raises this app's errors.
        """
        self._allowed = frozenset(filter(None, map(_in_dns, allowed)))
        self._home = home.casefold()
        self._verified = verified
        self._tables = tables
        self._clock = clock

    async def of(self, tenant: str) -> frozenset[str]:
        """The allowed domains for a connection of a tenant, as far as the service knows them."""
        if self._allowed:
            return self._allowed
        return frozenset().union(*filter(None, await self._of_both(tenant)))

    async def all_of(self, tenant: str) -> frozenset[str] | None:
        """The same; None if more domains may be allowed, because a tenant cannot be read yet.

        A tenant can be requested before its administrator has consented to the service.
        """
        if self._allowed:
            return self._allowed
        found = await self._of_both(tenant)
        known = [domains for domains in found if domains is not None]
        return frozenset().union(*known) if len(known) == len(found) else None

    async def _of_both(self, tenant: str) -> Sequence[frozenset[str] | None]:
        return await asyncio.gather(*map(self._of_tenant, {self._home, tenant.casefold()}))

    async def _of_tenant(self, tenant: str) -> frozenset[str] | None:
        row = Row(partition=f"domains:{tenant}", key="verified")
        stored = await self._tables.get(names.NOTICES, row.partition, row.key)
        read_rows = await readable(self._tables, [stored] if stored else [], lambda row: load(CODEC, row))
        known, now = next(iter(read_rows), None), self._clock.now()
        if known is None or not timedelta(0) <= now - known.at < _KEPT:
            try:
                read = tuple(filter(None, map(_in_dns, await self._verified(tenant))))
            except OnboardingError:
                return frozenset(known.domains) if known else None
            known = KnownDomains(domains=read, at=now)
            columns = {"document": CODEC.dump(known)}
            await self._tables.write(
                names.NOTICES, Row(partition=row.partition, key=row.key, columns=columns), Write.UPSERT
            )
        return frozenset(known.domains)


def domain_of(address: str) -> str:
    """The domain of an e-mail address; empty if it is not one address with one domain."""
    local, _, domain = address.partition("@")
    return _in_dns(domain) if local and domain else ""


def _in_dns(domain: str) -> str:
    """A domain as in DNS, in lower case; empty if DNS cannot have it.

    A letter outside ASCII is not replaced by another one: straße.de and strasse.de have different owners
    (https://www.rfc-editor.org/rfc/rfc5891#section-4.4).
    """
    try:
        return idna.encode(domain.removesuffix(".").lower()).decode()
    except idna.IDNAError:
        return ""
