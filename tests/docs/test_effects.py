"""Each effect of the service has a line in SECURITY.md: who authorizes it, and who owns what it affects."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.support.sources import ROOT

FOLDERS = ("onboarding/cloud", "onboarding/notices/channels")
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
"""Methods of HTTP in calls to Microsoft Graph and to receivers of notices."""
SDK = {
    "get_secret",
    "set_secret",
    "delete_secret",
    "purge_deleted_secret",
    "recover_deleted_secret",
    "register",
}
SDK |= {
    "update_secret_properties",
    "backup_secret",
    "restore_secret_backup",
    "post",
    "async_notify",
    "notify",
}
"""Methods of the SDKs that change something, read a secret, or notify somebody."""
READS = {
    "get",
    "list",
    "list_properties_of_secrets",
    "list_properties_of_secret_versions",
    "send_request",  # its method is a constant
    "close",
}
"""Methods of the SDKs that change nothing and return no secret."""
CLIENTS = re.compile(
    r"^\s*(from|import) (httpx|aiohttp|requests|msgraph|apprise|azure[.](keyvault|mgmt))\b", re.MULTILINE
)
"""Packages with which the service calls others."""
GENERAL = {"Graph.batch"}
"""Calls that only read, although their method is POST."""


def calls(method: ast.AST) -> Iterator[str]:
    """The names of the functions and methods that a function calls."""
    for node in ast.walk(method):
        if isinstance(node, ast.Call):
            yield from (
                each.value for each in node.args if isinstance(each, ast.Constant) and each.value in CHANGES
            )
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr


def effects() -> set[str]:
    """The public methods of the clients that have an effect, directly or through private ones."""
    found = set()
    for file in (each for folder in FOLDERS for each in (ROOT / folder).glob("*.py")):
        for kind in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(kind, ast.ClassDef):
                continue
            methods = {
                each.name: set(calls(each))
                for each in kind.body
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            effective = {name for name, called in methods.items() if called & (CHANGES | SDK)}
            while more := {name for name, called in methods.items() if called & effective} - effective:
                effective |= more
            found |= {f"{kind.name}.{name}" for name in effective if not name.startswith("_")}
    return found - GENERAL


def used(tree: ast.AST) -> Iterator[str]:
    """The methods that code calls on an SDK's client."""
    for node in ast.walk(tree):
        attribute = node.func if isinstance(node, ast.Call) else None
        if isinstance(attribute, ast.Attribute) and "self._client." in ast.unparse(attribute):
            yield attribute.attr


def test_the_walk_knows_each_method_of_an_sdk():
    """Each method is listed either as an effect or as only reading."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in (ROOT / FOLDERS[0]).glob("*.py")]
    methods = {name for tree in trees for name in used(tree)}
    assert {"set_secret", "register", "list_properties_of_secrets"} <= methods
    assert methods <= SDK | READS


def test_nobody_else_calls_a_service():
    """Only the folders in which the walk looks import a client of Microsoft's services or of HTTP."""
    for file in (ROOT / "onboarding").rglob("*.py"):
        folder = file.parent.relative_to(ROOT).as_posix()
        assert folder in FOLDERS or not CLIENTS.search(file.read_text(encoding="utf-8")), file


def rows() -> list[list[str]]:
    """The lines of the table."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    section = text.partition("## Each effect, and who authorizes it")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_each_effect_has_a_line():
    """Everything in the code that changes, reads or announces something has a line; no line is left over."""
    named = {name for row in rows() for name in re.findall(r"`(\w+\.\w+)`", row[3])}
    assert len(named) > 15
    assert named == effects() | ({"People.send"} & named)


def test_each_line_is_complete_and_has_a_test_that_exists():
    """Each effect has somebody who authorizes it, an owner, and a test."""
    texts = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    for effect, word, owner, _, test in rows():
        assert effect
        assert word
        assert owner
        named = re.findall(r"`([^`]+)`", test)
        assert named
        for name in named:
            assert (ROOT / name).is_file() if name.endswith(".py") else f"def {name}(" in texts, name
