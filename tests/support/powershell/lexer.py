"""Reads the script's strings and comments by PowerShell's own rules, typographic quotes included.

A grammar made for editors may know the plain quote only. Windows PowerShell accepts five characters as a
single quote; two in a row mean the second one.

Source: "Single-quote characters" and "Comments" in the language specification
(https://learn.microsoft.com/powershell/scripting/lang-spec/chapter-02).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

QUOTES: Final = "'\u2018\u2019\u201a\u201b"
_UNEXPECTED: Final = '"\u201c\u201d\u201e`'
"""Double quotes and escapes: the script has none outside its strings and comments, so they are not read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Literal:
    """A single-quoted string: its position (in characters), and its value."""

    start: int
    end: int
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A script, taken apart."""

    literals: tuple[Literal, ...]
    comments: tuple[str, ...]
    code: str  # the rest, with a mark in place of each literal and comment


def read(script: str) -> Text:
    """Take a script apart; fail on what this script must not contain."""
    literals: list[Literal] = []
    comments: list[str] = []
    code: list[str] = []
    at = 0
    while at < len(script):
        character = script[at]
        if character in QUOTES:
            assert script[at - 1] != "@", "a here-string begins"
            literal = _literal(script, at)
            literals.append(literal)
            code.append("<string>")
            at = literal.end
        elif character == "#":
            assert script[:at].rpartition("\n")[2].strip() == "", "a comment begins inside a line"
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
