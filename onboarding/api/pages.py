"""Pages of HTML: one document each, without scripts and without anything from other servers."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from onboarding.api.endpoint import HTML, Reply
from onboarding.api.reader import Reader
from onboarding.texts.languages import Language, texts_in
from onboarding.texts.phrases import Said
from onboarding.words import html

if TYPE_CHECKING:
    from jinja2 import Environment


_TEMPLATES: Final = Path(__file__).parent / "templates"


def page(
    template: str,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    form: bool = False,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> Reply:
    """A page made of a template. ``form`` lets it send a form to this service."""
    style = (_TEMPLATES / "page.css").read_text(encoding="utf-8").strip()
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        "default-src 'none'",
        f"style-src 'sha256-{style_hash}'",
        "base-uri 'none'",
        "form-action 'self'" if form else "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return Reply(
        content=HtmlPage(template=template, style=style, values=values),
        media_type=HTML,
        status=status,
        headers={
            "Content-Security-Policy": "; ".join(policy),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class HtmlPage:
    """A page before it is written in the language of its reader."""

    template: str
    style: str
    values: Mapping[str, Any]

    def rendered(self, reader: Reader) -> bytes:
        """The document."""
        template = templates(reader.language).get_template(self.template)
        return template.render(style=self.style, language=str(reader.language), **self.values).encode()


@functools.cache
def templates(language: Language) -> Environment:
    """The templates. The library is imported when the first page is made: other calls do not need it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    texts = texts_in(language)
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        finalize=lambda value: (
            texts.said(value.as_json()) if isinstance(value, Said) else html.inserted(value)
        ),
    )
    made.filters["written"] = html.inserted  # what is inserted into a sentence is not finalized
    made.policies["ext.i18n.trimmed"] = True

    def written(english: str) -> str:
        return texts.labels.get(english, english)

    def counted(one: str, several: str, number: int) -> str:
        return written(one if number == 1 else several)

    made.install_gettext_callables(written, counted, newstyle=True)  # type: ignore[attr-defined] # of i18n
    return made
