"""What a request of a run is about: its tenant, and its connection."""

from __future__ import annotations

from typing import Any

from onboarding.audit.audit_event import Subject
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.records import connection_id
from onboarding.drift.inspection_step import InspectionRequest
from onboarding.lifecycle.requests import Removal, Renewal
from onboarding.notices.notice import DeliveryRequest


def subject(request: Any) -> Subject:
    """The subject of a request; an empty one if it is about several tenants."""
    match request:
        case OnboardingRequest():
            found = Subject(request.tenant, connection_id(request.tenant, request.name))
        case Removal():
            connection = request.connection or connection_id(request.tenant, request.name)
            found = Subject(request.tenant, connection)
        case Renewal():
            found = Subject(request.tenant, request.connection)
        case DeliveryRequest():
            found = Subject.of_connection(request.notice.connection)
        case InspectionRequest(connections=(connection,)):
            found = Subject.of_connection(connection)
        case InspectionRequest(connections=(connection, *_)):
            found = Subject(Subject.of_connection(connection).tenant)
        case _:
            found = Subject()
    return found
