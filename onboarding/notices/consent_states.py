"""The signed ``state`` of the page on which the administrator of another tenant consents to the service.

Microsoft Entra ID returns it to the page of the service on which the administrator ends, where nobody signs
in. So that page knows which tenant it may check, and nobody can make the service check others.

Source: https://learn.microsoft.com/entra/identity-platform/v2-admin-consent.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from onboarding.clock import Clock
from onboarding.errors import OnboardingError
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.link_tokens import LinkTokens

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_PURPOSE: Final = "tenant-consent"
_START: Final = datetime(2020, 1, 1, tzinfo=UTC)
_PERIOD: Final = timedelta(days=30)
"""A state is the same during a period, so that answers do not change at each check. It is valid for two
periods, at least as long as an onboarding waits."""

_LONGEST: Final = 3
"""Seconds. Nobody waits longer for the vault: without a state, a page is still the right one."""

_SILENCE: Final = 60
"""Seconds after that in which nobody waits for the vault again. A step can have several errors."""

_SILENT: Final = "the vault did not answer in time"


class ConsentStates:
    """Signs states, and reads them."""

    def __init__(self, *, secrets: ChannelSecrets, key: str, clock: Clock) -> None:
        """``key`` names the vault's secret that signs. If it is empty, there are no states."""
        self._tokens = LinkTokens(secrets, key, clock, purpose=_PURPOSE)
        self._clock = clock
        self._silent_since = -math.inf  # of ``time.monotonic``

    async def of(self, tenant: str) -> str:
        """The state for a tenant; empty if it cannot be signed."""
        if not self._tokens.are_set_up:
            return ""
        now = self._clock.now()
        expires_at = _START + ((now - _START) // _PERIOD + 2) * _PERIOD
        try:
            return await self._in_time(self._tokens.sign({"tenant": tenant.casefold()}, expires_at))
        except (OnboardingError, ValueError, TimeoutError) as error:
            log.warning("the page for a tenant's consent has no state: %s", error)
            return ""

    async def tenant(self, state: str) -> str | None:
        """The tenant of a state; None if it is forged or too old.

        Raises this app's errors, and ``TimeoutError`` if the vault is silent.
        """
        claims = await self._in_time(self._tokens.read(state))
        return claims["tenant"] if claims else None

    async def _in_time(self, work: Coroutine[Any, Any, _T]) -> _T:
        """The result of work that needs the key. Raises as ``tenant``."""
        if time.monotonic() < self._silent_since + _SILENCE:
            work.close()
            raise TimeoutError(_SILENT)
        try:
            async with asyncio.timeout(_LONGEST):
                return await work
        except TimeoutError as error:
            self._silent_since = time.monotonic()
            raise TimeoutError(_SILENT) from error
