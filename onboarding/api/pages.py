"""Pages of HTML: one file each, without scripts and without anything from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Final

import azure.functions as func

from onboarding.api import media

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
    "pre{background:#f2f2f2;padding:1em;white-space:pre-wrap;overflow-wrap:anywhere}"
    "table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.3em .6em;text-align:left}"
    "button{font:inherit;padding:.5em 1.2em;border:0;border-radius:4px;background:#0b5a9e;color:#fff}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def page(
    title: str,
    content: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    form: bool = False,
    headers: Mapping[str, str] | None = None,
) -> func.HttpResponse:
    """A page.

    Args:
        title: Its heading, as plain text.
        content: What comes below, as HTML.
        status: Of the answer.
        form: Whether it may send a form to this service.
        headers: More of them.
    """
    policy = (
        "default-src 'none'",
        f"style-src 'sha256-{_STYLE_HASH}'",
        "base-uri 'none'",
        f"form-action {chr(39)}{'self' if form else 'none'}{chr(39)}",
        "frame-ancestors 'none'",
    )
    return func.HttpResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{content}</main></body></html>",
        status_code=int(status),
        mimetype=media.HTML,
        charset="utf-8",
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": "; ".join(policy),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
    )
