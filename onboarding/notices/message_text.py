"""What people read: a subject, and the same content in each form, made from notices.

Every value that a template inserts is a word of others, unless it is an ``Address``: it has no meaning in
HTML or in any dialect of Markdown. No message loads anything from another server.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from onboarding.connections.records import Connection
from onboarding.notices.notice import Notice
from onboarding.words.address import Address
from onboarding.words.chat import quiet, unlinked
from onboarding.words.line import isolated, line

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message to one recipient."""

    id: str  # the same when the message is sent again
    subject: str
    text: str
    """For mail. A chat service can read Markdown in plain text: it gets ``chat``."""
    html: str
    markdown: str
    chat: str


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


def single(item: Item, identifier: str, preface: str = "") -> Message:
    """The message of one notice."""
    title = line(item.notice.message)
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
    forms = {
        form: environment.get_template(f"{template}.{file}").render(values).strip()
        for form, (file, environment) in _environments().items()
    }
    return Message(id=identifier, subject=subject, **forms)


@functools.cache
def _environments() -> dict[str, tuple[str, Environment]]:
    """The suffix of the templates and their environment, by form. Imported for the first message."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    def environment(written: Callable[[str], str], *, markup: bool = False) -> Environment:
        def finalize(value: Any) -> Any:
            marked = isinstance(value, Address) or hasattr(value, "__html__")
            return value if marked else written(str(value))

        made = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
            autoescape=markup,  # noqa: S701 - ``quiet`` leaves no markup, and plain text has none
            finalize=finalize,
        )
        made.tests["address"] = lambda value: isinstance(value, Address)
        return made

    return {
        "text": ("txt", environment(unlinked)),
        "html": ("html", environment(unlinked, markup=True)),
        "markdown": ("markdown", environment(quiet)),
        "chat": ("txt", environment(quiet)),
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
