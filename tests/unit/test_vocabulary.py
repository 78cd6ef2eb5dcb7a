"""One word for one thing: names in the API, settings, storage and code follow rules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import pytest

from infra.docs.tables import DOCUMENT
from onboarding.settings import Settings
from onboarding.storage import names
from tests.support.sources import ROOT

SCHEMAS: Final[dict[str, Any]] = DOCUMENT["components"]["schemas"]
GLOSSARY: Final = (ROOT / "CONTRIBUTING.md").read_text().partition("### Glossary")[2].partition("\n## ")[0]

RETIRED: Final = {"trouble", "rehearsal", "verdict", "deviation", "deadletter", "given", "put", "told"}
"""Words that a name of the API had before it got a better one."""

WRITTEN_TWICE: Final = {
    "rollback": "to roll back, the rollback",
    "setup": "to set up, the setup",
    "keyvault": "the resource provider is Microsoft.KeyVault",
    "poisonmessages": "the name of a table has only letters",
}
"""What is correct as one word and as two."""

THINGS: Final = {
    *("channel", "connection", "delivery", "expiration", "handover", "inspection", "job", "onboarding"),
    *("operation", "poison", "row", "run", "storage", "trail", "vault"),
}
"""What an entry of ``attention`` can be about; its code begins with that word."""

WORDED: Final = {"Kind", "Code", "Name", "State", "Status", "Reason", "Action", "Fault", "Outcome", "Unit"}
"""The last words of the names of enumerations, as the fields that have them."""
PROPER: Final = {
    *("Actor", "AdminConsent", "AzureEnvironment", "CloudService", "ConfirmationWay", "DeploymentModel"),
    *("Language", "OnDeleted", "SecretValidity", "Severity"),
}
"""Enumerations that are named as the thing itself."""


def words(name: str) -> list[str]:
    """The words of a name in any form: camelCase, snake_case, with-hyphens."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def values(part: Any) -> Iterator[str]:
    """The values of all enumerations in a part of the description."""
    if isinstance(part, dict):
        yield from (value for value in part.get("enum", ()) if isinstance(value, str))
        part = list(part.values())
    for member in part if isinstance(part, list) else ():
        yield from values(member)


def public() -> Iterator[str]:
    """The names that callers and operators see."""
    yield from SCHEMAS
    yield from (field for schema in SCHEMAS.values() for field in schema.get("properties", {}))
    yield from values(DOCUMENT)
    for path, methods in DOCUMENT["paths"].items():
        yield path
        for operation in methods.values():
            yield operation["operationId"]
            yield from (parameter["name"] for parameter in operation.get("parameters", ()))
    yield from (field.alias or name for name, field in Settings.model_fields.items())
    yield from (value for name, value in vars(names).items() if name.isupper() and isinstance(value, str))


NODES: Final = {
    file: [*ast.walk(ast.parse(file.read_text()))] for file in (ROOT / "onboarding").rglob("*.py")
}
"""The syntax of each module."""


def private() -> Iterator[str]:
    """The names of modules, classes and functions."""
    for file, nodes in NODES.items():
        yield file.stem
        for node in nodes:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name


PUBLIC: Final = sorted(set(public()))
ALL: Final = sorted({*PUBLIC, *private()})


def test_a_word_is_written_in_one_way():
    """A search for handover finds everything, because it is never written as two words."""
    known = {word for name in ALL for word in words(name)} - set(WRITTEN_TWICE)
    found = {name for name in ALL for first, second in pairwise(words(name)) if first + second in known}
    assert found == set()


def test_a_loop_variable_names_the_thing():
    """A reader of a loop sees what it is about: connection, not each."""
    loops = ast.For | ast.AsyncFor | ast.comprehension
    targets = (
        (file, node.target) for file, nodes in NODES.items() for node in nodes if isinstance(node, loops)
    )
    found = {file.name for file, target in targets if "each" in re.findall(r"\w+", ast.unparse(target))}
    assert found == set()


@pytest.mark.parametrize("word", sorted(RETIRED))
def test_a_word_that_was_replaced_does_not_return(word):
    """Callers see only one word for each thing."""
    assert [name for name in PUBLIC if word in words(name)] == []


def test_a_person_retries_and_a_run_is_resumed():
    """Each of the two words is one action: the endpoints, the function that each calls, and its event."""
    text = (ROOT / "onboarding/workflow/interventions.py").read_text()
    for word, event in (("retry", "retried"), ("resume", "resumed")):
        begin = text.index(f"async def {word}(")
        function = text[begin : text.index("\n\n\n", begin)]
        assert re.findall(r'kind="(\w+)"', function) == [event]
        assert f"\n| {word} |" in GLOSSARY


def test_an_entry_of_attention_says_what_it_is_about():
    """An operator reads a code without its title: expiration-passed, not ended."""
    codes = SCHEMAS["AttentionCode"]["anyOf"][0]["enum"]
    assert {code.partition("-")[0] for code in codes} == THINGS


def test_an_enumeration_is_named_as_its_field():
    """A generated client has types with meaningful names: ChannelState, not Working."""
    enumerations = {
        name for name, schema in SCHEMAS.items() if "properties" not in schema and [*values(schema)]
    }
    assert {
        name
        for name in enumerations
        if name not in PROPER and re.findall("[A-Z][a-z]+", name)[-1] not in WORDED
    } == set()
    assert enumerations >= PROPER
    assert not [name for name in enumerations if name in WORDED]


def test_a_page_is_a_list():
    """Each page of values is named XList, or the action whose results it lists."""
    pages = {name for name, schema in SCHEMAS.items() if "value" in schema.get("properties", {})}
    assert {name for name in pages if not name.endswith("List")} == {"AuditRestoration", "Reconciliation"}


def test_the_last_times_are_nouns():
    """Channels, jobs and deliveries use the same names for the times of the last success and failure."""
    fields = {field for schema in SCHEMAS.values() for field in schema.get("properties", {})}
    times = {field for field in fields if re.fullmatch("(last|next)[A-Z][A-Za-z]*At", field)}
    assert times == {"lastSuccessAt", "lastFailureAt", "lastAttemptAt", "nextAttemptAt"}
