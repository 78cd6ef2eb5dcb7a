"""Every error of the service, declared once: code, title, detail, remedy, documentation.

- ``requests``: what callers get as an answer
- ``deployment``, ``fields``, ``conflicts``: faults in a body
- ``parameters``: faults in a query or a header
- ``prerequisites``: what the preflight finds
- ``subscription``: what the preflight finds in the subscription
- ``policies``: what the preflight finds in the policies of a tenant
- ``steps``: why a step of an onboarding, renewal or removal fails
- ``cloud``: what the Microsoft cloud refuses, by its own codes
- ``login``: what Microsoft Entra ID refuses when the service asks for a token
- ``channels``: why a notice could not be delivered

The catalogue of all of them is in ``catalogue``; the tables of codes in docs/api/errors.md are generated from
it.
"""

from __future__ import annotations

from onboarding.errors.actions import Action, ActionKind
from onboarding.errors.actors import Actor
from onboarding.errors.base import (
    ErrorTexts,
    ErrorType,
    Finding,
    OnboardingError,
    PermanentError,
    ReplicationLagError,
    Severity,
    TransientError,
    first_actor,
)

__all__ = [
    "Action",
    "ActionKind",
    "Actor",
    "ErrorTexts",
    "ErrorType",
    "Finding",
    "OnboardingError",
    "PermanentError",
    "ReplicationLagError",
    "Severity",
    "TransientError",
    "first_actor",
]
