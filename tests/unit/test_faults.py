"""No text of the validation library reaches a person: each of its faults becomes a declared error."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from pydantic_core import core_schema, from_json
from pydantic_core._pydantic_core import list_all_errors

import onboarding
from onboarding.api import faults
from onboarding.cmg.faults import fault
from onboarding.errors import conflicts, fields
from onboarding.errors.catalogue import CATALOGUE, FAULTS, PARAMETER_FAULTS
from tests.unit.wizard import LEAST, TENANT, read

_LIBRARY = ("Input should", "valid UUID", "parsing", "pydantic", "Value error", "expected")


def test_every_type_of_fault_is_declared():
    """Each type of fault in the library becomes an error of the catalogue, in this app's words."""
    known = {error["type"]: error for error in list_all_errors()}
    assert set(known) == set(get_args(core_schema.ErrorType))
    for name, error in known.items():
        found = faults.finding({"type": name, "ctx": error["example_context"] or {}}, "/x")
        assert CATALOGUE[found.code] in FAULTS, name
        assert error["message_template_python"] not in found.detail
        assert not any(words in found.detail for words in _LIBRARY), found.detail


def test_a_new_type_of_a_later_library_is_told_in_general():
    """An unknown fault is shown without the library's text."""
    found = faults.finding({"type": "quantum_state", "msg": "Input should be dead"}, "/cat")
    assert (found.code, found.pointer) == ("field-invalid", "/cat")
    assert "dead" not in f"{found.detail}{found.remedy}{found.args}"


@pytest.mark.parametrize(
    ("sent", "code", "args"),
    [
        ({"name": ""}, "text-empty", {}),
        ({"name": "x" * 257}, "text-too-long", {"most": 256}),
        ({"serverApp": {"existing": {"clientId": TENANT, "secret": ""}}}, "text-empty", {}),
        (
            {"serverApp": {"existing": {"clientId": TENANT, "secret": "x" * 1025}}},
            "text-too-long",
            {"most": 1024},
        ),
        ({"name": 7}, "not-text", {}),
        ({"name": None}, "not-text", {}),
        ({"name": " x"}, "white-space-around", {}),
        ({"name": "a\u202eb"}, "invisible-character", {"character": "U+202E", "position": 1}),
        ({"tenantId": "contoso"}, "not-a-uuid", {}),
        ({"service": "Desktop"}, "not-one-of", {"allowed": ["CloudManagement"]}),
        ({"serverApp": {"secretValidity": "P3Y"}}, "not-one-of", {"allowed": ["P1Y", "P2Y"]}),
        ({"serverApp": []}, "not-an-object", {}),
        ({"owners": {}}, "not-a-list", {}),
        ({"groupSync": "yes"}, "not-a-flag", {}),
        ({"userDiscovery": {"deltaIntervalMinutes": 4}}, "number-too-small", {"least": 5}),
        ({"userDiscovery": {"deltaIntervalMinutes": "5"}}, "not-a-number", {}),
        ({"labels": {str(number): "" for number in range(21)}}, "too-many-entries", {"most": 20}),
        ({"serverApp": {"secretEndDate": "2026-03-02"}}, "not-a-timestamp", {}),
        ({"serverApp": {"secretEndDate": "1969-12-31T23:59:59Z"}}, "timestamp-not-possible", {}),
        ({"serverApp": {"secretEndDate": "2026-03-01T13:00:00Z"}}, "date-too-early", {}),
        ({"owners": [{"email": "kim"}]}, "not-an-email-address", {}),
        (
            {"userDiscovery": {"schedule": {"unit": "Hours", "every": 24}}},
            "too-many-units",
            {"most": 23, "unit": "Hours"},
        ),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else value,
)
def test_a_fault_has_a_code_to_translate_by(sent, code, args):
    """Each sentence has its own code, and the values in the sentence are given separately."""
    with pytest.raises(ValidationError) as caught:
        read(**sent)
    (found,) = faults.findings(caught.value.errors())
    assert (found.code, dict(found.args)) == (code, args)
    for value in args.values():
        for part in value if isinstance(value, list) else [value]:
            assert str(part) in found.detail


def test_a_pointer_leads_to_what_was_sent():
    """Each pointer can be followed in the body: names as sent, escaped, with indexes in lists."""
    labels = {"a/b~c": "\u0000", " key": "x"}
    sent: dict[str, Any] = {
        **LEAST,
        "labels": labels,
        "owners": [{"email": "kim@contoso.com"}, {"email": "x"}],
    }
    with pytest.raises(ValidationError) as caught:
        read(**sent)
    pointers = [found.pointer for found in faults.findings(caught.value.errors())]
    assert sorted(pointers) == ["/labels/ key", "/labels/a~1b~0c", "/owners/1/email"]
    for pointer in pointers:
        value: Any = sent
        for part in pointer.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            value = value[int(name)] if isinstance(value, list) else value[name]


_PACKAGE = Path(onboarding.__file__).parent


def _named() -> Iterator[tuple[str, str, set[str]]]:
    """The faults that models and rules raise: location, code and values."""
    for file in sorted(_PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="fault"), args=[ast.Constant(value=str(code)), *_]):
                    yield f"{file.name}:{node.lineno}", code, {str(each.arg) for each in node.keywords}
                case ast.Call(func=ast.Name(id="Form"), args=[_, ast.Constant(value=str(code))]):
                    yield f"{file.name}:{node.lineno}", code, set()


def test_every_fault_of_a_rule_is_declared_with_its_values():
    """Each code in a model or a rule is in the catalogue and has the values that its texts need."""
    named = list(_named())
    assert len(named) > 30
    for place, code, values in named:
        assert CATALOGUE[code] in (*FAULTS, *PARAMETER_FAULTS), place
        assert values == CATALOGUE[code].fields, place


def test_models_raise_no_text_of_their_own():
    """A ``ValueError`` in the model of a request would contain a sentence that is not in the catalogue."""
    for folder in ("cmg", "api"):
        for file in sorted((_PACKAGE / folder).glob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            raised = [
                node
                for node in ast.walk(tree)
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
                if ast.unparse(node.exc.func) == "ValueError"
            ]
            assert not raised or file.name == "signing_keys.py", file.name


def test_a_fault_of_a_rule_has_its_values():
    """A fault outside a model becomes the same finding."""
    found = faults.of(fault("either-of", "/x", first="a", second="b"))
    assert found == conflicts.EITHER_OF.finding("/x", first="a", second="b")
    assert fields.FIELD_INVALID.finding("/x") != found


def test_json_that_cannot_be_read_is_placed():
    """The position in malformed text comes from the library's message; the message itself is not shown."""
    with pytest.raises(ValueError, match=r"line 2 column \d+"):
        from_json(b'{\n"a": ,}')
