from __future__ import annotations

import json

from tests.support.portal import problem, unique
from tests.support.powershell import grammar, lexer


async def test_a_connection_has_its_script(portal):
    """The script is a file for Windows PowerShell, in ASCII with Windows line breaks."""
    name = f"{unique()} O'Brien\u2019s \u201cCMG\u201d $(x) \u65e5\u672c \U0001f680"
    connection = await portal.onboarded(name=name, groupDiscovery={"enabled": True, "groupNames": [name]})
    answer = await portal.call("GET", f"/api/connections/{connection['id']}/handover")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="connect-{connection["id"]}.ps1"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content.startswith(b"#Requires -Version 5.1\r\n")
    script = answer.content.decode("ascii")
    assert script.count("\n") == script.count("\r\n")

    read = grammar.read(script)
    assert read.faults == []
    said = [each.value for each in lexer.read(script).literals]
    assert said.count(name) == 2  # the connection's name, and the group's
    for value in (
        connection["tenantId"],
        connection["tenantName"],
        connection["appIdUri"],
        connection["serverApp"]["name"],
        connection["serverApp"]["clientId"],
        connection["clientApp"]["name"],
        connection["clientApp"]["clientId"],
    ):
        assert value in said
    assert read.variables["$secretEnd"].text.startswith(
        f"[datetime]::ParseExact('{connection['secret']['endsAt']}', "
    )
    _, _, vault_name, version = connection["secret"]["vaultSecretId"].removeprefix("https:/").split("/")[-4:]
    assert read.tables["$stored"]["Name"].text == f"'{vault_name}'"
    assert read.tables["$stored"]["Version"].text == f"'{version}'"


async def test_the_secret_is_not_in_it(portal):
    """The script can be sent by mail: the person who runs it reads the secret from the vault."""
    connection = await portal.onboarded()
    url = f"{connection['secret']['vaultSecretId']}?api-version=7.5"
    value = (await portal.look("keyVault", "GET", url)).json()["value"]
    script = (await portal.call("GET", f"/api/connections/{connection['id']}/handover")).text
    assert value not in script
    assert json.dumps(value)[1:-1] not in script


async def test_only_who_may_see_the_connection_gets_its_script(portal):
    """An operator gets every script, another requester none, and an unknown connection has none."""
    connection = await portal.onboarded()
    path = f"/api/connections/{connection['id']}/handover"
    operator = await portal.call("GET", path, caller="operator")
    assert operator.content == (await portal.call("GET", path)).content
    other = await portal.caller("Onboarding.Request")
    problem(await portal.call("GET", path, caller=other), 404, "not-found")
    problem(await portal.call("GET", "/api/connections/nothing/handover"), 404, "not-found")
    problem(await portal.call("GET", path, params={"for": "fun"}), 400, "invalid-parameter")
    problem(await portal.call("GET", path, caller=None), 401, "token-missing")
