"""No name takes a road around the room that writes it for its reader."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import onboarding

ROOT = Path(onboarding.__file__).parent
READERS = ("notices", "expiry", "drift", "api/calendars.py")
"""The rooms that write for people. Answers of the API are data, and scripts have no text but literals."""

NAMES = {"name", "tenant_name", "display_name", "description", "owner", "group_names"}
OURS = {"check", "step", "plan", "template", "environment", "error", "state"}
"""Whose names the service or its deployment chose: the state of a channel has the channel's."""


def _modules() -> Iterator[Path]:
    for place in READERS:
        found = ROOT / place
        yield from [found] if found.suffix else sorted(found.rglob("*.py"))


def _bare(tree: ast.AST) -> Iterator[str]:
    """The names of others that an f-string of a module shows as they are."""
    for text in ast.walk(tree):
        if not isinstance(text, ast.FormattedValue) or not isinstance(text.value, ast.Attribute):
            continue
        of = text.value.value
        owner = of.id if isinstance(of, ast.Name) else of.attr if isinstance(of, ast.Attribute) else ""
        if text.value.attr in NAMES and owner not in OURS:
            yield f"{ast.unparse(text.value)} in line {text.value.lineno}"


def test_each_name_is_written_by_a_function_of_its_language():
    """A sentence contains a name only as a function of ``onboarding.words`` has written it."""
    found = {str(path.relative_to(ROOT)): list(_bare(ast.parse(path.read_text()))) for path in _modules()}
    assert len(found) > 20
    assert {path: bare for path, bare in found.items() if bare} == {}


def test_the_check_finds_a_bare_name():
    """Otherwise it proves nothing."""
    careless = 'f"{connection.name} of {self.connection.tenant_name}, {isolated(app.name)} {step.name}"'
    assert [each.split()[0] for each in _bare(ast.parse(careless))] == [
        "connection.name",
        "self.connection.tenant_name",
    ]
