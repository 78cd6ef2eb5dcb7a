"""Reads the project's pages: their tables, blocks, links and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.sources import ROOT

_NOT_OURS = {"node_modules"}
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One Markdown file."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """Its path in the project."""
        return str(self.path.relative_to(ROOT))

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks of one language, in order."""
        return re.findall(rf"^```{language}\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)

    def prose(self) -> str:
        """The text without its blocks."""
        return re.sub(r"^```.*?^```$", "", self.text, flags=re.MULTILINE | re.DOTALL)

    def tables(self, heading: str = "") -> Iterator[list[list[str]]]:
        """The tables (without headers) below a heading, up to the next one of its level or above, or all."""
        rows: list[list[str]] = []
        for line in [*self._section(heading).splitlines(), ""]:
            if line.startswith("|"):
                rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])])
            elif rows:
                yield rows[2:]
                rows = []

    def _section(self, heading: str) -> str:
        if not heading:
            return self.prose()
        match = re.search(rf"^(#+) {re.escape(heading)}$", self.text, re.MULTILINE)
        assert match, f"{self.name} has no heading {heading!r}"
        rest = self.text[match.end() :]
        end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
        return rest[: end.start()] if end else rest

    def links(self) -> list[str]:
        """Where its links lead."""
        return _LINK.findall(self.prose())

    def anchors(self) -> set[str]:
        """The fragments of its headings, as GitHub makes them."""
        headings = re.findall(r"^#+ (.+)$", self.prose(), re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.casefold()).replace(" ", "-") for heading in headings}


def page(name: str) -> Page:
    """One page by its path in the project."""
    path = ROOT / name
    return Page(path=path, text=path.read_text(encoding="utf-8"))


def pages() -> list[Page]:
    """All pages of the project."""
    return [page(str(path.relative_to(ROOT))) for path in files("*.md")]


def files(pattern: str) -> list[Path]:
    """The project's own files, without installed or generated ones."""
    found = []
    for path in ROOT.rglob(pattern):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part != ".ci" for part in parts[:-1])
        if path.is_file() and not hidden and not _NOT_OURS & set(parts):
            found.append(path)
    return sorted(found)


def plain(cell: str) -> str:
    """The text of a table's cell, without code style if it is one word."""
    match = re.fullmatch(r"`([^`]+)`", cell)
    return match[1] if match else cell
