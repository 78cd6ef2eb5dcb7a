from __future__ import annotations

import json
import subprocess
import sys
import uuid
from typing import Any

import pytest

from onboarding.cmg import profiles
from tests.unit import golden

SERVER_APP = "6f1d1f3e-0e57-4f0d-9a8e-3f1f6f0f6a11"
SCOPE = profiles.scope_id("onboarding-1")


def server(*, user_discovery: bool, name: str = "CMG-ServerApp") -> dict[str, Any]:
    return profiles.server_application(
        profiles.NEWEST,
        name=name,
        home_page_url="https://ConfigMgrService",
        key="onboarding-1",
        user_discovery=user_discovery,
        notes="n",
    )


def client() -> dict[str, Any]:
    return profiles.client_application(
        profiles.NEWEST, name="CMG-ClientApp", server_app=SERVER_APP, server_scope=SCOPE, notes="n"
    )


@pytest.mark.parametrize("user_discovery", [False, True], ids=["without discovery", "with discovery"])
@pytest.mark.parametrize("property_", golden.server("", "", user_discovery=False))
def test_the_server_app_is_the_articles(property_, user_discovery):
    """Each property of the server app is what the manual article has an administrator set."""
    expected = golden.server("CMG-ServerApp", SCOPE, user_discovery=user_discovery)
    assert server(user_discovery=user_discovery)[property_] == expected[property_]


@pytest.mark.parametrize("property_", golden.client("", "", ""))
def test_the_client_app_is_the_articles(property_):
    """Each property of the client app is what the manual article has an administrator set."""
    assert client()[property_] == golden.client("CMG-ClientApp", SERVER_APP, SCOPE)[property_]


def test_nothing_is_set_beyond_the_article():
    """Beyond the article only the notes are set, which tell who made the app."""
    server_golden = golden.server("", "", user_discovery=True)
    assert set(server(user_discovery=True)) - set(server_golden) == {"notes"}
    assert set(client()) - set(golden.client("", "", "")) == {"notes"}


def test_the_client_app_redirects_to_windows_token_broker():
    """The redirect URI holds the client app's own id."""
    assert [profiles.client_redirect(SERVER_APP)] == golden.client_redirects(SERVER_APP)


def test_a_scope_keeps_its_id_when_the_app_is_written_again():
    """A repeated write must not replace the scope that the client app was granted; others' differ."""
    assert profiles.scope_id("a") == profiles.scope_id("a") != profiles.scope_id("b")
    assert uuid.UUID(profiles.scope_id("a"))


def test_a_long_name_fits_into_the_consent():
    """Entra ID takes at most 100 characters of consent title, and 1000 of description."""
    scope = server(user_discovery=False, name="x" * 256)["api"]["oauth2PermissionScopes"][0]
    assert len(scope["adminConsentDisplayName"]) == 100
    assert len(scope["adminConsentDescription"]) <= 1000


SCHEMA = """
import json, sys
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from msgraph.generated.models.application import Application

def strangers(model, path):
    found = [f"{path}.{name}" for name in getattr(model, "additional_data", {})]
    for name, value in vars(model).items():
        values = value if isinstance(value, list) else [value]
        for each in values:
            if type(each).__module__.startswith("msgraph."):
                found += strangers(each, f"{path}.{name}")
    return found

for text in json.load(sys.stdin):
    node = JsonParseNodeFactory().get_root_parse_node("application/json", json.dumps(text).encode())
    application = node.get_object_value(Application)
    assert application.display_name == text["displayName"]
    print(strangers(application, "application"))
"""


def test_graphs_own_model_knows_every_property():
    """No property is misspelt: Microsoft's generated model of an application has a place for each."""
    documents = [
        server(user_discovery=True),
        client(),
        {**client(), "publicClient": {"redirectUris": ["x"]}, "identifierUris": ["y"]},
        {**client(), "isFallBackPublicClient": True, "web": {"redirectUri": "x"}},
    ]
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", SCHEMA],
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    *ours, misspelt = done.stdout.splitlines()
    assert ours == ["[]"] * 3, done.stdout + done.stderr
    assert "application.isFallBackPublicClient" in misspelt  # the oracle does see strangers
    assert "redirectUri" in misspelt
