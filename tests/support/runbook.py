"""The calls that the page about incidents tells an operator to make."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from tests.support.pages import page

PAGE: Final = "docs/incidents.md"
_CALL: Final = re.compile(r"^(GET|POST|DELETE) (/api/\S+)$", re.MULTILINE)


def headings() -> list[str]:
    """The incidents."""
    return re.findall(r"^## (.+)$", page(PAGE).text, re.MULTILINE)


def first() -> Sequence[tuple[str, str]]:
    """The calls to make first in any incident."""
    return _CALL.findall(page(PAGE).text.partition("\n## ")[0])


def calls(incident: str, **values: Any) -> Sequence[tuple[str, str]]:
    """Method and path of each call of an incident, with the values of its placeholders, in order."""
    _, found, text = page(PAGE).text.partition(f"\n## {incident}\n")
    assert found, f"{PAGE} has no incident {incident!r}"
    text = text.partition("\n## ")[0]
    blocks = re.findall(r"^```http\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    sent = [call for block in blocks for call in _CALL.findall(block)]
    return [
        (method, path.format(**{"id": "{id}", "from": "", "until": "", **values})) for method, path in sent
    ]
