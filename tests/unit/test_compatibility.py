from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from infra.docs.compatibility import breaking
from infra.docs.generate import ROOT
from infra.docs.tables import DOCUMENT

RELEASES = ROOT / "docs" / "releases"

Change = Callable[[dict[str, Any]], object]

RELEASED: dict[str, Any] = {
    "paths": {
        "/cars": {
            "get": {
                "parameters": [
                    {
                        "name": "colour",
                        "required": False,
                        "schema": {"enum": ["red", "blue"]},
                    },
                    {"name": "size", "required": False, "schema": {"type": "integer", "maximum": 100}},
                ],
                "responses": {
                    "200": {
                        "headers": {"Link": {"schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Cars"}}},
                    }
                },
            },
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
                },
                "responses": {"202": {}, "409": {}},
            },
        }
    },
    "webhooks": {
        "built": {
            "post": {
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Event"}}}
                }
            }
        }
    },
    "components": {
        "schemas": {
            "Cars": {
                "type": "object",
                "properties": {"value": {"type": "array", "items": {"$ref": "#/components/schemas/Car"}}},
                "required": ["value"],
            },
            "Event": {
                "oneOf": [{"$ref": "#/components/schemas/Built"}],
                "discriminator": {"propertyName": "type", "mapping": {"built": "#/components/schemas/Built"}},
            },
            "Built": {
                "type": "object",
                "properties": {"type": {"type": "string"}, "car": {"$ref": "#/components/schemas/Car"}},
            },
            "Car": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "state": {"type": "string", "enum": ["New", "Old"]},
                    "owner": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "towed": {"$ref": "#/components/schemas/Car"},
                },
                "required": ["id", "state"],
            },
            "Order": {
                "type": "object",
                "properties": {
                    "model": {"type": "string", "maxLength": 10},
                    "wheels": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                },
                "required": ["model"],
            },
        }
    },
}


def car(document: dict[str, Any]) -> Any:
    return document["components"]["schemas"]["Car"]


def schemas(document: dict[str, Any]) -> Any:
    return document["components"]["schemas"]


def order(document: dict[str, Any]) -> Any:
    return document["components"]["schemas"]["Order"]


def get(document: dict[str, Any]) -> Any:
    return document["paths"]["/cars"]["get"]


def post(document: dict[str, Any]) -> Any:
    return document["paths"]["/cars"]["post"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda found: found["paths"].pop("/cars"), "GET /cars"),
        (lambda found: found["paths"]["/cars"].pop("post"), "POST /cars"),
        (lambda found: get(found)["parameters"].pop(), "size"),
        (lambda found: get(found)["parameters"][0].update(required=True), "colour"),
        (lambda found: get(found)["parameters"].append({"name": "x", "required": True, "schema": {}}), "x"),
        (lambda found: get(found)["parameters"][0]["schema"].update(enum=["red"]), "blue"),
        (lambda found: get(found)["parameters"][1]["schema"].update(maximum=50), "maximum"),
        (lambda found: get(found)["responses"].pop("200"), "200"),
        (lambda found: get(found)["responses"]["200"].pop("headers"), "Link"),
        (lambda found: get(found)["responses"]["200"].update(content={"text/csv": {"schema": {}}}), "json"),
        (lambda found: post(found)["responses"].pop("409"), "409"),
        (lambda found: post(found).pop("requestBody"), "body"),
        (lambda found: car(found)["properties"].pop("owner"), "owner"),
        (lambda found: car(found)["properties"]["id"].update(type="integer"), "id"),
        (lambda found: car(found)["properties"]["state"].update(enum=["New"]), "Old"),
        (
            lambda found: car(found)["properties"]["id"].update(anyOf=[{"type": "null"}]),
            "id",
        ),
        (lambda found: car(found)["required"].remove("id"), "id"),
        (lambda found: order(found)["required"].append("wheels"), "wheels"),
        (lambda found: order(found)["properties"].pop("wheels"), "wheels"),
        (lambda found: order(found)["properties"]["model"].update(maxLength=5), "maxLength"),
        (lambda found: order(found)["properties"]["model"].update(pattern="^x"), "pattern"),
        (lambda found: order(found)["properties"]["model"].update(enum=["x"]), "model"),
        (lambda found: order(found)["properties"].update(wheels={"type": "integer"}), "wheels"),
        (lambda found: found["webhooks"].pop("built"), "built"),
        (lambda found: schemas(found)["Event"]["discriminator"]["mapping"].clear(), "built is removed"),
        (lambda found: schemas(found)["Built"]["properties"].pop("car"), "built: the field car"),
    ],
)
def test_what_breaks_a_portal_is_found(change: Change, where: str):
    """The comparison finds what breaks a portal: what was removed, and what is newly required."""
    current = copy.deepcopy(RELEASED)
    change(current)
    assert any(where in line for line in breaking(RELEASED, current))


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["paths"].update({"/boats": {"get": {"responses": {"200": {}}}}}),
        lambda found: get(found)["parameters"].append({"name": "x", "required": False, "schema": {}}),
        lambda found: get(found)["parameters"][0]["schema"]["enum"].append("green"),
        lambda found: get(found)["parameters"][1]["schema"].update(maximum=500),
        lambda found: get(found)["responses"].update({"429": {}}),
        lambda found: car(found)["properties"].update(weight={"type": "number"}),
        lambda found: car(found)["properties"]["state"]["enum"].append("Stolen"),
        lambda found: car(found)["required"].append("owner"),
        lambda found: order(found)["properties"].update(colour={"type": "string"}),
        lambda found: order(found)["required"].remove("model"),
        lambda found: order(found)["properties"]["model"].pop("maxLength"),
        lambda found: post(found)["requestBody"].update(required=False),
    ],
)
def test_what_is_added_breaks_nothing(change: Change):
    """New endpoints, optional fields, values and statuses do not require a new major version."""
    current = copy.deepcopy(RELEASED)
    change(current)
    assert breaking(RELEASED, current) == []


def test_the_api_is_compatible_with_each_release_of_its_major_version():
    """The API stays compatible with each release that has the same major version."""
    version = DOCUMENT["info"]["version"]
    major = version.partition(".")[0]
    same = [
        path for path in RELEASES.glob("openapi-*.json") if re.fullmatch(rf"openapi-{major}\..*", path.stem)
    ]
    found = {path.name: breaking(json.loads(path.read_text(encoding="utf-8")), DOCUMENT) for path in same}
    assert not any(found.values()), found
    assert same or version == "unreleased", "copy docs/openapi.json to docs/releases when you release"
    assert breaking(DOCUMENT, json.loads(json.dumps(DOCUMENT))) == []
