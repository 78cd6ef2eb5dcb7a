"""Pages of HTML: one document each, without scripts and without anything from other servers."""

from __future__ import annotations

import base64
import functools
import hashlib
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from onboarding.api.endpoint import HTML, Reply
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
        content=_environment().get_template(template).render(style=style, **values).encode(),
        media_type=HTML,
        status=status,
        headers={
            "Content-Security-Policy": "; ".join(policy),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
    )


@functools.cache
def _environment() -> Environment:
    """The templates. The library is imported when the first page is made: other calls do not need it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        finalize=html.inserted,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
