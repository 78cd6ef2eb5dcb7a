"""A value in a page or in a mail (HTML). The template engine escapes what it inserts, and this adds the rest.

Sources: https://jinja.palletsprojects.com/en/stable/api/#autoescaping, and for names in right-to-left scripts
https://www.w3.org/International/articles/inline-bidi-markup/.
"""

from __future__ import annotations

from typing import Any

from onboarding.words.line import isolated
from onboarding.words.word import Word


def inserted(value: Any) -> Any:
    """What a template inserts for a value (``finalize`` of Jinja, before it escapes)."""
    return isolated(value) if isinstance(value, Word) else value
