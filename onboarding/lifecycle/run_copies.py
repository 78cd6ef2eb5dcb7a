"""A copy in Key Vault of each onboarding that created a connection, without the secret.

After a restore of storage, the onboardings since the backup are in no table. Their copies show what was
onboarded, for whom and how. The service writes a copy before it records the connection, and removes it with
the connection. So a recorded connection without its copy was off-boarded.
"""

from __future__ import annotations

import base64
import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onboarding.cloud.ports import Vault
from onboarding.lifecycle.context import OnboardingContext
from onboarding.storage.codec import Codec, UnreadableError
from onboarding.workflow.run import Head, Run, StepState, StepStatus

log = logging.getLogger(__name__)

PREFIX: Final = "record-"
"""How the names of copies begin in Key Vault."""

_LONGEST: Final = 25_000
"""Bytes of a secret: https://learn.microsoft.com/azure/key-vault/secrets/about-secrets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunCopy:
    """An onboarding that has completed everything except recording its connection."""

    head: Head
    request: str  # as the plan's codec wrote it
    results: Mapping[str, str]  # of its steps, by name
    at: datetime  # when the connection was recorded

    @classmethod
    def of(cls, run: Run, at: datetime) -> RunCopy:
        """The copy of a run."""
        done = {step.name: step.result for step in run.steps.values() if step.status is StepStatus.SUCCEEDED}
        return cls(head=run.head, request=run.head.request, results=done, at=at)

    def run(self) -> Run:
        """The run with the steps that it has done. Their events are lost."""
        head = replace(self.head, request=self.request)
        steps = {
            name: StepState(
                run=head.id,
                name=name,
                status=StepStatus.SUCCEEDED,
                attempt=1,
                started_at=head.created_at,
                changed_at=self.at,
                result=result,
            )
            for name, result in self.results.items()
        }
        return Run(head=head, steps=steps)


CODEC: Final = Codec(RunCopy)


def name_of(onboarding: str) -> str:
    """The name in Key Vault of the copy of an onboarding."""
    return f"{PREFIX}{onboarding}"


async def keep(context: OnboardingContext) -> bool:
    """Stores the copy of an onboarding; False if it is too large for the vault. Safe to repeat."""
    now = context.services.clock.now()
    packed = zlib.compress(CODEC.dump(RunCopy.of(context.run, now)).encode(), 9)
    text = base64.b64encode(packed).decode()
    if len(text) > _LONGEST:
        log.warning("the onboarding %s is too large for a copy in the vault", context.id)
        return False
    tags = {"onboarding": context.id, "tenantId": context.request.tenant}
    await context.services.clouds.vault.store(name_of(context.id), text, ends_at=None, tags=tags)
    return True


async def read(vault: Vault, onboarding: str) -> RunCopy | None:
    """The copy of an onboarding; None if there is none, or if it cannot be read."""
    found = await vault.read(name_of(onboarding))
    try:
        return CODEC.load(zlib.decompress(base64.b64decode(found[0], validate=True))) if found else None
    except (ValueError, zlib.error, UnreadableError):  # the text can have other characters than base64
        log.warning("the copy of the onboarding %s in the vault cannot be read", onboarding)
        return None
