"""The sweep: finds the warnings whose time has come, sends each on its way, and sets the next one.

A warning is announced before the index moves on, so a crash in between announces it again, which makes no
second notice. Missed runs, two timers at once and a clock set back are all the same to it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from onboarding.clock import Clock
from onboarding.connections import clocks
from onboarding.connections.expirations import Expiration, ExpirationIndex
from onboarding.connections.store import ConnectionStore
from onboarding.expiry.notices import Notices
from onboarding.expiry.warnings import warning

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpirySweep:
    """Looks at the clocks."""

    expirations: ExpirationIndex
    connections: ConnectionStore
    notices: Notices
    thresholds: tuple[int, ...]
    clock: Clock

    async def run(self) -> int:
        """Announces every warning that is due; returns how many."""
        announced = 0
        while True:
            # A warning that was missed may bring another one that is due too: until none is left.
            found = [expiration async for expiration in self.expirations.due(self.clock.now())]
            for expiration in found:
                announced += await self._announce(expiration)
            if not found:
                return announced

    async def _announce(self, expiration: Expiration) -> int:
        connection = await self.connections.get(expiration.connection)
        current = connection is not None and connection.secret.ends_at == expiration.ends_at
        if connection is not None and current:
            await self.notices.announce(warning(expiration, connection), connection)
            following = clocks.next_warning(expiration.ends_at, self.thresholds, expiration.warning.days)
            if following:
                await self.expirations.put(
                    Expiration(
                        connection=expiration.connection,
                        tenant=expiration.tenant,
                        clock=expiration.clock,
                        ends_at=expiration.ends_at,
                        warning=following,
                    )
                )
        else:
            log.info("dropped a warning of %s: its clock was moved", expiration.connection)
        await self.expirations.remove(expiration)
        return int(current)
