"""Each text in an answer is declared: as data, as an enumeration, or as a text in the reader's language."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic.functional_serializers import PlainSerializer

from onboarding.api import documents
from onboarding.api.documents import COMPONENT, Label, Wording
from onboarding.api.told import Explained, Problem
from onboarding.service import ENDPOINTS
from onboarding.texts.languages import Language, texts_in
from tests.support.sources import ROOT

NAMES: Final = frozenset(
    "id connection_id run_id tenant_id request_id next_link continuation_token cause channel key table "  # noqa: SIM905
    "partition chain queue tenants method path action_urls".split()
)
"""Fields that have IDs, names, keys and addresses everywhere. A cause is a code, or the name of a table."""

DATA: Final[Mapping[str, str]] = {
    "Acknowledgement": "by",
    "Action": "url app_id role",
    "AttentionEntry": "detail_code",
    "AuditEvent": "kind actor actor_id step detail version",  # as it was written: the trail never changes
    "Capabilities": "roles channels owner_mail_domains",
    "Channel": "name",
    "CheckedApp": "name",
    "CloudCall": "client_request_id",
    "CodeVersion": "commit",
    "Connection": "description app_id_uri pending_providers",
    "ConnectionOwner": "email",
    "Delivery": "event_id repeats",
    "Dismissal": "by by_id reason",  # the reason in the words of the operator
    "DismissedEntry": "detail_code",
    "Feed": "url",
    "Finding": "pointer parameter",
    "GraphPermission": "name",
    "Handover": "confirmed_by",
    "Health": "status checks",  # ok or failing
    "JobOverview": "name last_error",  # the class of an exception
    "LeftBehind": "needed_by",
    "OfferedProfile": "first_version next_version",
    "Onboarding": "handover_url consent_url events_url",
    "OnboardingSummary": "connection_url",
    "Operation": "events_url",
    "Overview": "incomplete",  # names of fields
    "RawContent": "text base64",
    "Reconciled": "onboarding_id",
    "RemovalSummary": "operation_url",
    "Requester": "name",
    "Secret": "vault_secret_id",
    "ServedTenant": "setup_url",
    "Subscriber": "host",
    "SubscriptionSetup": "scope actions custom_role contributor",  # commands
    "TenantSetup": "admin_consent_url",
    "TrailEvent": "kind actor actor_id detail",  # as for AuditEvent
    "WaitingFor": "step",
}
"""What else is the same in each language, by document."""

FORMATS: Final = frozenset({"uri", "uuid", "email"})


def parts(annotation: Any, metadata: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The types in an annotation, each with what is declared about it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from parts(inner[0], (*metadata, *inner[1:]))
    elif origin is not Literal and inner:
        for part in inner[1:] if origin is dict else inner:
            yield from parts(part, metadata)
    else:
        yield annotation, metadata


def fields(model: type[BaseModel]) -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """The fields of a document: name, type and what is declared about it."""
    for name, field in model.model_fields.items():
        for kind, metadata in parts(field.annotation, (field, *field.metadata)):
            yield name, kind, metadata


def answers() -> dict[str, type[BaseModel]]:
    """All documents in answers."""
    found: dict[str, type[BaseModel]] = {}

    def add(model: Any) -> None:
        if isinstance(model, type) and issubclass(model, BaseModel) and model.__name__ not in found:
            found[model.__name__] = model
            for _, kind, _ in fields(model):
                add(kind)

    for endpoint in ENDPOINTS:
        for schemas in endpoint.answers.values():
            for schema in schemas if isinstance(schemas, tuple) else (schemas,):
                add(schema)
    add(Problem)
    return found


ANSWERS: Final = answers()


def is_text(metadata: tuple[Any, ...]) -> bool:
    """Whether a field is written in the language of the reader: a ``Label`` or a ``Wording``."""
    writers = {
        each.func for kind in (Label, Wording) for each in get_args(kind) if isinstance(each, PlainSerializer)
    }
    return any(isinstance(each, PlainSerializer) and each.func in writers for each in metadata)


def is_enumeration(metadata: tuple[Any, ...]) -> bool:
    """Whether the values of a field are listed in the description."""
    return any(
        isinstance(each, WithJsonSchema) and COMPONENT in (each.json_schema or {}) for each in metadata
    )


def has_format(metadata: tuple[Any, ...]) -> bool:
    """Whether a field has addresses or IDs."""
    extras = [each.json_schema_extra for each in metadata if isinstance(each, FieldInfo)]
    return any(isinstance(extra, dict) and extra.get("format") in FORMATS for extra in extras)


def undeclared(model: type[BaseModel]) -> set[str]:
    """The fields of a document that can have English text."""
    data = {name for base in model.__mro__ for name in DATA.get(base.__name__, "").split()}
    explained = {"title", "detail", "remedy"} if issubclass(model, Explained) else set()
    return {
        name
        for name, kind, metadata in fields(model)
        if kind is str
        and not (is_text(metadata) or is_enumeration(metadata) or has_format(metadata))
        and name not in NAMES | data | explained
    }


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_each_field_with_text_is_in_the_language_of_the_reader(name):
    """A field of an answer is data, an enumeration, or a ``Label``, ``Wording`` or ``Explained`` text."""
    assert not undeclared(ANSWERS[name]), "give it a text in each language, or declare it as data"


def test_the_texts_of_an_explanation_are_written_by_its_serializer():
    """The texts that ``Explained`` translates are those that the rule above relies on."""
    written = Explained.__pydantic_decorators__.field_serializers.values()
    assert {name for found in written for name in found.info.fields} == {"title", "detail", "remedy"}


def test_what_is_declared_as_data_exists():
    """A declaration is removed together with its field."""
    known = {
        name: {field for field, kind, _ in fields(model) if kind is str} for name, model in ANSWERS.items()
    }
    for name, data in DATA.items():
        assert set(data.split()) <= known[name], name
    assert set().union(*known.values()) >= NAMES


class Careless(documents.Document):
    """A document with text that nobody has declared."""

    id: str
    note: str = ""
    hints: dict[str, tuple[str, ...]]
    label: Label
    reason: Wording
    code: documents.FailureCode


def test_a_text_that_is_not_declared_is_found():
    """The rule finds text in optional fields and in collections, and accepts the others."""
    assert undeclared(Careless) == {"note", "hints"}


@pytest.mark.parametrize("language", [each for each in Language if each is not Language.ENGLISH])
def test_each_label_in_the_code_is_written_in_each_language(language):
    """What a person can do is in their language, wherever it is declared."""
    labels = {
        part.value
        for file in (ROOT / "onboarding").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "label"
        for part in ast.walk(node.value)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }
    assert len(labels) > 10
    assert labels <= set(texts_in(language).labels)
