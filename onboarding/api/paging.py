"""Pages of lists, as Azure's: ``{"value": [...], "nextLink": ...}``.

Source: https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#collections.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import azure.functions as func

from onboarding.api.parameters import known_only
from onboarding.api.problems import ProblemError, bad_parameter

LARGEST: Final = 100
USUAL: Final = 50
_SIZE: Final = "maxpagesize"
_TOKEN: Final = "continuationToken"  # noqa: S105 - a parameter's name


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    size: int
    continuation: str

    @classmethod
    def of(cls, request: func.HttpRequest, *known: str) -> Page:
        """Reads the parameters of a list; raises ``ProblemError`` for wrong or unknown ones."""
        parameters = known_only(request.params, _SIZE, _TOKEN, *known)
        text = parameters.get(_SIZE, str(USUAL))
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LARGEST):
            raise bad_parameter(_SIZE, f"must be a number from 1 to {LARGEST}.")
        return cls(size=int(text), continuation=parameters.get(_TOKEN, ""))

    def answer(
        self, values: Iterable[Any], continuation: str, url: str, parameters: Mapping[str, str]
    ) -> dict[str, Any]:
        """The list's document; there is a nextLink as long as more may follow."""
        document: dict[str, Any] = {"value": list(values)}
        if continuation:
            query = {**parameters, _SIZE: str(self.size), _TOKEN: continuation}
            document["nextLink"] = f"{url}?{urlencode(query)}"
        return document


def bad_continuation() -> ProblemError:
    """The continuation token is not one of ours."""
    return bad_parameter(_TOKEN, "take it from a nextLink, unchanged.")
