"""Values as PowerShell literals that nothing can break out of. Windows PowerShell 5.1.

Source: https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

_SINGLE_QUOTES: Final = re.compile("['\u2018\u2019\u201a\u201b]")
"""PowerShell treats typographic quotes as plain ones: each of them ends a string."""

_LINE_BREAK: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def text(value: str) -> str:
    """A single-quoted string: PowerShell evaluates no variable, escape or expression in it.

    Raises ``ValueError`` for control characters, which no name can contain.
    """
    if _LINE_BREAK.search(value):
        raise ValueError("a PowerShell literal cannot contain control characters")
    return "'" + _SINGLE_QUOTES.sub(lambda match: match.group() * 2, value) + "'"


def label(value: str) -> str:
    """A single-quoted string for any text; control characters become spaces."""
    return text(_LINE_BREAK.sub(" ", value))


def boolean(value: bool) -> str:
    """``$true`` or ``$false``."""
    return "$true" if value else "$false"


def array(values: Iterable[str]) -> str:
    """An array of strings, also if there are none or one."""
    return "@(" + ", ".join(map(text, values)) + ")"


def date(moment: datetime) -> str:
    """A ``[datetime]`` in UTC, the same in every culture."""
    stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"[datetime]::ParseExact({text(stamp)}, 'yyyy-MM-ddTHH:mm:ssZ', "
        "[cultureinfo]::InvariantCulture, 'AdjustToUniversal, AssumeUniversal')"
    )


def comment(value: str) -> str:
    """Text for a line comment: it stays on its line."""
    return _LINE_BREAK.sub(" ", value)
