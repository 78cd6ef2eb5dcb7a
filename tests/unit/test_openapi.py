from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import ValidationError  # type: ignore[import-untyped]
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from onboarding.api.openapi import document
from onboarding.cmg.conflicts import conflicts
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.service import ENDPOINTS

DESCRIBED = document(ENDPOINTS, "https://cmg.contoso.com/api")
DECLARED = {endpoint.route: endpoint for endpoint in ENDPOINTS}
SCHEMAS: dict[str, Any] = DESCRIBED["components"]["schemas"]
LEAST = DECLARED["POST /onboardings"].examples["required fields"]


def operations() -> dict[str, Any]:
    """The described endpoints, by method and path."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in DESCRIBED["paths"].items()
        for method, operation in methods.items()
    }


def test_the_description_is_openapi():
    """Tools can read the description: it conforms to the meta-schema of OpenAPI 3.1."""
    assert DESCRIBED["openapi"].startswith("3.1.")
    validate(DESCRIBED)
    assert DESCRIBED["servers"] == [{"url": "https://cmg.contoso.com/api"}]


def test_every_answer_that_is_an_error_is_a_problem():
    """A generated client finds problem documents for all errors, and the role that a call needs."""
    for route, operation in operations().items():
        for status, response in operation["responses"].items():
            if int(status) >= 400 and int(status) not in DECLARED[route].answers:  # which has a page
                problem = response["content"]["application/problem+json"]["schema"]
                assert problem == {"$ref": "#/components/schemas/Problem"}, (route, status)
        assert ("401" in operation["responses"]) is bool(operation["security"]), route
        assert operation["summary"], route


def defaults(schema: dict[str, Any]) -> Any:
    """The value of a field that is left out, as in the description."""
    if "default" in schema:
        return schema["default"]
    (reference,) = [each["$ref"] for each in (schema, *schema.get("anyOf", ())) if "$ref" in each]
    inner = SCHEMAS[reference.rpartition("/")[2]]
    return {name: defaults(each) for name, each in inner["properties"].items()}


def test_the_defaults_are_those_that_are_in_force():
    """Each default in the description is the value in the answer for a field that was left out."""
    described = {
        name: LEAST[name] if name in LEAST else defaults(schema)
        for name, schema in SCHEMAS["OnboardingRequest"]["properties"].items()
    }
    answered = OnboardingRequest.model_validate_json(json.dumps(LEAST))
    assert described == answered.model_dump(mode="json", by_alias=True)


EXAMPLES = [
    (endpoint.body, name, example)
    for endpoint in ENDPOINTS
    if endpoint.body
    for name, example in endpoint.examples.items()
]


@pytest.mark.parametrize(("model", "example"), [(model, example) for model, _, example in EXAMPLES])
def test_the_examples_are_good_requests(model, example):
    """The service accepts each example in the description unchanged."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}", "components": DESCRIBED["components"]}
    OAS31Validator(schema).validate(example)
    request = model.model_validate_json(json.dumps(example), context={})
    if isinstance(request, OnboardingRequest):
        assert list(conflicts(request)) == []
    with pytest.raises(ValidationError, match="colour"):
        OAS31Validator(schema).validate({**example, "colour": "red"})


def test_every_body_has_examples():
    """A developer who tries a call finds an example of its body."""
    assert all(endpoint.examples for endpoint in ENDPOINTS if endpoint.body)


def test_a_body_that_may_be_left_out_is_told():
    """A call whose body has no required field works without a body."""
    required = {
        route: operation["requestBody"]["required"]
        for route, operation in operations().items()
        if "requestBody" in operation
    }
    assert required["POST /onboardings"]
    assert not required["POST /connections/{id}/renewals"]


def test_every_reference_leads_somewhere():
    """Each model that a call or another model references exists."""
    named = set(re.findall(r'"#/components/schemas/([\w-]+)"', json.dumps(DESCRIBED)))
    assert named <= set(SCHEMAS)
    assert {schema for schema in SCHEMAS if schema not in named} == set()
