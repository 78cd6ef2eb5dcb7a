"""Values as PowerShell literals that nothing can break out of, in ASCII. Windows PowerShell 5.1 and later.

Without a byte order mark, which a file loses easily, Windows PowerShell 5.1 reads a script in the code page
of the computer. There, the bytes of a letter can be a quotation mark. So all letters except ASCII are written
as the numbers of their UTF-16 code units. ``-join`` and ``[char]`` also work in constrained language mode.

Sources: https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules,
https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_character_encoding and
https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_language_modes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from onboarding.words.line import CONTROL
from onboarding.words.word import Word, read

_RUNS: Final = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+")


def text(word: Word | str) -> str:
    """A string: PowerShell evaluates no variable, escape or expression in it.

    Raises ``ValueError`` for control characters, which no name can contain.
    """
    value = read(word)
    if CONTROL.search(value):
        raise ValueError("a PowerShell literal cannot contain control characters")
    if value.isascii():
        return _quoted(value)
    return f"(-join ({', '.join(_pieces(value))}))"


def label(value: Word | str) -> str:
    """A string for any text; control characters become spaces."""
    return text(CONTROL.sub(" ", read(value)))


def boolean(value: bool) -> str:
    """``$true`` or ``$false``."""
    return "$true" if value else "$false"


def array(values: Iterable[Word | str]) -> str:
    """An array of strings, even if there are none or only one."""
    return "@(" + ", ".join(map(text, values)) + ")"


def date(moment: datetime) -> str:
    """A ``[datetime]`` in UTC, the same in every culture."""
    stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"[datetime]::ParseExact({text(stamp)}, 'yyyy-MM-ddTHH:mm:ssZ', "
        "[cultureinfo]::InvariantCulture, 'AdjustToUniversal, AssumeUniversal')"
    )


def comment(value: Word | str) -> str:
    """Text for a line comment: it stays on its line, other letters are numbers: ``u{451}``."""
    shown = CONTROL.sub(" ", read(value))
    return "".join(character if character.isascii() else f"\\u{{{ord(character):x}}}" for character in shown)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _pieces(value: str) -> Iterator[str]:
    for run in _RUNS.findall(value):
        if run.isascii():
            yield _quoted(run)
        else:
            units = run.encode("utf-16-be", "surrogatepass")
            yield from (f"[char]0x{unit:x}" for (unit,) in struct.iter_unpack(">H", units))
