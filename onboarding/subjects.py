"""What a request of a run is about: its tenant, and its connection."""

from __future__ import annotations

from typing import Any

from onboarding.audit.audit_event import EventSubject
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.records import connection_id
from onboarding.drift.inspection_step import InspectionRequest
from onboarding.lifecycle.requests import Removal, Renewal
from onboarding.notices.notice import DeliveryRequest


def subject(request: Any) -> EventSubject:
    """The subject of a request; an empty one if it is about several tenants."""
    match request:
        case OnboardingRequest():
            found = EventSubject(request.tenant, connection_id(request.tenant, request.name))
        case Removal():
            connection = request.connection or connection_id(request.tenant, request.name)
            found = EventSubject(request.tenant, connection)
        case Renewal():
            found = EventSubject(request.tenant, request.connection)
        case DeliveryRequest():
            found = EventSubject.of_connection(request.notice.connection)
        case InspectionRequest(connections=(connection,)):
            found = EventSubject.of_connection(connection)
        case InspectionRequest(connections=(connection, *_)):
            found = EventSubject(EventSubject.of_connection(connection).tenant)
        case _:
            found = EventSubject()
    return found
