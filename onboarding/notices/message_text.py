"""What people read: a subject, and the same content in each form, made from notices.

Every value that a template inserts is treated as a name from others, unless it is an ``Address``: it has no
meaning in HTML or in any dialect of Markdown. No message loads anything from another server.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from onboarding.notices.digest_groups import Section, parts, sections
from onboarding.notices.message_items import Item, ServiceItem
from onboarding.words.address import Address
from onboarding.words.chat import quiet, unlinked
from onboarding.words.line import line

if TYPE_CHECKING:
    from jinja2 import Environment

LARGEST_MAIL: Final = 200_000
"""The size in bytes of a mail that every mail server accepts, and that people still read."""

LARGEST_CHAT: Final = 24_000
"""Bytes of a message that services for chat accept: Teams takes 28 KB
(https://learn.microsoft.com/microsoftteams/limits-specifications-teams), with what surrounds the text."""

_TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message to one recipient."""

    id: str  # the same if the message is sent again
    subject: str
    text: str
    """For mail. A chat service can read Markdown in plain text: it gets ``chat``."""
    html: str
    markdown: str
    chat: str


def single(item: Item | ServiceItem, identifier: str, preface: str = "") -> Message:
    """The message of one notice."""
    title = line(item.notice.message)
    return _message(identifier, item.heading, "notice", title=title, preface=preface, item=item, short=False)


def digest(items: Sequence[Item], identifier: str, largest: int = LARGEST_MAIL) -> list[Message]:
    """The messages of several notices, each below a size where that is possible."""
    connections = {item.connection.id for item in items}
    subject = f"{_count(len(items), 'notice')} about {_count(len(connections), 'connection')}"

    def written(found: Sequence[Section], number: int = 1, of: int = 1) -> Message:
        title = subject if of == 1 else f"{subject} (part {number} of {of})"
        part = identifier if number == 1 else f"{identifier}-{number}"
        return _message(part, title, "digest", title=title, sections=found, short=True)

    def fits(found: Sequence[Section]) -> bool:
        return _size(written(found, 99, 99)) <= largest

    found = parts(sections(items), fits)
    return [written(part, number, len(found)) for number, part in enumerate(found, start=1)]


def _size(message: Message) -> int:
    """The bytes of the largest form of a message in JSON, as services for chat take it."""
    forms = (message.text, message.html, message.markdown, message.chat)
    return max(len(json.dumps(form)) for form in forms)


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
