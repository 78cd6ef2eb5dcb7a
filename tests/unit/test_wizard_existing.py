from __future__ import annotations

import pytest

from tests.unit.wizard import ID, OTHER, conflicts, faults, read


@pytest.mark.parametrize(
    ("existing", "message"),
    [
        ({}, "clientId"),
        ({"clientId": ID, "connectionId": "x"}, "clientId"),
        ({"clientId": ID}, "vaultSecret"),
        ({"clientId": ID, "vaultSecret": "import-x", "secret": "y"}, "vaultSecret"),
        ({"connectionId": "x", "secret": "y"}, "Omit the secret here"),
        ({"connectionId": "x", "vaultSecret": "import-x"}, "Omit the secret here"),
    ],
)
def test_an_existing_server_app_is_specified_in_one_way(existing, message):
    """A server app is either imported with its one secret or shared; an incomplete choice is refused."""
    found = conflicts(serverApp={"existing": existing})
    assert set(found) == {"/serverApp/existing"}
    assert message in found["/serverApp/existing"]


@pytest.mark.parametrize(
    "existing",
    [
        {"clientId": ID, "vaultSecret": "import-contoso"},
        {"clientId": ID, "secret": "y"},
        {"connectionId": "x"},
    ],
)
def test_an_existing_server_app_needs_nothing_more(existing):
    """An existing application brings its own name, URI and dates."""
    assert conflicts(serverApp={"existing": existing}, clientApp={"existing": {"clientId": OTHER}}) == {}
    no_value = {"existing": existing, "appIdUri": None, "secretEndDate": None, "secretValidity": None}
    assert conflicts(serverApp=no_value) == {}


def test_a_shared_app_has_the_app_id_uri_of_its_connection():
    """A request can choose among the App ID URIs of an app that it imports, but not of one that it shares."""
    shared = {"connectionId": "x", "appIdUri": "https://contoso.com/other"}
    assert set(conflicts(serverApp={"existing": shared})) == {"/serverApp/existing/appIdUri"}
    imported = {"clientId": ID, "secret": "y", "appIdUri": "https://ConfigMgrService"}
    assert conflicts(serverApp={"existing": imported}) == {}


@pytest.mark.parametrize("spelled", [ID, ID.upper()])
def test_one_application_is_not_both(spelled):
    """The server app and the client app are two applications, however their IDs are written."""
    server = {"existing": {"clientId": ID, "secret": "y"}}
    found = conflicts(serverApp=server, clientApp={"existing": {"clientId": spelled}})
    assert set(found) == {"/clientApp/existing/clientId"}
    assert "different applications" in found["/clientApp/existing/clientId"]


def test_an_existing_app_keeps_its_properties():
    """Each property that a request would set on an existing application is refused."""
    found = conflicts(
        serverApp={
            "existing": {"clientId": ID, "secret": "y"},
            "name": "x",
            "homePageUrl": "https://x",
            "secretValidity": "P2Y",
        },
        clientApp={"existing": {"clientId": OTHER}, "name": "x"},
    )
    assert set(found) == {
        "/serverApp/name",
        "/serverApp/homePageUrl",
        "/serverApp/secretValidity",
        "/clientApp/name",
    }


@pytest.mark.parametrize("name", ["cmg-x", "import-", "import-a/b", "import-a b", "Import-x"])
def test_only_a_secret_for_imports_can_be_named(name):
    """A request cannot point to the secrets of other connections in the vault."""
    existing = {"clientId": ID, "vaultSecret": name}
    assert set(faults(serverApp={"existing": existing})) == {"serverApp.existing.vaultSecret"}


def test_a_secret_that_was_provided_is_not_shown():
    """No text that is derived from a request contains its secret."""
    request = read(serverApp={"existing": {"clientId": ID, "secret": "hunter2"}})
    assert "hunter2" not in f"{request!r} {request.model_dump_json()} {request.model_dump()}"
