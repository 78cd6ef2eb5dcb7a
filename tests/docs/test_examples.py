"""The commands in the pages work as written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import httpx
import pytest

from tests.support.pages import page, pages
from tests.support.programs import output
from tests.support.sources import ROOT

pytestmark = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl")), reason="the examples are for bash and curl"
)


async def _type(name: str, folder: Path) -> str:
    """Run the bash blocks of a page in one shell, and return what they print."""
    script = "set -euo pipefail\n" + "\n".join(page(name).blocks("bash"))
    return await output("bash", "-c", script, folder=ROOT, LOCAL_FOLDER=str(folder))


@pytest.fixture(scope="module")
async def readme(local_cloud: Path) -> str:
    """What the README's commands print."""
    return await _type("README.md", local_cloud)


async def test_the_readme_takes_a_reader_to_a_connection(readme):
    """The README's commands ask for an onboarding, wait for it, and show its connection."""
    assert readme.startswith("Succeeded\n")
    assert '"name": "Northwind CMG"' in readme
    assert '"daysBeforeEnd": 90' in readme


async def test_the_readme_can_be_followed_twice(local_cloud, readme):
    """The same request, typed again, returns the same connection."""
    assert await _type("README.md", local_cloud) == readme


async def test_the_readme_waits_no_longer_than_there_is_something_to_wait_for(local_cloud):
    """The README's loop ends when the onboarding was cancelled, and on 404 and 401 with the problem."""
    (commands,) = page("README.md").blocks("bash")
    before, _, after = commands.partition("onboarding=$(api")
    wanted = after.partition("| read_json id)")[0].replace("ticket-4711", "ticket-4712")
    wanted = wanted.replace("Northwind CMG", "Southwind CMG").replace(
        '",', '", "adminConsent": "ByAdministrator",', 1
    )
    script = f"""set -euo pipefail
{before}
onboarding=$(api{wanted}| read_json id)
api -o /dev/null -X POST "$url/onboardings/$onboarding/cancel"
follow "$url/onboardings/$onboarding" | read_json status
follow "$url/onboardings/00000000-0000-4000-8000-000000000000" 2>&1 | grep -o '^{{"code":"[a-z-]*"' || true
token=wrong
follow "$url/onboardings/$onboarding" 2>&1 | grep -o '^{{"code":"[a-z-]*"' || true
"""
    shown = await output("bash", "-c", script, folder=ROOT, LOCAL_FOLDER=str(local_cloud))
    assert shown.split() == ["Cancelled", '{"code":"not-found"', '{"code":"token-invalid"']


async def test_answers_look_like_the_examples(local_cloud, readme):
    """A connection and the health check have the fields that the API's pages show."""
    names = ("docs/api/connections.md", "docs/api/health.md")
    examples = [json.loads(block) for name in names for block in page(name).blocks("json")]
    connection = json.loads(readme.partition("\n")[2])
    (shown,) = [each for each in examples if "secret" in each]
    assert list(connection) == list(shown)
    assert connection["tenantName"] == shown["tenantName"]
    api = json.loads((local_cloud / "endpoints.json").read_text(encoding="utf-8"))["api"]
    async with httpx.AsyncClient(trust_env=False) as http:
        health = (await http.get(f"{api}/api/health")).json()
    (example,) = [each for each in examples if "checks" in each]
    assert (health["status"], health["checks"]) == (example["status"], example["checks"])
    assert set(health["checkedAt"]) == set(health["checks"])


async def test_the_local_cloud_is_bent_as_described(local_cloud):
    """Each command of the local cloud's page is accepted, and shows what the page says."""
    shown = await _type("docs/local.md", local_cloud)
    assert '"hits": 0' in shown
    assert "sweep_expirations" in shown
    assert '"passwordLifetime"' in shown
    assert '"state": "Running"' in shown


@pytest.mark.soak
@pytest.mark.skipif(not shutil.which("az"), reason="the Azure CLI is not installed: pip install azure-cli")
async def test_the_azure_cli_works_as_described(local_cloud):
    """Microsoft's own CLI signs in to the local cloud, and manages apps, providers and secrets there."""
    local = page("docs/local.md")
    helpers = local.blocks("bash")[0]
    script = "\n".join(["set -euo pipefail", helpers, *local.blocks("azurecli")])
    shown = await output("bash", "-c", script, folder=ROOT, LOCAL_FOLDER=str(local_cloud))
    tenant = json.loads((local_cloud / "endpoints.json").read_text(encoding="utf-8"))["tenant"]
    assert shown.splitlines() == [
        "Contoso Production\tEnabled",
        "http://localhost",
        "Made with az",
        "true",
        "Sample administrator",
        tenant,
        "first",
        "second",
        "Role",
        "Scope",
        "User.Read",
        "AllPrincipals",
        "Registered",
        "true",
        "first",
        "first",
        "true",
        "1",
        "made-with-az",
        "Bearer",
    ]


def test_only_pages_that_are_tried_have_examples():
    """Each block marked as bash or azurecli is run by these tests."""
    assert {each.name for each in pages() if each.blocks("bash")} == {"README.md", "docs/local.md"}
    assert {each.name for each in pages() if each.blocks("azurecli")} == {"docs/local.md"}
