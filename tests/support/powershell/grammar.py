"""Reads the script with a grammar of PowerShell: its assignments, commands and the types of its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from tests.support.powershell.cmdlets import OUTPUTS

_WHOLE = {
    "string_literal",
    "array_expression",
    "hash_literal_expression",
    "cast_expression",
    "command",
    "invokation_expression",
    "member_access",
}
_JOINED = "(-join ("
"""The start of a string that is not ASCII."""

_LANGUAGE = Language(tree_sitter_powershell.language())


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """The PowerShell type of an expression, and its text."""

    type: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A call of a cmdlet with all its parameters, including those in splatted hashtables."""

    name: str
    parameters: Mapping[str, Value]
    positional: int
    inside_should_process: bool


@dataclass(kw_only=True, slots=True)
class Script:
    """What a script does."""

    root: Node
    commands: list[Command] = field(default_factory=list)
    variables: dict[str, Value] = field(default_factory=dict)
    tables: dict[str, dict[str, Value]] = field(default_factory=dict)

    @property
    def faults(self) -> list[str]:
        """The places that the grammar cannot parse."""
        found = [node for node in walk(self.root) if node.is_error or node.is_missing]
        return [f"{node.type} at {node.start_point}: {text(node)[:60]}" for node in found]

    def types(self) -> set[str]:
        """The kinds of syntax that the script uses."""
        return {node.type for node in walk(self.root)}


def read(script: str) -> Script:
    """Read a script, in the order in which it runs."""
    found = Script(root=Parser(_LANGUAGE).parse(script.encode()).root_node)
    for node in walk(found.root):
        if node.type == "script_parameter":
            kinds = [text(each) for each in walk(node) if each.type == "type_literal"]
            name = next(text(each) for each in reversed(node.children) if each.type == "variable")
            found.variables[name] = Value(type=kinds[-1].strip("[]").rpartition(".")[2], text=name)
        elif node.type == "assignment_expression":
            _assign(found, node)
        elif node.type == "command":
            found.commands.append(_command(found, node))
    return found


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it, in the order of the text."""
    yield node
    for child in node.children:
        yield from walk(child)


def text(node: Node) -> str:
    """The text of a node."""
    return (node.text or b"").decode()


def _assign(found: Script, node: Node) -> None:
    left, right = _narrow(node.named_children[0]), _narrow(node.named_children[-1])
    if left.type == "element_access":
        table, key = left.named_children
        found.tables[text(table)][text(key).strip("'")] = _value(found, right)
    elif right.type == "hash_literal_expression":
        found.tables[text(left)] = {
            text(entry.named_children[0]): _value(found, entry.named_children[1])
            for entry in walk(right)
            if entry.type == "hash_entry"
        }
    else:
        found.variables[text(left)] = _value(found, right)


def _command(found: Script, node: Node) -> Command:
    name = text(node.named_children[0])
    parameters: dict[str, Value] = {}
    positional, pending = 0, ""
    elements = [child for part in node.named_children[1:] for child in part.named_children]
    for each in [*elements, None]:
        if each is not None and each.type == "command_argument_sep":
            continue
        if each is None or each.type == "command_parameter":
            if pending:
                parameters[pending] = Value(type="SwitchParameter", text="")
            pending = text(each).removeprefix("-") if each is not None else ""
        elif text(each).startswith("@") and not text(each).startswith("@("):
            parameters |= found.tables["$" + text(each)[1:]]
        elif pending:
            parameters[pending], pending = _value(found, each), ""
        else:
            positional += 1
    return Command(
        name=name,
        parameters=parameters,
        positional=positional,
        inside_should_process=_inside_should_process(node),
    )


def _inside_should_process(node: Node) -> bool:
    """Whether a command is in the branch of a ``ShouldProcess``."""
    inner: Node | None = node
    while inner is not None:
        outer = inner.parent
        if outer is not None and outer.type in {"if_statement", "elseif_clause"}:
            before = "".join(text(each) for each in outer.children if each.end_byte <= inner.start_byte)
            if inner.type == "statement_block" and ".ShouldProcess(" in before.rpartition("}")[2]:
                return True
        inner = outer
    return False


_TYPES = {
    "string_literal": "String",
    "verbatim_string_characters": "String",
    "generic_token": "String",
    "decimal_integer_literal": "Int32",
    "integer_literal": "Int32",
    "array_expression": "String[]",
}


def _value(found: Script, node: Node) -> Value:
    node = _narrow(node)
    shown = text(node).strip()
    match node.type:
        case "variable" if shown not in {"$true", "$false"}:
            return found.variables[shown]
        case "variable":
            kind = "Boolean"
        case "cast_expression":
            kind = text(node.named_children[0]).strip("[]").capitalize()
        case "invokation_expression" if shown.startswith("[datetime]::ParseExact("):
            kind = "DateTime"
        case "member_access" if shown == "$found.SecretValue":
            kind = "SecureString"
        case _ if shown.startswith(_JOINED):
            kind = "String"
        case "command":
            kind = OUTPUTS[text(node.named_children[0])]
        case _:
            kind = _TYPES.get(node.type, f"? ({node.type})")
    return Value(type=kind, text=shown)


def _narrow(node: Node) -> Node:
    """The first node below with more than one part: the grammar wraps each value many times."""
    while node.type not in _WHOLE and len(node.named_children) == 1 and not text(node).startswith(_JOINED):
        node = node.named_children[0]
    return node
