"""Requests with the wizard's fields, as the API reads them, and their faults."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from onboarding.api.faults import finding, of
from onboarding.cmg.conflicts import conflicts as all_conflicts
from onboarding.cmg.faults import Fault
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import Finding

TENANT = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEEKLY = {"unit": "Days", "every": 7}
LEAST = {"name": "Contoso", "tenantId": TENANT, "subscriptionId": TENANT}
ID = "6f1d1f3e-0e57-4f0d-9a8e-3f1f6f0f6a11"
OTHER = "7a2d1f3e-0e57-4f0d-9a8e-3f1f6f0f6a12"


def read(now: datetime = NOW, **fields) -> OnboardingRequest:
    """A request as the API reads it."""
    text = json.dumps({**LEAST, **fields})
    return OnboardingRequest.model_validate_json(text, context={"now": now, "tenant": TENANT})


def faults(now: datetime = NOW, **fields) -> dict[str, str]:
    """The faults in a request: sentences by field."""
    with pytest.raises(ValidationError) as caught:
        read(now, **fields)
    return {".".join(map(str, each["loc"])): _said(finding(each)) for each in caught.value.errors()}


def conflicts(**fields) -> dict[str, str]:
    """The combinations of fields in a request that are impossible: sentences by pointer."""
    return {fault.pointer: said(fault) for fault in all_conflicts(read(**fields))}


def said(fault: Fault) -> str:
    """The sentences for a fault."""
    return _said(of(fault))


def _said(found: Finding) -> str:
    return f"{found.detail} {found.remedy}"
