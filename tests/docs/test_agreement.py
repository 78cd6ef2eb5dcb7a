"""The pages agree with the code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from onboarding.api.callers import OPERATE_ROLE, REQUEST_ROLE
from onboarding.cmg.profiles import PROFILES
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.lifecycle.plans import PLANS
from onboarding.service import ENDPOINTS
from onboarding.storage import names
from onboarding.workflow.run import RunStatus
from tests.docs import console
from tests.support import sources
from tests.support.pages import page, plain
from tests.support.powershell.cmdlets import CMDLETS, NOT_CALLED
from tests.support.sources import ROOT

_PLAN = PLANS["onboard"]


def _first_cells(name: str, heading: str = "") -> set[str]:
    return {plain(row[0]) for table in page(name).tables(heading) for row in table}


def test_every_setting_is_explained_with_its_default():
    """The pages explain each setting with its default."""
    (table,) = page("docs/operations.md").tables("Settings")
    explained = {plain(row[0]): plain(row[1]) for row in table}
    assert explained == sources.settings() | dict.fromkeys(sources.scheduled(), "required")


def test_every_endpoint_has_a_section():
    """Each endpoint has a section in the API's pages that begins with its method and path."""
    opening = re.compile(r"^##+ .+\n\n((?:`[A-Z]+ /api/[^`]*`(?:, |$))+)$", re.MULTILINE)
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "api").glob("*.md")]
    openings = [line for text in texts for line in opening.findall(text)]
    described = [endpoint for line in openings for endpoint in re.findall("`([^`]+)`", line)]
    assert sorted(described) == sorted(f"{endpoint.method} /api{endpoint.path}" for endpoint in ENDPOINTS)


def test_nothing_of_the_wizard_is_left_out():
    """The page about the wizard has each field of the console, and each field of a request."""
    text = page("docs/wizard.md").text
    for table in page("docs/wizard.md").tables():
        assert all(all(row) for row in table)
        assert len({len(row) for row in table}) == 1
    assert "yet" not in text.split()
    assert set(console.WIZARD) <= _first_cells("docs/wizard.md", "The wizard")
    assert set(console.SUBSCRIPTION) == _first_cells("docs/wizard.md", "The subscription")
    assert set(console.AFTERWARDS) == _first_cells("docs/wizard.md", "After the wizard")
    named = {*re.findall(r"`([^`]+)`", text)}
    wanted = {name.partition("[]")[0] for name in _fields(OnboardingRequest)}
    assert wanted - named == set()
    routes = {name.partition("?")[0].replace("/api", "", 1) for name in named if " /api/" in name}
    assert routes <= {endpoint.route for endpoint in ENDPOINTS}


def test_nothing_of_the_cmdlets_is_left_out():
    """The page about the wizard has each parameter of each cmdlet for cloud management, once."""
    (calls,) = page("docs/wizard.md").tables("The cmdlets")
    listed = [(plain(cmdlet), plain(parameter)) for cmdlet, parameter, _ in calls]
    assert len(listed) == len(set(listed))
    called = {
        (name, parameter)
        for name, cmdlet in CMDLETS.items()
        for parameter in {**cmdlet.required, **cmdlet.optional}
        if "-CM" in name and parameter != "ForceWildcardHandling"
    }
    others = {(name, parameter) for name, parameters in NOT_CALLED.items() for parameter in parameters}
    assert set(listed) == called | others


def test_each_step_of_the_article_is_there_in_each_revision():
    """The page about the wizard has each step of the article, for each revision."""
    (steps,) = page("docs/wizard.md").tables("The manual article")
    assert {name: tuple(revisions) for name, *revisions, _ in steps} == console.ARTICLE
    head = re.search(r"^\| step \| (.+) \| here \|$", page("docs/wizard.md").text, re.MULTILINE)
    assert head
    assert head[1].split(" | ") == list(PROFILES)


def _fields(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The fields of a model; fields of nested models by their paths."""
    for field in model.model_fields.values():
        name = f"{prefix}{field.alias}"
        inner = _model(field.annotation)
        many = get_origin(field.annotation) is tuple
        if inner is None or many:
            yield name
        if inner is not None:
            yield from _fields(inner, f"{name}[]." if many else f"{name}.")


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation, also inside an optional field or a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model(part))), None)


def test_the_plan_is_drawn_as_it_is():
    """The README's picture shows the steps of the plan, and the steps that each waits for."""
    drawn = set(re.findall(r"^\s*([a-z-]+) --> ([a-z-]+)$", page("README.md").text, re.MULTILINE))
    assert drawn == {(before, step.name) for step in _PLAN.steps.values() for before in step.after}


def test_every_step_is_explained():
    """The API's page names each step of each plan of an onboarding."""
    named = set(re.findall(r"`([a-z-]+)`", page("docs/api/onboardings.md").text))
    assert {step for plan in PLANS.values() for step in plan.steps} <= named


def test_every_status_and_role_is_explained():
    """The API's page explains each status of an onboarding and each role of a caller."""
    _, statuses = page("docs/api/README.md").tables("Long-running operations")
    assert [plain(row[0]) for row in statuses] == list(RunStatus)
    assert [status for status in RunStatus if status.final] == [plain(row[0]) for row in statuses if row[2]]
    assert _first_cells("docs/api/README.md", "Authenticate") == {REQUEST_ROLE, OPERATE_ROLE}


def test_every_value_of_host_json_is_explained():
    """The page about host.json has each value."""
    table = next(page("docs/host-json.md").tables())
    assert {plain(row[0]): plain(row[1]) for row in table} == {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in sources.host_values().items()
    }


def test_every_dependency_has_its_reason():
    """Each direct dependency has a line with its reason, and there is no line for another."""
    explained = _first_cells("docs/dependencies.md", "Deployed")
    assert explained == sources.dependencies("requirements.in")
    explained = _first_cells("docs/dependencies.md", "For development")
    assert explained == sources.dependencies("requirements-dev.in")


def test_every_table_is_explained():
    """The pages explain each table."""
    assert _first_cells("docs/operations.md", "What is kept where") == set(names.TABLES)


def test_every_decision_is_listed():
    """The list of decisions has each page, by its own title."""
    (table,) = page("docs/decisions/README.md").tables()
    listed = {re.sub(r"[\[\]]|\(.*\)", "", number): title for number, title in table}
    pages = (ROOT / "docs" / "decisions").glob("0*.md")
    titles = [file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for file in pages]
    assert listed == dict(title.split(" ", 1) for title in titles)
