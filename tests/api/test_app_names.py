"""The names of the two applications arrive as they were written."""

from __future__ import annotations

import pytest

from tests.support.portal import unique
from tests.support.powershell import grammar, lexer

NAMES = [
    'O\'Brien "& Co" $(whoami) `id` ${x} $env:PATH %PATH% ; rm -rf / | < > \\',
    "\u2018a\u2019 \u201ab\u201b \u201cc\u201d \u201ed\u201f '@ @' #> <# '",
    "\u65e5\u672c\u8a9e \u0639\u0631\u0628\u064a \u05e2\u05d1\u05e8\u05d9\u05ea \u0420\u0443\u0441",
    "\U0001f680\U0001f469 e\u0301 \u00e9 \ufb01",
    "x" * 256,
    "../../applications('1')?$select=id#",
    "{{7*7}} <script>alert(1)</script> {0} %s",
]


NAME_IDS = ["quotes", "typographic", "scripts", "emoji", "longest", "path", "templates"]


@pytest.mark.parametrize("name", NAMES, ids=NAME_IDS)
async def test_a_name_arrives_as_it_was_written(portal, name):
    """Quotes, dollar signs, other scripts and emoji are kept to the last character.

    In the directory, and in the script as PowerShell reads it.
    """
    connection = await portal.onboarded(
        name=f"{unique('n')} {name}"[:256],
        description=f"about {name}",
        serverApp={"name": name},
        clientApp={"name": name},
        groupDiscovery={"enabled": True, "groupNames": [f"{name}."[-256:]]},
    )
    for app in ("serverApp", "clientApp"):
        found = await portal.graph(f"/applications/{connection[app]['objectId']}?$select=displayName,notes")
        assert found["displayName"] == name == connection[app]["name"]
        assert connection["name"] in found["notes"]
        principal = await portal.graph(f"/servicePrincipals/{connection[app]['servicePrincipalId']}")
        assert principal["displayName"] == name
    answer = await portal.call("GET", f"/api/connections/{connection['id']}/handover")
    script = answer.content.decode("utf-8-sig")
    assert grammar.read(script).faults == []
    said = [each.value for each in lexer.read(script).literals]
    assert said.count(name) == 2  # the two apps
    for value in (connection["name"], f"about {name}", f"{name}."[-256:]):
        assert said.count(value) == 1
