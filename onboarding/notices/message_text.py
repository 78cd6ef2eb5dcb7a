"""What people read: a subject, and the same content as plain text, HTML and Markdown, made from notices.

The templates escape everything that they insert, for HTML and for Markdown. No message loads anything from
another server.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from onboarding.connections.records import Connection
from onboarding.notices.notice import Notice

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES: Final = Path(__file__).parent / "templates"
_MARKUP: Final = re.compile(r"([\\`*_\[\]<>#])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message to one recipient."""

    id: str  # the same when the message is sent again
    subject: str
    text: str
    html: str
    markdown: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """An action that the reader takes by opening a page and confirming there."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A notice with its context in a message."""

    notice: Notice
    connection: Connection
    links: Sequence[Link] = ()

    @property
    def tenant(self) -> str:
        """The name and ID of the tenant."""
        return f"{self.connection.tenant_name} ({self.connection.tenant})"

    @property
    def date(self) -> datetime:
        """The date that matters: of the expiration, or of the event."""
        return self.notice.ends_at or self.notice.at

    @property
    def heading(self) -> str:
        """The connection and what happened."""
        return f"{self.connection.name}: {self.notice.message}"

    def facts(self, *, short: bool) -> list[tuple[str, str]]:
        """What the notice is about and what to do, by label; short in a digest."""
        app, notice = self.connection.server_app, self.notice
        facts = [
            ("Connection", "" if short else self.connection.name),
            ("Tenant", "" if short else self.tenant),
            ("Application", f"{app.name} ({app.app_id})"),
            ("What happens", "" if short else notice.impact),
            ("What to do", notice.remedy.partition("\n")[0] if short else notice.remedy),
            ("Read more", notice.documentation),
        ]
        return [(label, value) for label, value in facts if value]


def single(item: Item, identifier: str, preface: str = "") -> Message:
    """The message of one notice."""
    title = item.notice.message
    return _message(identifier, item.heading, "notice", title=title, preface=preface, item=item, short=False)


def digest(items: Iterable[Item], identifier: str) -> Message:
    """The message of several notices: by tenant, the earliest date first."""
    ordered = sorted(items, key=lambda item: (item.tenant, item.date, item.connection.name))
    connections = {item.connection.id for item in ordered}
    subject = f"{_count(len(ordered), 'notice')} about {_count(len(connections), 'connection')}"
    tenants = [(tenant, list(group)) for tenant, group in groupby(ordered, key=lambda item: item.tenant)]
    return _message(identifier, subject, "digest", title=subject, tenants=tenants, short=True)


def _message(identifier: str, subject: str, template: str, **values: Any) -> Message:
    """A message in each form."""
    text, html, markdown = (
        environment.get_template(f"{template}.{form}").render(values).strip()
        for form, environment in _environments().items()
    )
    return Message(id=identifier, subject=subject, text=text, html=html, markdown=markdown)


@functools.cache
def _environments() -> dict[str, Environment]:
    """The templates by form. The library is imported when the first message is made."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    shared: dict[str, Any] = {
        "loader": FileSystemLoader(_TEMPLATES),
        "trim_blocks": True,
        "lstrip_blocks": True,
        "undefined": StrictUndefined,
    }
    return {
        "txt": Environment(**shared),  # noqa: S701 - plain text has no markup
        "html": Environment(autoescape=True, **shared),
        "markdown": Environment(finalize=_plain, **shared),  # noqa: S701 - ``_plain`` escapes
    }


def _plain(value: Any) -> Any:
    """A value without a meaning in Markdown; a URL, and what a template marks as safe, stays as it is."""
    safe = hasattr(value, "__html__") or str(value).startswith("https://")
    return value if safe else _MARKUP.sub(r"\\\1", str(value))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
