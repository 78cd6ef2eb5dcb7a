"""The Bicep of ``infra/azure``, read by two parsers.

The development tools include no compiler, so these tests check names in its place: pycep
gives values, tree-sitter gives every identifier with its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import tree_sitter
import tree_sitter_bicep
from pycep import BicepParser

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "infra" / "azure"

#: Bicep functions that the templates may use. Look a new one up in the reference before you add it.
FUNCTIONS = {
    "empty",
    "environment",
    "guid",
    "string",
    "subscription",
    "subscriptionResourceId",
    "tenant",
    "union",
    "uniqueString",
}
DECORATORS = {"allowed", "description", "maxLength", "maxValue", "minLength", "minValue", "secure"}


@dataclass(frozen=True)
class Template:
    """One .bicep file."""

    path: Path

    @cached_property
    def values(self) -> dict[str, Any]:
        """Parameters, variables, resources, modules and outputs, as pycep sees them."""
        return dict(BicepParser().parse(text=self.path.read_text()))

    @cached_property
    def syntax(self) -> tree_sitter.Node:
        """The syntax tree's root."""
        language = tree_sitter.Language(tree_sitter_bicep.language())
        return tree_sitter.Parser(language).parse(self.path.read_bytes()).root_node

    def variable(self, name: str) -> Any:
        """The value of a variable."""
        return self.values["variables"][name]["value"]

    def resource(self, name: str) -> dict[str, Any]:
        """The body of a resource, inside its loop or condition where it has one."""
        body: dict[str, Any] = self.values["resources"][name]["config"]
        return dict(body.get("config", body))

    def nodes(self, kind: str) -> Iterator[tree_sitter.Node]:
        """Every node of this kind."""
        return (node for node in walk(self.syntax) if node.type == kind)


def template(name: str) -> Template:
    """A template by the file's name without its ending."""
    return Template(FOLDER / f"{name}.bicep")


TEMPLATES = [Template(path) for path in sorted(FOLDER.glob("*.bicep"))]


def walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """The node and everything below it, in the order of the text."""
    yield node
    for child in node.children:
        yield from walk(child)


def text(node: tree_sitter.Node | None) -> str:
    """The text of a node, without quotes where it is a string."""
    assert node is not None
    assert node.text is not None
    return node.text.decode().strip("'")


def keys(value: Any) -> set[str]:
    """The keys that an expression can return: both branches of a condition, all parts of a union."""
    if not isinstance(value, dict):
        return set()
    if "function" in value:
        return set().union(*map(keys, value["function"].get("parameters", {}).values()))
    if "operator" in value:
        return set().union(*map(keys, value["operator"]["operands"].values()))
    return set(value)


def longest(name: str, pieces: dict[str, int]) -> int:
    """The length of an interpolated name, given the length of each inserted value."""
    inserted = re.findall(r"\$\{(\w+)\}", name)
    return len(re.sub(r"\$\{\w+\}", "", name)) + sum(pieces[piece] for piece in inserted)
