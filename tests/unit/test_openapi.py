from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import azure.functions as func
import pytest
from jsonschema import ValidationError  # type: ignore[import-untyped]
from openapi_schema_validator import OAS30Validator, OAS31Validator, oas31_format_checker
from openapi_spec_validator import validate

from infra.docs.tables import DOCUMENT as DESCRIBED
from onboarding.api.openapi30 import in_30
from onboarding.api.problems import ProblemError
from onboarding.api.reading import HEADER
from onboarding.api.schemas import names_in, reachable
from onboarding.cmg.conflicts import conflicts
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.service import ENDPOINTS

DESCRIBED_30 = in_30(DESCRIBED)
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


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a document."""
    if isinstance(value, dict):
        yield value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(member)


@pytest.mark.parametrize(("described", "version"), [(DESCRIBED, "3.1."), (DESCRIBED_30, "3.0.3")])
def test_the_description_is_openapi(described, version):
    """Tools can read the description: it conforms to the meta-schemas of OpenAPI 3.1 and 3.0."""
    assert described["openapi"].startswith(version)
    validate(json.loads(json.dumps(described)))
    assert described["servers"] == [{"url": "https://cmg.contoso.com/api"}]


def test_every_answer_that_is_an_error_is_a_problem():
    """A generated client finds problem documents for all errors, and who may make a call."""
    for route, operation in operations().items():
        for status, response in operation["responses"].items():
            if int(status) >= 400 and int(status) not in DECLARED[route].answers and "content" in response:
                problem = response["content"]["application/problem+json"]["schema"]
                assert problem == {"$ref": "#/components/schemas/Problem"}, (route, status)
        assert ("401" in operation["responses"]) is bool(operation["security"]), route
        assert operation.get("x-app-roles", []) == list(DECLARED[route].roles)
        assert operation["summary"], route
        assert all(name in operation["description"] for name in DECLARED[route].roles), route


def test_the_headers_of_errors_are_described():
    """A client knows when it can call again, how to sign in, and by which ID an operator finds the call."""
    for route, operation in operations().items():
        responses = operation["responses"]
        for status, response in responses.items():
            assert "x-ms-request-id" in response["headers"], (route, status)
        errors = {"429", "500", "503", *(("401", "403") if operation["security"] else ())}
        assert errors <= set(responses), route
        for status in errors - {"503"} if route == "GET /health" else errors:
            assert "x-ms-error-code" in responses[status]["headers"]
        assert all("Retry-After" in responses[status]["headers"] for status in ("429", "503"))
        assert not operation["security"] or "WWW-Authenticate" in responses["401"]["headers"]


def test_each_group_of_calls_is_described():
    """A page that is generated from the description has a name and a sentence for each group."""
    described = {tag["name"] for tag in DESCRIBED["tags"] if tag.get("description")}
    assert {operation["tags"][0] for operation in operations().values()} <= described


def test_people_and_programs_can_sign_in():
    """A tool gets a token from the description alone, which has flows, URLs, scope, and the roles by name."""
    scheme = DESCRIBED["components"]["securitySchemes"]["entra"]
    flows = scheme["flows"]
    assert set(flows) == {"clientCredentials", "authorizationCode"}
    assert all(flow["tokenUrl"].startswith("https://login.microsoftonline.com/") for flow in flows.values())
    assert set(scheme["x-app-roles"]) == {"Onboarding.Request", "Onboarding.Operate"}
    for operation in operations().values():
        for requirement in operation["security"]:
            assert all(set(requirement["entra"]) <= set(flow["scopes"]) for flow in flows.values())


def test_pages_and_operations_are_marked_as_azure_does():
    """AutoRest generates an iterator for each list, and a poller for each accepted request."""
    marked = operations()
    assert marked["GET /onboardings"]["x-ms-pageable"] == {"nextLinkName": "nextLink"}
    assert marked["DELETE /connections/{id}"]["x-ms-long-running-operation"] is True
    for route, operation in marked.items():
        accepted = operation["responses"].get("202")
        assert ("x-ms-long-running-operation" in operation) is bool(accepted), route


@pytest.mark.parametrize("described", [DESCRIBED, DESCRIBED_30])
def test_null_is_no_second_type(described):
    """Generators create no class for a nullable field: only two fields are nullable, both of a request."""
    for part in parts(described):
        for choice in ("anyOf", "oneOf"):
            assert {"type": "null"} not in part.get(choice, ())
    nullable = [name for name, schema in described["components"]["schemas"].items() if can_be_null(schema)]
    assert nullable == ["ClientApp"]  # of a request: no client app
    inner = {name for name, part in named_parts(described) if name not in nullable and can_be_null(part)}
    assert inner == {"UserDiscovery", "GroupDiscovery"}  # deltaIntervalMinutes: no delta discovery


def can_be_null(schema: dict[str, Any]) -> bool:
    """Whether a schema allows null."""
    return "null" in schema.get("type", ()) or "nullable" in schema


def named_parts(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All objects in the schemas, with the name of the schema."""
    for name, schema in described["components"]["schemas"].items():
        for part in parts(schema):
            yield name, part


def test_no_answer_has_a_default():
    """A response field is either always present or optional: no type promises a field that is omitted."""
    written = reachable(names_in([operation["responses"] for operation in operations().values()]), SCHEMAS)
    read = reachable(["OnboardingRequest"], SCHEMAS)
    assert not [name for name, part in named_parts(DESCRIBED) if name in written - read and "default" in part]


@pytest.mark.parametrize("described", [DESCRIBED, DESCRIBED_30])
def test_each_default_is_a_valid_value(described):
    """A generator finds no default that its own field refuses."""
    checked = 0
    for name, part in named_parts(described):
        if "default" in part and "$ref" not in str(part["default"]):
            schema = {**part, "components": described["components"]}
            validator = OAS31Validator if described is DESCRIBED else OAS30Validator
            validator(schema, format_checker=oas31_format_checker).validate(part["default"])
            checked += 1
            assert part["default"] != "" or "format" not in part, name
    assert checked


def test_one_schema_has_one_name():
    """A generated client has one class for each schema: no generated names and no titles that collide."""
    assert not [name for name in SCHEMAS if not re.fullmatch("([A-Z][a-z]+)+", name)]
    assert not [name for name in SCHEMAS if re.search("Input|Output", name)]
    assert not [name for name, part in named_parts(DESCRIBED) if isinstance(part.get("title"), str)]
    assert SCHEMAS["Onboarding"]["properties"]["request"]["$ref"].endswith("/OnboardingRequest")


def test_what_callers_branch_on_is_an_open_enumeration():
    """A compiler knows the existing values, and a validator accepts those of a later release."""
    for name, value in (("ProblemCode", "not-found"), ("RunStatus", "Cancelled"), ("StepName", "consent")):
        known, text = SCHEMAS[name]["anyOf"]
        assert value in known["enum"]
        assert text == {"type": "string"}
        assert value in DESCRIBED_30["components"]["schemas"][name]["x-extensible-enum"]
    code = SCHEMAS["Problem"]["properties"]["code"]
    assert code["$ref"] == "#/components/schemas/ProblemCode"
    status = next(each for each in operations()["GET /onboardings"]["parameters"] if each["name"] == "status")
    assert set(SCHEMAS["RunStatus"]["anyOf"][0]["enum"]) == set(status["schema"]["items"]["enum"])


def test_30_has_only_what_30_knows():
    """Tools for OpenAPI 3.0 find no keyword of 3.1, and nothing beside a reference, which they ignore."""
    for part in parts(DESCRIBED_30["components"]["schemas"]):
        if isinstance(part.get("$ref"), str):
            assert set(part) == {"$ref"}
        assert not isinstance(part.get("type"), list)
        for bound in ("exclusiveMinimum", "exclusiveMaximum"):
            assert isinstance(part.get(bound, False), bool)
        assert not {"const", "propertyNames", "prefixItems"} & set(part)


def test_patterns_mean_the_same_in_every_language():
    r"""No pattern uses what other engines refuse or read differently, such as ``\d``, ``(?i)`` or ``\Z``."""
    found = [part["pattern"] for part in parts(DESCRIBED) if isinstance(part.get("pattern"), str)]
    assert len(found) > 5
    for pattern in found:
        escapes = re.findall(r"\\(.)", pattern)
        assert set(escapes) <= set("ux\\.-/"), pattern
        assert not re.search(r"\(\?(?!:)|[*+?}]\+|\[\^?\[|&&|(?<!\\)\.", pattern), pattern
        assert re.fullmatch(r"\^[^$]+\$", pattern), pattern


def defaults(schema: dict[str, Any]) -> Any:
    """The value of an omitted field, according to the description."""
    value = schema.get("default")
    if value != {} or "$ref" not in schema:
        return value
    inner = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    return {name: defaults(each) for name, each in inner["properties"].items()}


def test_the_defaults_are_those_that_are_in_force():
    """Each default in the description is the value in the response for an omitted field."""
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


@pytest.mark.parametrize(
    "endpoint",
    [endpoint for endpoint in ENDPOINTS if endpoint.roles],
    ids=lambda endpoint: str(endpoint.route),
)
def test_no_call_ignores_a_parameter(endpoint):
    """What a caller adds to a URL has an effect or is refused, including headers and names without values."""
    fields = endpoint.query.model_fields.values()
    headers = [field.alias for field in fields if field.json_schema_extra == HEADER]
    own = [field.alias for field in fields if field.json_schema_extra != HEADER and field.alias != "labels"]
    wrong = [f"{name}=x" for name in (*headers, "dryrun", "On-Behalf-Of", "label.", "%ED%A0%80")]
    wrong += [query for name in own for query in (name, f"{name}=", f"{name}=true&{name}=true")]
    for query in wrong:
        url = f"https://cmg.contoso.com/api{endpoint.path}?{query}"
        with pytest.raises(ProblemError) as caught:
            endpoint.query.read(func.HttpRequest(endpoint.method, url, body=b""))
        assert caught.value.status == 400, query


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
