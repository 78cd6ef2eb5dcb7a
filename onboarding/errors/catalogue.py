"""All declared errors by their code, and by where they occur."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from onboarding.errors import (
    channels,
    cloud,
    conflicts,
    deployment,
    existing_apps,
    feeds,
    fields,
    login,
    parameters,
    policies,
    prerequisites,
    recovery,
    requests,
    responses,
    secrets,
    steps,
    subscription,
)
from onboarding.errors.base import ErrorType

MODULES: Final[tuple[ModuleType, ...]] = (
    requests,
    deployment,
    parameters,
    fields,
    conflicts,
    feeds,
    prerequisites,
    existing_apps,
    policies,
    subscription,
    steps,
    secrets,
    cloud,
    responses,
    login,
    channels,
    recovery,
)
"""By audience, in the order in which the documentation lists them."""


def _declared(*modules: ModuleType) -> tuple[ErrorType, ...]:
    return tuple(kind for module in modules for kind in vars(module).values() if isinstance(kind, ErrorType))


CATALOGUE: Final = {kind.code: kind for kind in _declared(*MODULES)}

PROBLEMS: Final = tuple(kind for kind in CATALOGUE.values() if kind.status)
"""Answers to a caller."""

FAULTS: Final = tuple(kind for kind in _declared(deployment, fields, conflicts) if kind.severity)
"""What can be wrong with a body."""

PARAMETER_FAULTS: Final = tuple(kind for kind in _declared(parameters) if kind.severity)
"""What can be wrong with a parameter, besides the form of its value."""

FINDINGS: Final = tuple(
    kind for kind in _declared(prerequisites, existing_apps, policies, subscription, steps) if kind.severity
)
"""What the preflight reports, and what a failed step leaves behind."""

FAILURES: Final = tuple(kind for kind in CATALOGUE.values() if kind.failure)
"""Why a step fails."""
