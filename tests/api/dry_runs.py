"""Reads the findings of dry runs."""

from __future__ import annotations

import re
from typing import Any

from tests.support.portal import Portal, unique

SENTENCES = re.compile(r"[A-Z].*[A-Za-z0-9)]\.", re.DOTALL)


async def findings(portal: Portal, **changes: Any) -> dict[str, dict[str, str]]:
    """The findings that an operator sees in a dry run, by code, with problem, remedy and documentation."""
    request = portal.request(
        **{"serverApp": {"name": unique("server")}, "clientApp": {"name": unique("client")}, **changes}
    )
    answer = await portal.call(
        "POST", "/api/onboardings", caller="operator", params={"dryRun": "true"}, json=request
    )
    assert answer.status_code == 200, answer.text
    document = answer.json()
    found = document["findings"]
    for each in found:
        assert SENTENCES.fullmatch(each["detail"]), each
        assert SENTENCES.fullmatch(each["remedy"]), each
        assert each["documentation"].startswith("https://learn.microsoft.com/"), each
    ranks = [["Error", "Warning", "Information"].index(each["severity"]) for each in found]
    assert ranks == sorted(ranks)
    assert document["wouldFail"] is (0 in ranks)
    assert len({(each["code"], each.get("pointer"), each["detail"]) for each in found}) == len(found)
    return {each["code"]: each for each in found}


def said(finding: dict[str, str]) -> tuple[str, str]:
    """The severity of a finding, and the field that it points to."""
    return finding["severity"], finding.get("pointer", "")
