"""What the steps of a run can create outside storage, by kind and name.

A note is stored with the claim on a step, in the transaction before the attempt begins, and the audit trail
shows it. The names derive from the run. So there are two ways to find what exists: by its name or tag in the
tenant or the vault, and by the note, even if the call was never answered. Grants to imported applications
have notes of their own (``consent``): only those that were missing are the service's.
"""

from __future__ import annotations

from enum import StrEnum

from onboarding.workflow.run import Run


class EffectKind(StrEnum):
    """What a step can create."""

    APPLICATION = "application"  # by its unique name
    PRINCIPAL = "service-principal"  # by the unique name of its application
    CLIENT_SECRET = "client-secret"  # noqa: S105 - by its name in Entra ID
    VAULT_SECRET = "vault-secret"  # noqa: S105 - by its name
    PROVIDER = "resource-provider"  # by its namespace
    GRANT = "grant"  # by the unique name of the application that gets it
    CONNECTION = "connection"  # the record, by its ID


def note(kind: EffectKind, name: str) -> str:
    """The note of one effect."""
    return f"{kind} {name}"


def noted(run: Run | None, kind: EffectKind) -> list[str]:
    """The names of what a run may have created."""
    notes = [entry for step in run.steps.values() for entry in step.noted] if run else []
    return sorted({entry.removeprefix(f"{kind} ") for entry in notes if entry.startswith(f"{kind} ")})
