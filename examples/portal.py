"""A portal in a few lines: ``python examples/portal.py .local/endpoints.json`` while ``make run`` is running.

In Azure, the values come from your configuration, and MSAL gets the token (docs/local.md shows how).
"""

from __future__ import annotations

import json
import ssl
import sys
import time
import uuid
from pathlib import Path

import httpx

cloud = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
trust = ssl.create_default_context(cafile=cloud["certificate"])
client = cloud["clients"]["requester"]
grant = {
    "grant_type": "client_credentials",
    "client_id": client["clientId"],
    "client_secret": client["clientSecret"],
    "scope": f"{cloud['audience']}/.default",
}
token = httpx.post(f"{cloud['login']}/{cloud['tenant']}/oauth2/v2.0/token", data=grant, verify=trust).json()
api = httpx.Client(
    base_url=f"{cloud['api']}/api", headers={"Authorization": f"Bearer {token['access_token']}"}, timeout=30
)


def call(method: str, url: str, **more: object) -> httpx.Response:
    """The response to a call. If it is a problem, the program ends with the text for a person."""
    answer = api.request(method, url, **more)  # type: ignore[arg-type]
    if answer.is_error:
        problem = answer.json()
        faults = problem.get("errors") or [problem]  # the single faults say more than the problem
        sys.exit("\n".join(f"{each['code']}: {each['detail']} {each.get('remedy', '')}" for each in faults))
    return answer


wanted = {
    "name": f"Portal {uuid.uuid4().hex[:8]}",
    "tenantId": cloud["tenant"],
    "subscriptionId": cloud["subscription"],
}
answer = call("POST", "/onboardings", json=wanted, headers={"Idempotency-Key": str(uuid.uuid4())})
url = answer.headers["Location"]
while "Retry-After" in answer.headers:  # it has not ended
    time.sleep(min(int(answer.headers["Retry-After"]), 30))
    answer = call("GET", url)
again = api.post("/onboardings", json=wanted, headers={"Accept-Language": "de"})  # the name is taken
print(again.json()["detail"])
onboarding = answer.json()
print(onboarding["status"])
site = f"/connections/{onboarding['connectionId']}"
script = call("GET", f"{site}/handover").text
call("POST", f"{site}/confirm", headers={"On-Behalf-Of": "name=Kim&reference=T-1"})  # once it has run there
print(f"The script for the site has {len(script.splitlines())} lines.")
