"""The page that an operator sends to a customer's administrator."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import shlex
from html.parser import HTMLParser

import pytest

from infra.local.cloud.first_party import GRAPH_ROLES
from tests.support.customers import FABRIKAM, SUBSCRIPTION
from tests.support.portal import problem

PATH = f"/api/tenants/{FABRIKAM}/setup"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def test_the_page_lists_what_an_administrator_must_do(portal):
    """The page contains the consent URL, the permissions, and the commands that assign the role."""
    document = await portal.get(PATH, caller="operator", subscriptionId=SUBSCRIPTION)
    client = portal.info["multitenantClientId"]
    assert (document["tenantId"], document["clientId"]) == (FABRIKAM, client)
    assert document["azureEnvironment"] == "AzurePublicCloud"
    page, _, state = document["adminConsentUrl"].partition("&state=")
    assert page == f"{portal.info['login']}/{FABRIKAM}/adminconsent?client_id={client}"
    assert state
    asked = (await portal.graph(f"/applications(appId='{client}')"))["requiredResourceAccess"]
    assert {each["id"] for each in asked[0]["resourceAccess"]} <= {
        GRAPH_ROLES[each["name"]] for each in document["graphPermissions"]
    }
    needed = {each["name"] for each in document["graphPermissions"] if each["alwaysNeeded"]}
    assert needed == {"Application.ReadWrite.OwnedBy", "Organization.Read.All", "Policy.Read.All"}
    assert document["subscription"]["alwaysNeeded"] is False
    cloud, login, principal, definition, *loop = document["subscription"]["customRole"]
    assert cloud == "az cloud set --name AzureCloud"
    assert login == f"az login --tenant {FABRIKAM}"
    assert f"--id {client} " in principal
    words = shlex.split(definition)
    role = json.loads(words[words.index("--role-definition") + 1])
    assert role["AssignableScopes"] == [f"/subscriptions/{SUBSCRIPTION}"]
    (assignment,) = [line for line in loop if "role assignment create" in line]
    words = shlex.split(assignment)
    assert words[words.index("--role") + 1] == role["Name"]
    assert words[words.index("--scope") + 1] == f"/subscriptions/{SUBSCRIPTION}"
    assert "*/register/action" in role["Actions"] == document["subscription"]["actions"]
    assert "--role Contributor" in document["subscription"]["contributor"][-1]


async def test_the_commands_wait_until_the_new_role_exists(portal, tmp_path):
    """Azure finds a new role only after some minutes: Bash repeats the assignment until it succeeds."""
    document = await portal.get(PATH, caller="operator", subscriptionId=SUBSCRIPTION)
    calls = tmp_path / "calls"
    (tmp_path / "az").write_text(
        f'#!/bin/bash\necho "$1 $2 $3" >> {calls}\n'
        f'if [[ "$*" == "role assignment create"* ]]; then (( $(grep -c assignment {calls}) > 2 )); fi\n'
    )
    (tmp_path / "sleep").write_text("#!/bin/bash\n")
    for name in ("az", "sleep"):
        (tmp_path / name).chmod(0o755)
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        "\n".join(document["subscription"]["customRole"]),
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert await process.wait() == 0
    assert calls.read_text().splitlines() == [
        "cloud set --name",
        "login --tenant " + FABRIKAM,
        "ad sp show",
        "role definition create",
        *["role assignment create"] * 3,
    ]


async def test_the_administrator_sees_that_the_consent_worked(stranger):
    """The link leads the browser to a page of the service, and the service gets the permissions."""
    document = await stranger.get(PATH, caller="operator")
    asks = await stranger.http.get(document["adminConsentUrl"])
    assert "Application.ReadWrite.OwnedBy (application)" in asks.text
    accepted = await stranger.http.post(document["adminConsentUrl"], data={"answer": "accept"})
    done = await stranger.http.get(accepted.headers["Location"])
    assert done.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Consent was granted" in done.text
    client = document["clientId"]
    principal = await stranger.customer_graph(f"/servicePrincipals(appId='{client}')")
    roles = await stranger.customer_graph(f"/servicePrincipals/{principal['id']}/appRoleAssignments")
    asked = (await stranger.graph(f"/applications(appId='{client}')"))["requiredResourceAccess"]
    assert {each["appRoleId"] for each in roles["value"]} == {
        each["id"] for each in asked[0]["resourceAccess"]
    }


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?error=access_denied&error_description=AADSTS65004",
        "?error=access_denied&admin_consent=True",
        "?admin_consent=False&tenant=x",
        "?error_description=%3Cscript%3Ealert(1)%3C/script%3E+Call+555-0100",
    ],
)
async def test_the_page_after_a_consent_repeats_nothing(portal, query):
    """Anyone can call the page, so it repeats nothing, and only the response of Entra ID is a success."""
    answer = await portal.call("GET", f"/api/consented{query}", caller=None)
    assert answer.status_code == 200
    assert "Consent was not granted" in answer.text
    for text in ("script", "555", "AADSTS", "access_denied"):
        assert text not in answer.text


async def test_without_a_subscription_its_place_is_marked(portal):
    """Without a subscription the page shows a placeholder."""
    document = await portal.get(PATH, caller="operator")
    assert document["subscription"]["scope"] == "/subscriptions/<subscription id>"


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.text += data


async def test_a_browser_gets_a_page_that_needs_nothing_else(portal):
    """The page is one file: no script, no external resource, and a policy that allows none."""
    answer = await portal.call("GET", PATH, caller="operator", headers={"Accept": BROWSER})
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    page = Elements()
    page.feed(answer.text)
    assert {tag for tag, _ in page.found}.isdisjoint(
        {"script", "link", "img", "iframe", "form", "object", "embed", "base"}
    )
    assert not [name for _, attributes in page.found for name in attributes if name.startswith("on")]
    assert not [attributes for _, attributes in page.found if "src" in attributes or "style" in attributes]
    document = await portal.get(PATH, caller="operator")
    links = [attributes["href"] for tag, attributes in page.found if tag == "a"]
    assert links == [document["adminConsentUrl"]]
    for line in (*document["subscription"]["customRole"], *document["subscription"]["contributor"]):
        assert line in page.text
    for permission in document["graphPermissions"]:
        assert permission["name"] in page.text
    policy = answer.headers["Content-Security-Policy"]
    (style,) = re.findall(r"(?s)<style>(.*)</style>", answer.text)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert "frame-ancestors 'none'" in policy


async def test_values_are_escaped(portal):
    """A value in a subscription or a command cannot become an element of the page."""
    answer = await portal.call("GET", PATH, caller="operator", headers={"Accept": "text/html"})
    assert "&lt;subscription id&gt;" in answer.text
    assert "<subscription" not in answer.text
    assert "&#34;$principal&#34;" in answer.text


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("", "application/json"),
        ("nonsense", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("text/html;q=0, */*", "application/json"),
        ("text/html", "text/html"),
        ("TEXT/HTML;charset=utf-8", "text/html"),
        ("text/*, application/json;q=0.9", "text/html"),
        (BROWSER, "text/html"),
    ],
)
async def test_html_is_for_those_who_prefer_it(portal, accept, media):
    """A client gets JSON unless it prefers HTML."""
    answer = await portal.call("GET", PATH, caller="operator", headers={"Accept": accept})
    assert answer.headers["Content-Type"].partition(";")[0] == media
    assert answer.headers["Vary"].split(", ")[0] == "Accept"


async def test_the_page_is_for_those_who_may_request(portal):
    """A requester sees the same page as an operator: an onboarding of the tenant names it as the remedy."""
    assert await portal.get(PATH) == await portal.get(PATH, caller="operator")
    problem(await portal.call("GET", PATH, caller=None), 401, "token-missing")


@pytest.mark.parametrize("tenant", ["home", "99999999-2222-4333-8444-555555555555", "x'y"])
async def test_there_is_no_page_for_others(portal, tenant):
    """There is no page for the home tenant, or for a tenant that is not served."""
    tenant = portal.info["tenant"] if tenant == "home" else tenant
    problem(await portal.call("GET", f"/api/tenants/{tenant}/setup", caller="operator"), 404, "not-found")


async def test_an_invalid_subscription_is_refused(portal):
    """A value for the commands must be a subscription ID."""
    for text in ("", "x", "'; rm -rf /", "c4e2d8107f3649abb0d51a8e6c5f2b93"):
        answer = await portal.call("GET", PATH, caller="operator", params={"subscriptionId": text})
        problem(answer, 400, "invalid-parameter")


async def test_the_page_is_in_the_language_of_the_administrator(portal):
    """A browser in German gets the page and the purposes of the permissions in German."""
    headers = {"Accept": BROWSER, "Accept-Language": "de-DE,de;q=0.8"}
    answer = await portal.call("GET", PATH, caller="operator", headers=headers)
    assert answer.headers["Content-Language"] == "de"
    assert '<html lang="de">' in answer.text
    assert "Ein Administrator für privilegierte Rollen öffnet diese Adresse" in answer.text
    document = (await portal.call("GET", PATH, headers={"Accept-Language": "de"})).json()
    assert "überprüften Domänen" in document["graphPermissions"][1]["usedTo"]
