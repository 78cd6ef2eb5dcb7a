from __future__ import annotations

import json
import subprocess
import sys
import uuid
from typing import Any

import pytest

from onboarding.cmg import profiles
from onboarding.words.word import Word
from tests.support import golden

SERVER_APP = "6f1d1f3e-0e57-4f0d-9a8e-3f1f6f0f6a11"
SCOPE = profiles.scope_id("onboarding-1")


REVISIONS = pytest.mark.parametrize("revision", golden.REVISIONS)
DISCOVERY = pytest.mark.parametrize("discovery", [False, True], ids=["without discovery", "with discovery"])


def server(
    *, user_discovery: bool, name: str = "CMG-ServerApp", revision: str = golden.NEWEST
) -> dict[str, Any]:
    return profiles.server_application(
        profiles.PROFILES[revision],
        name=Word(name),
        home_page_url="https://ConfigMgrService",
        key="onboarding-1",
        reads_directory=user_discovery,
        notes="n",
    )


def client(*, user_discovery: bool, revision: str = golden.NEWEST) -> dict[str, Any]:
    return profiles.client_application(
        profiles.PROFILES[revision],
        name=Word("CMG-ClientApp"),
        server_app=SERVER_APP,
        server_scope=SCOPE,
        user_discovery=user_discovery,
        notes="n",
    )


def test_there_is_a_profile_for_each_revision_of_the_article():
    """The article has had four revisions that differ; the newest one is the default."""
    assert tuple(profiles.PROFILES) == golden.REVISIONS
    assert profiles.for_version(None).name == golden.NEWEST


@DISCOVERY
@REVISIONS
def test_the_server_app_is_the_articles(revision, discovery):
    """The server app has the properties that each revision of the article requires or notes."""
    expected = golden.server("CMG-ServerApp", SCOPE, user_discovery=discovery, revision=revision)
    assert server(user_discovery=discovery, revision=revision) == {**expected, "notes": "n"}


@DISCOVERY
@REVISIONS
def test_the_client_app_is_the_articles(revision, discovery):
    """The client app has the properties that each revision of the article requires or notes."""
    expected = golden.client("CMG-ClientApp", SERVER_APP, SCOPE, user_discovery=discovery, revision=revision)
    assert client(user_discovery=discovery, revision=revision) == {**expected, "notes": "n"}


@pytest.mark.parametrize(
    ("version", "revision"),
    [
        ("2010", "2021"),
        ("2103", "2021"),
        ("2107", "2021"),
        ("2203", "2021"),
        ("2303", "2021"),
        # From 2309 on the site itself signs in over http://localhost: the newest revision is right for all.
        ("2309", "2026-08"),
        ("2403", "2026-08"),
        ("2409", "2026-08"),
        ("2509", "2026-08"),
        # For versions before the first one with the cmdlets, the oldest revision is the best choice.
        ("2006", "2021"),
        (None, "2026-08"),
    ],
)
def test_a_version_of_the_site_has_its_profile(version, revision):
    """The site's version selects the newest revision that fits it; the default is the newest revision."""
    assert profiles.for_version(version).name == revision


def test_the_client_app_redirects_to_windows_token_broker():
    """The redirect URI contains the client app's own ID."""
    assert [profiles.client_redirect(SERVER_APP)] == golden.client_redirects(SERVER_APP)


def test_a_scope_keeps_its_id_when_the_app_is_written_again():
    """A repeated write keeps the ID of the scope that the client app was granted; other apps have others."""
    assert profiles.scope_id("a") == profiles.scope_id("a") != profiles.scope_id("b")
    assert uuid.UUID(profiles.scope_id("a"))


def test_a_long_name_fits_into_the_consent():
    """Entra ID accepts at most 100 characters in a consent title, and 1000 in a description."""
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
    """Each property exists in Microsoft's generated model of an application."""
    documents = [
        *[server(user_discovery=True, revision=revision) for revision in golden.REVISIONS],
        client(user_discovery=True),
        {**client(user_discovery=True), "publicClient": {"redirectUris": ["x"]}, "identifierUris": ["y"]},
        {**client(user_discovery=True), "isFallBackPublicClient": True, "web": {"redirectUri": "x"}},
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
    assert ours == ["[]"] * 6, done.stdout + done.stderr
    assert "application.isFallBackPublicClient" in misspelt  # the model does detect unknown properties
    assert "redirectUri" in misspelt
