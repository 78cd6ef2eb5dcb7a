"""``/api/consented``: the page on which the administrator of another tenant ends after the consent page.

Its signed ``state`` says which tenant that is. The runs of the tenant that wait for its administrator then
check.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pydantic import Field

from onboarding.api.endpoint import HTML, OPEN, Call, Reply, endpoint
from onboarding.api.handover_links import AUTHOR
from onboarding.api.pages import page
from onboarding.api.reading import Query
from onboarding.lifecycle import tenant_consents
from onboarding.notices.consent_states import ConsentStates
from onboarding.workflow.runtime import Runtime

log = logging.getLogger(__name__)


class ConsentedQuery(Query):
    """What Microsoft Entra ID adds to a reply address. Other parameters are ignored.

    Source: https://learn.microsoft.com/entra/identity-platform/v2-admin-consent#successful-response.
    """

    admin_consent: str = Field("", alias="admin_consent", description="`True`, even if there is an error.")
    error: str = Field("", description="The reason why consent was not granted.")
    state: str = Field("", description="The `state` in the address of the consent page.")


class ConsentedResource:
    """The endpoint."""

    def __init__(self, *, states: ConsentStates, runtimes: Sequence[Runtime]) -> None:
        """``runtimes`` have the runs that can wait for a consent."""
        self._states = states
        self._runtimes = runtimes

    @endpoint("GET /consented", name="show_consented", roles=OPEN, answers={200: HTML})
    async def consented(self, call: Call[ConsentedQuery, None]) -> Reply:
        """Show an administrator the result of the consent page, and check what waited for the consent.

        The text of an error is not shown: anyone can call this page with any text.
        """
        granted = call.query.admin_consent.casefold() == "true" and not call.query.error
        waited = await self._resume(call.query.state) if granted else 0
        return page("consented.html", granted=granted, checks=waited > 0)

    async def _resume(self, state: str) -> int:
        """Lets what waits check now. An error changes nothing for the administrator, who has consented."""
        try:
            tenant = await self._states.tenant(state)
            if tenant is None:
                return 0
            return await tenant_consents.resume_all(self._runtimes, tenant, AUTHOR)
        except Exception:  # of the vault or of storage
            log.exception("what waits for a consent checks at its scheduled time")
            return 0
