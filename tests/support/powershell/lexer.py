"""Reads the script's strings and comments by PowerShell's own rules.

Words with letters outside ASCII are expressions: ``(-join ('Caf', [char]0xe9))``. They count as one literal.

Source: "Single-quote characters" and "Comments" in the language specification
(https://learn.microsoft.com/powershell/scripting/lang-spec/chapter-02).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

QUOTES: Final = "'\u2018\u2019\u201a\u201b"
"""PowerShell accepts five characters as a single quote; a script contains only the first one."""

_JOINED: Final = "(-join ("
_UNIT: Final = re.compile(r"\[char\]0x([0-9a-f]{1,4})")
_UNEXPECTED: Final = '"\u201c\u201d\u201e`'
"""Double quotes and escapes: the script has none outside its strings and comments, so they are not parsed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Literal:
    """A string: its position (in characters), and its value."""

    start: int
    end: int
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A script, split into its parts."""

    literals: tuple[Literal, ...]
    comments: tuple[str, ...]
    code: str  # the rest, with a mark instead of each literal and comment


def read(script: str) -> Text:
    """Split a script into its parts; fail on what this script must not contain."""
    assert script.isascii()
    literals: list[Literal] = []
    comments: list[str] = []
    code: list[str] = []
    at = 0
    while at < len(script):
        character = script[at]
        if character in QUOTES or (character == "(" and script.startswith(_JOINED, at)):
            assert script[at - 1] != "@", "a here-string starts"
            literal = _literal(script, at) if character in QUOTES else _joined(script, at)
            literals.append(literal)
            code.append("<string>")
            at = literal.end
        elif character == "#":
            assert script[:at].rpartition("\n")[2].strip() == "", "a comment starts inside a line"
            end = script.find("\r\n", at)
            comments.append(script[at:end])
            code.append("<comment>")
            at = end
        else:
            assert character not in _UNEXPECTED, f"{character!r} stands outside of strings at {at}"
            code.append(character)
            at += 1
    return Text(literals=tuple(literals), comments=tuple(comments), code="".join(code))


def _literal(script: str, start: int) -> Literal:
    value: list[str] = []
    at = start + 1
    while True:
        assert at < len(script), f"the string at {start} does not end"
        if script[at] in QUOTES:
            if at + 1 == len(script) or script[at + 1] not in QUOTES:
                return Literal(start=start, end=at + 1, value="".join(value))
            at += 1
        value.append(script[at])
        at += 1


def _joined(script: str, start: int) -> Literal:
    value: list[bytes] = []
    at = start + len(_JOINED)
    while not script.startswith("))", at):
        if value:
            assert script.startswith(", ", at), f"the expression at {start} has other parts"
            at += 2
        if script[at] == "'":
            literal = _literal(script, at)
            value.append(literal.value.encode("utf-16-le"))
            at = literal.end
        else:
            unit = _UNIT.match(script, at)
            assert unit, f"the expression at {start} has other parts"
            value.append(struct.pack("<H", int(unit[1], 16)))
            at = unit.end()
    return Literal(start=start, end=at + 2, value=b"".join(value).decode("utf-16-le", "surrogatepass"))
