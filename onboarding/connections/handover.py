"""The handover of a connection: whether its site has imported what the service created."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from onboarding.behalf import Behalf


class HandoverState(StrEnum):
    """Whether the site is connected, as far as people have reported it."""

    WAITING = "Waiting"  # nobody has confirmed yet
    CONFIRMED = "Confirmed"
    UNKNOWN = "Unknown"  # a release that did not ask recorded the connection


class ConfirmationWay(StrEnum):
    """How a handover was confirmed."""

    API = "Api"
    LINK = "Link"  # a signed link, by a person or by the script
    RENEWAL = "Renewal"  # the site has confirmed a later secret


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmation:
    """Somebody has reported that the site is connected."""

    at: datetime
    by: str
    by_id: str = ""  # object ID; empty if nobody signed in
    way: ConfirmationWay = ConfirmationWay.API
    on_behalf_of: Behalf | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Handover:
    """What is known about the site."""

    since: datetime  # since when there is something to hand over
    confirmation: Confirmation | None = None
