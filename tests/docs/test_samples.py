"""The sample portals do what they show, against the local cloud."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from infra.docs import linters, tables
from infra.local import node
from tests.support.pages import page
from tests.support.programs import output
from tests.support.sources import ROOT

_TOOLS = linters.FOLDER / "node_modules"
_PORTAL = ROOT / "examples" / "portal"


async def run(*command: str | Path, folder: Path, **environment: str) -> list[str]:
    """Run a program to its end, and return the lines that it prints."""
    return (await output(*command, folder=folder, **environment)).splitlines()


@pytest.fixture(scope="module")
async def portal(tmp_path_factory) -> Path:
    """The portal in TypeScript, built as its page says: types from the description, then the compiler."""
    folder: Path = tmp_path_factory.mktemp("portal")
    shutil.copytree(_PORTAL, folder, dirs_exist_ok=True)
    (folder / "node_modules").symlink_to(_TOOLS)
    (folder / "openapi.json").write_text(json.dumps(tables.DOCUMENT), encoding="utf-8")
    generator = _TOOLS / "openapi-typescript" / "bin" / "cli.js"
    program, options = node.program(), ["-o", "api.ts", "--default-non-nullable=false"]
    await run(program, generator, "openapi.json", *options, folder=folder)
    await run(program, _TOOLS / "typescript" / "bin" / "tsc", "-p", ".", folder=folder)
    return folder


async def test_the_portal_in_typescript_does_its_day(portal, local_cloud):
    """A portal with types from the description does a day's work with only the requester's role."""
    endpoints = json.loads((local_cloud / "endpoints.json").read_text())
    shown = await run(
        node.program(),
        "portal.js",
        local_cloud / "endpoints.json",
        folder=portal,
        NODE_EXTRA_CA_CERTS=endpoints["certificate"],
    )
    text = "\n".join(shown)
    for expected in (
        "calls are planned",
        "clicked twice: 1 onboarding, replayed: true",
        "an administrator consented to ",
        "onboarding: Succeeded",
        "refused (en): connection-exists: The tenant already has a connection named 'Portal ",
        "refused (de): connection-exists: Der Mandant hat bereits eine Verbindung mit dem Namen 'Portal ",
        "cancelled: Cancelled",
        "my connections: true, script: true",
        "site: Confirmed for Kim, The site of the connection ",
        "ticket opened: A new client secret of ",
        "ticket closed: ",
    ):
        assert expected in text, text
    assert text.count("connection-exists") == 2, "each language has the text once"


async def test_the_portal_in_python_onboards_a_tenant(local_cloud):
    """A portal in at most 60 lines of Python follows an onboarding, and shows a failure in German."""
    sample = ROOT / "examples" / "portal.py"
    assert len(sample.read_text(encoding="utf-8").splitlines()) <= 60
    shown = await run(sys.executable, sample, local_cloud / "endpoints.json", folder=ROOT)
    assert "Der Mandant hat bereits eine Verbindung mit dem Namen" in "\n".join(shown)
    assert shown[-2] == "Succeeded"
    assert shown[-1].startswith("The script for the site has ")


async def test_msal_signs_in_as_the_page_shows(local_cloud):
    """The lines for MSAL in Python get a token from the local login."""
    (lines,) = page("docs/local.md").blocks("python")
    endpoints = json.loads((local_cloud / "endpoints.json").read_text())
    program = f"cloud = {endpoints!r}\n{lines}\nprint(token.count('.'))"
    certificate = endpoints["certificate"]
    assert await run(sys.executable, "-c", program, folder=ROOT, REQUESTS_CA_BUNDLE=certificate) == ["2"]


_GENERATED = """
import json, ssl, sys, time, uuid
import httpx
from client import AuthenticatedClient
from client.api.onboardings import create_onboarding, get_onboarding
from client.models import Onboarding, OnboardingRequest, OnboardingSummary

cloud = json.load(open(sys.argv[1]))
grant = {"grant_type": "client_credentials", "scope": f"{cloud['audience']}/.default"}
grant |= {"client_id": cloud["clients"]["requester"]["clientId"]}
grant |= {"client_secret": cloud["clients"]["requester"]["clientSecret"]}
trust = ssl.create_default_context(cafile=cloud["certificate"])
answer = httpx.post(f"{cloud['login']}/{cloud['tenant']}/oauth2/v2.0/token", data=grant, verify=trust)
client = AuthenticatedClient(base_url=f"{cloud['api']}/api", token=answer.json()["access_token"])
wanted = OnboardingRequest(
    name=f"Generated {uuid.uuid4().hex[:8]}",
    tenant_id=uuid.UUID(cloud["tenant"]),
    subscription_id=uuid.UUID(cloud["subscription"]),
)
accepted = create_onboarding.sync(client=client, body=wanted)
assert isinstance(accepted, OnboardingSummary), accepted
while True:
    found = get_onboarding.sync_detailed(str(accepted.id), client=client)
    assert isinstance(found.parsed, Onboarding), found
    if "Retry-After" not in found.headers:
        break
    time.sleep(1)
assert found.parsed.request.name == wanted.name
print(found.parsed.status)
"""


@pytest.mark.soak
async def test_a_generated_client_in_python_onboards_a_tenant(local_cloud, tmp_path):
    """openapi-python-client generates a typed client from the whole description, and the client works."""
    (tmp_path / "openapi.json").write_text(json.dumps(tables.DOCUMENT), encoding="utf-8")
    # client.py is the same for every description, and its types do not fit those of httpx.
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\n[mypy-client.client]\nignore_errors = True\n", encoding="utf-8"
    )
    (tmp_path / "portal.py").write_text(_GENERATED, encoding="utf-8")
    generator = [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json"]
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it formats with ruff
    shown = await run(*generator, "--output-path", "client", "--meta", "none", folder=tmp_path, PATH=search)
    assert "Warning" not in "\n".join(shown), shown
    models = set((tmp_path / "client" / "models" / "__init__.py").read_text().split('"'))
    assert {"Onboarding", "Expiration", "ExpirationList", "OnboardingList", "Owner"} <= models
    await run(sys.executable, "-m", "mypy", "client", "portal.py", folder=tmp_path)
    status = await run(sys.executable, "portal.py", local_cloud / "endpoints.json", folder=tmp_path)
    assert status == ["Succeeded"]


@pytest.mark.soak
def test_what_other_languages_read_has_no_fault():
    """Spectral, Redocly and Ajv find no fault in the description, and find one planted fault of each kind."""
    broken = json.loads(json.dumps(tables.DOCUMENT))
    broken["paths"]["/health"]["get"].pop("operationId")
    broken["components"]["schemas"]["OnboardingRequest"]["properties"]["name"]["pattern"] = r"^[^\"]$"
    broken["paths"]["/onboardings"]["post"]["requestBody"]["content"]["application/json"]["examples"][
        "required-fields"
    ]["value"]["colour"] = "red"
    found = "\n".join(linters.findings(broken))
    for expected in (
        "spectral operation-operationId",
        "redocly operation-operationId",
        "Invalid escape",
        "required-fields",
    ):
        assert expected in found, found
