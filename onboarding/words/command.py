"""A command of the Azure CLI that an administrator copies into Bash or PowerShell.

Bash evaluates ``$``, a backtick, a backslash and ``!`` within double quotes, and PowerShell reads typographic
quotation marks as quotes. Within single quotes both evaluate nothing, but they write a single quote
differently. So a value that both must read has no quotation mark at all.

Sources: https://www.gnu.org/software/bash/manual/html_node/Single-Quotes.html and
https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

from onboarding.words.line import CONTROL
from onboarding.words.word import Word, read

_PLAIN: Final = re.compile(r"[A-Za-z0-9/:._-]+")
_QUOTES: Final = re.compile("['\u2018-\u201f]")


def bash(value: Word | str) -> str:
    """A value as one word of Bash. Control characters become spaces."""
    return shlex.quote(CONTROL.sub(" ", read(value)))


def shared(value: str) -> str:
    """A value as one word of Bash and of PowerShell.

    Raises ``ValueError`` for a quotation mark, which the two languages write differently.
    """
    if _PLAIN.fullmatch(value):
        return value
    if _QUOTES.search(value):
        raise ValueError("no word of both Bash and PowerShell can contain a quotation mark")
    return f"'{CONTROL.sub(' ', value)}'"
