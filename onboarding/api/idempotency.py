"""Requests that repeat an earlier one with the same ``Idempotency-Key``."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from onboarding.api.problems import ProblemError
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import requests
from onboarding.lifecycle.provided_secrets import digest
from onboarding.workflow.run import Run


def secret_of(called: OnboardingRequest, kept: OnboardingRequest) -> str:
    """The name, in Key Vault, of the secret that a call contained; empty if it contained none."""
    existing = kept.server_app.existing
    return str(existing.vault_secret) if called.provides_a_secret and existing else ""


def fingerprint(wanted: OnboardingRequest, identifier: str) -> str:
    """What two requests have in common if they request the same, with the same secret if they have one."""
    document: dict[str, Any] = wanted.model_dump(mode="json", by_alias=True)
    if (existing := wanted.server_app.existing) and existing.secret:
        document["serverApp"]["existing"]["secret"] = digest(existing.secret, identifier)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def repeated(before: Run, fingerprint: str) -> Run:
    """The run of the earlier request with the same key, if it requested the same."""
    if before.head.fingerprint != fingerprint:
        raise ProblemError(requests.IDEMPOTENCY_KEY_REUSED)
    return before
