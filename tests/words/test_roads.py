"""No word bypasses the room that writes it, and each door has a test. The types ensure the rest."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import onboarding
from onboarding.notices.message_text import Message
from tests.words import doors

ROOT = Path(onboarding.__file__).parent
METHODS = ("get", "post", "put", "patch", "delete")


def test_each_door_has_a_test():
    """A response in a language other than JSON, or a form of a message, has a test that reads words in it."""
    description = json.loads((ROOT.parent / "docs" / "openapi.json").read_text())
    found = {
        (operation["operationId"], media_type)
        for path in description["paths"].values()
        for method, operation in path.items()
        if method in METHODS
        for answer in operation["responses"].values()
        for media_type in answer.get("content", {})
        if not media_type.endswith("json")
    }
    assert found == set(doors.ENDPOINTS)
    assert {field.name for field in fields(Message)} == set(doors.MESSAGES)
    for test in doors.tests():
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT.parent / path).read_text(), test


def test_only_the_room_reads_what_a_word_consists_of():
    """Another module gets a word as text only from a function that names the language."""
    private = {"read", "schema"}
    for path in ROOT.rglob("*.py"):
        if path.parent.name == "words":
            continue
        tree = ast.parse(path.read_text())
        taken = {each.name for each in _imports(tree, "onboarding.words.word")}
        assert not taken & (private - _ALLOWED.get(path.name, set())), path


def test_each_name_of_a_directory_is_a_word():
    """Graph's responses have any type. A name in them becomes a word, is compared, or stays a document."""
    for path in ROOT.rglob("*.py"):
        if "displayName" not in (text := path.read_text()):
            continue
        tree = ast.parse(text)
        inside = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.Compare | ast.Dict) or _takes_a_word(node)
            for part in ast.walk(node)
        }
        for node in ast.walk(tree):
            assert not _reads_a_name(node) or id(node) in inside, f"{path}: {ast.unparse(node)}"


def _takes_a_word(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("Word", ".startswith"))


def _reads_a_name(node: ast.AST) -> bool:
    match node:
        case ast.Subscript(slice=ast.Constant("displayName")):
            return True
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant("displayName"), *_]):
            return True
    return False


_ALLOWED = {"fields.py": {"schema"}}


def _imports(tree: ast.AST, module: str) -> Iterator[ast.alias]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == module:
            yield from node.names
