"""What people read: a subject, and the same as plain text, HTML and Markdown, made from notices.

Everything that comes from a request or a directory is escaped. Nothing is loaded from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from itertools import groupby
from typing import Final

from onboarding.connections.records import Connection
from onboarding.notices.notice import Notice

_BODY: Final = "font:16px/1.5 'Segoe UI',Arial,sans-serif;color:#1b1b1b;max-width:42em;margin:1em"
_HEADING: Final = "font-size:1.2em;margin:0 0 .8em"
_TENANT: Final = "font-size:1.1em;border-bottom:1px solid #bbb;margin:1.5em 0 .8em"
_NOTICE: Final = "font-size:1em;margin:1.5em 0 0"
_BUTTON: Final = (
    "display:inline-block;padding:.4em 1em;border:1px solid #0b5a9e;border-radius:4px;"
    "color:#0b5a9e;text-decoration:none"
)
_SMALL: Final = "font-size:.8em;color:#595959;overflow-wrap:anywhere"

_MARKUP: Final = re.compile(r"([\\`*_\[\]<>#])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message to one recipient."""

    id: str  # the same for the same message, also when it is sent again
    subject: str
    text: str
    html: str
    markdown: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Something that the reader can do with one click (and a second one, on the page)."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A notice with what a message says around it."""

    notice: Notice
    connection: Connection
    links: Sequence[Link] = ()

    @property
    def tenant(self) -> str:
        """The tenant as people know it."""
        return f"{self.connection.tenant_name} ({self.connection.tenant})"

    @property
    def date(self) -> datetime:
        """What a reader goes by: when it ends, or when it was."""
        return self.notice.ends_at or self.notice.at

    @property
    def heading(self) -> str:
        """What is the matter, and with which connection."""
        return f"{self.connection.name}: {self.notice.message}"

    def facts(self, *, short: bool) -> list[tuple[str, str]]:
        """What it is about, and what to do; short where it is one of many."""
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
    said = item.notice.message
    return Message(
        id=identifier,
        subject=item.heading,
        text="\n\n".join(filter(None, (preface, said, _text(item)))),
        html=_page(said, (f"<p><strong>{escape(preface)}</strong></p>" if preface else "") + _html(item)),
        markdown="\n\n".join(filter(None, (_plain(preface), _plain(said), _markdown(item)))),
    )


def digest(items: Iterable[Item], identifier: str) -> Message:
    """The message of several notices: by tenant, the earliest date first."""
    ordered = sorted(items, key=lambda item: (item.tenant, item.date, item.connection.name))
    connections = {item.connection.id for item in ordered}
    subject = f"{_count(len(ordered), 'notice')} about {_count(len(connections), 'connection')}"

    def sections(tenant: Callable[[str], str], item: Callable[[Item], str], between: str) -> str:
        grouped = groupby(ordered, key=lambda each: each.tenant)
        return between.join(part for name, found in grouped for part in (tenant(name), *map(item, found)))

    return Message(
        id=identifier,
        subject=subject,
        text=sections("== {} ==".format, lambda item: f"{item.heading}\n{_text(item, short=True)}", "\n\n"),
        html=_page(
            subject,
            sections(
                lambda tenant: f'<h2 style="{_TENANT}">{escape(tenant)}</h2>',
                lambda item: f'<h3 style="{_NOTICE}">{escape(item.heading)}</h3>{_html(item, short=True)}',
                "",
            ),
        ),
        markdown=sections(
            lambda tenant: f"**{_plain(tenant)}**",
            lambda item: f"{_plain(item.heading)}\n\n{_markdown(item, short=True)}",
            "\n\n",
        ),
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _text(item: Item, *, short: bool = False) -> str:
    facts = "\n".join(f"{label}: {value}" for label, value in item.facts(short=short))
    links = "\n".join(f"{link.label}: {link.url}" for link in item.links)
    return "\n\n".join(filter(None, (facts, links)))


def _markdown(item: Item, *, short: bool = False) -> str:
    facts = "\n\n".join(f"**{label}:** {_plain(value)}" for label, value in item.facts(short=short))
    links = " | ".join(f"[{link.label}]({link.url})" for link in item.links)
    return "\n\n".join(filter(None, (facts, links)))


def _plain(text: str) -> str:
    """A text in which Markdown finds nothing; an address stays one."""
    return text if text.startswith("https://") else _MARKUP.sub(r"\\\1", text)


def _html(item: Item, *, short: bool = False) -> str:
    facts = (f"<strong>{escape(label)}:</strong> {_value(value)}" for label, value in item.facts(short=short))
    paragraphs = f"<p>{('<br>' if short else '</p><p>').join(facts)}</p>"
    buttons = "".join(
        f'<p><a href="{escape(link.url)}" style="{_BUTTON}">{escape(link.label)}</a></p>'
        for link in item.links
    )
    # Written out as well: the plain part of a mail is made from this, without the targets of links.
    addresses = "".join(f"<br>{escape(link.label)}: {escape(link.url)}" for link in item.links)
    below = f'{buttons}<p style="{_SMALL}">If a button does not work:{addresses}</p>'
    return f"{paragraphs}{below if item.links else ''}"


def _value(value: str) -> str:
    text = escape(value).replace("\n", "<br>")
    return f'<a href="{text}">{text}</a>' if value.startswith("https://") else text


def _page(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        f'<body style="{_BODY}"><h1 style="{_HEADING}">{escape(title)}</h1>{content}</body></html>'
    )
