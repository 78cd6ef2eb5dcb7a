"""The Bicep is consistent: it parses, and every name in it is defined."""

from __future__ import annotations

from typing import Any

import pytest
import tree_sitter

from tests.azure.templates import (
    DECORATORS,
    FOLDER,
    FUNCTIONS,
    TEMPLATES,
    Template,
    longest,
    template,
    text,
    walk,
)

each_template = pytest.mark.parametrize("bicep", TEMPLATES, ids=lambda bicep: bicep.path.name)

_DECLARATIONS = {
    "parameter_declaration",
    "variable_declaration",
    "resource_declaration",
    "module_declaration",
    "output_declaration",
}


def _declared(bicep: Template, *kinds: str) -> set[str]:
    return {text(node.named_child(0)) for kind in kinds for node in bicep.nodes(kind)}


def _mentions(bicep: Template) -> list[tree_sitter.Node]:
    """Every identifier that refers to something; names of declarations and keys of objects do not count."""
    return [
        node
        for node in bicep.nodes("identifier")
        if node.parent is not None
        and not (
            node.parent.type in _DECLARATIONS | {"object_property"} and node == node.parent.named_child(0)
        )
    ]


def _modules() -> list[tuple[Template, tree_sitter.Node, Template]]:
    return [
        (bicep, node, Template(FOLDER / text(node.named_child(1))))
        for bicep in TEMPLATES
        for node in bicep.nodes("module_declaration")
    ]


def _body(module: tree_sitter.Node) -> dict[str, tree_sitter.Node]:
    """The properties of a module's declaration, by name."""
    body = next(node for node in walk(module) if node.type == "object")
    return _properties(body)


def _properties(body: tree_sitter.Node) -> dict[str, tree_sitter.Node]:
    found = {}
    for child in body.named_children:
        if child.type == "object_property":
            value = child.named_child(1)
            assert value is not None
            found[text(child.named_child(0))] = value
    return found


@each_template
def test_both_parsers_accept_the_template(bicep: Template):
    """Each template parses without an error node, with two independent parsers."""
    assert bicep.values
    faults = [node for node in walk(bicep.syntax) if node.is_error or node.is_missing]
    assert faults == []


@each_template
def test_every_name_is_declared(bicep: Template):
    """Nothing refers to a parameter, variable, resource or module that does not exist."""
    declared = _declared(bicep, *_DECLARATIONS - {"output_declaration"})
    loops = {text(node.named_child(0)) for node in bicep.nodes("for_statement")}
    known = declared | loops | FUNCTIONS | DECORATORS
    assert [text(node) for node in _mentions(bicep) if text(node) not in known] == []


@each_template
def test_nothing_is_declared_in_vain(bicep: Template):
    """Each parameter and variable is used."""
    used = {text(node) for node in _mentions(bicep)}
    assert _declared(bicep, "parameter_declaration", "variable_declaration") - used == set()


def test_modules_get_exactly_what_they_ask_for():
    """Each module receives each parameter that it requires, and no unknown parameter."""
    modules = _modules()
    assert {called.path for _, _, called in modules} == {bicep.path for bicep in TEMPLATES} - {
        FOLDER / "main.bicep"
    }
    for _, node, called in modules:
        given = set(_properties(_body(node)["params"]))
        parameters: dict[str, Any] = called.values["parameters"]
        required = {name for name, parameter in parameters.items() if parameter["default"] is None}
        assert required <= given <= set(parameters), called.path.name


def test_outputs_that_are_read_exist():
    """Each value that main reads from a module is an output of that module."""
    outputs = {
        text(node.named_child(0)): set(called.values.get("outputs", ())) for _, node, called in _modules()
    }
    read = [
        (text(inner.named_child(0)), text(node.named_child(1)))
        for node in template("main").nodes("member_expression")
        if (inner := node.named_child(0)) is not None
        and inner.type == "member_expression"
        and text(inner.named_child(1)) == "outputs"
    ]
    assert read
    assert [(module, name) for module, name in read if name not in outputs[module]] == []


@each_template
def test_no_cloud_is_hard_coded(bicep: Template):
    """No template has a host name of one cloud: suffixes come from environment(), so both clouds work."""
    written = [text(node) for node in bicep.nodes("string_content")]
    suffixes = ("windows.net", "azure.net", "azure.com", "azure.us", "usgovcloudapi", "microsoftonline")
    assert [content for content in written if any(suffix in content for suffix in suffixes)] == []


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("functionAppName", 32),  # hosts derive their ID from this many characters; longer names collide
        ("storageName", 24),
        ("vaultName", 24),
    ],
)
def test_names_stay_within_their_limits(name: str, limit: int):
    """Names that Azure limits never exceed the limit, whatever the name of the environment is."""
    assert longest(template("main").variable(name), {"token": 13}) <= limit
