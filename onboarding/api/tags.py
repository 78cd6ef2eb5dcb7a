"""The groups of endpoints: one for each resource at the beginning of a path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from onboarding.api.endpoint import Endpoint

EVENTS: Final = "events"
"""The group of the webhooks."""

_DESCRIPTIONS: Final = {
    "audit": "Who did what, and whether the trail is complete.",
    "attention": "Entries of the overview that an operator can retry or dismiss.",
    "channels": "Where notices go, whether each channel works, and a test.",
    "deliveries": "The deliveries of notices to channels.",
    "connections": "Tenants that were onboarded: their apps, secrets, handover and renewals.",
    "consented": "The page that an administrator sees after the consent page of Microsoft Entra ID.",
    EVENTS: "What the service posts to the webhook.",
    "expirations": "What expires when, as JSON, spreadsheet or calendar.",
    "health": "For monitors: whether the dependencies of the service respond.",
    "capabilities": "What the deployment offers to its caller.",
    "consent": "The page for the administrator who consents.",
    "links": "The pages of the links in messages.",
    "onboardings": "Request an onboarding, follow it, retry or undo it.",
    "openapi": "This description.",
    "operations": "Renewals and removals.",
    "overview": "What needs attention in the deployment or in one tenant.",
    "poison": "Messages that the service cannot process.",
    "reconcile": "Corrects the records after a restore.",
    "unreadable": "Stored rows that the service cannot read.",
    "subscribers": "Programs that get events.",
    "tenants": "What a tenant needs before it can be onboarded, and whether its apps conform.",
}


def tag_of(endpoint: Endpoint) -> str:
    """The group of an endpoint, such as ``connections``."""
    resource = endpoint.path.lstrip("/").partition("/")[0]
    return resource.partition(".")[0].partition("-")[0]


def tags(endpoints: Sequence[Endpoint]) -> list[dict[str, str]]:
    """The groups of these endpoints, by name. A group that has no description has only its name."""
    names = sorted({*map(tag_of, endpoints), EVENTS})
    return [
        {"name": name, **({"description": _DESCRIPTIONS[name]} if name in _DESCRIPTIONS else {})}
        for name in names
    ]
