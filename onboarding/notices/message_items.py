"""A notice with its context in a message to people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from onboarding.connections.records import Connection
from onboarding.notices.notice import Notice
from onboarding.words.address import Address
from onboarding.words.line import isolated, line


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """An action that the reader takes by opening a page and confirming there."""

    label: str
    url: Address


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A notice with its context in a message."""

    notice: Notice
    connection: Connection
    links: Sequence[Link] = ()

    @property
    def tenant(self) -> str:
        """The name and ID of the tenant."""
        return f"{isolated(self.connection.tenant_name)} ({self.connection.tenant})"

    @property
    def date(self) -> datetime:
        """The date that matters: of the expiration, or of the event."""
        return self.notice.ends_at or self.notice.at

    @property
    def heading(self) -> str:
        """The connection and what happened."""
        return line(f"{isolated(self.connection.name)}: {self.notice.message}")

    def facts(self, *, short: bool) -> list[tuple[str, str]]:
        """What the notice is about and what to do, by label; short in a digest."""
        app, notice = self.connection.server_app, self.notice
        facts = [
            ("Connection", "" if short else isolated(self.connection.name)),
            ("Tenant", "" if short else self.tenant),
            ("Application", f"{isolated(app.name)} ({app.app_id})"),
            ("What happens", "" if short else line(notice.impact)),
            ("What to do", notice.remedy.partition("\n")[0] if short else notice.remedy),
            ("Read more", Address(notice.documentation)),
        ]
        return [(label, value) for label, value in facts if value]


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceItem:
    """A notice about the service itself."""

    notice: Notice
    links: Sequence[Link] = ()

    @property
    def heading(self) -> str:
        """What happened."""
        return line(self.notice.message)

    def facts(self, *, short: bool) -> list[tuple[str, str]]:
        """What to do, by label."""
        notice = self.notice
        facts = [
            ("What happens", "" if short else line(notice.impact)),
            ("What to do", notice.remedy),
            ("Read more", Address(notice.documentation)),
        ]
        return [(label, value) for label, value in facts if value]
