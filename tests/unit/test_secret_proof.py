from __future__ import annotations

import httpx
import pytest

from onboarding.cloud.environments import ENVIRONMENTS
from onboarding.cloud.secret_proof import SecretProof
from onboarding.errors import PermanentError, TransientError


async def proved(answer: httpx.Response) -> None:
    """Prove a secret when login responds like this."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as http:
        proof = SecretProof(ENVIRONMENTS["AzurePublicCloud"], http)
        await proof.prove(tenant="t", app="a", secret="s", name="n", fresh=False)


async def test_a_token_proves_a_secret():
    """A refusal of Conditional Access also does, because it comes after the secret was checked."""
    await proved(httpx.Response(200, json={"token_type": "Bearer", "access_token": "x"}))
    await proved(httpx.Response(400, json={"error": "invalid_grant", "error_codes": [53003]}))


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"Location": "https://portal.contoso.com"}),
        httpx.Response(204),
        httpx.Response(200, html="<title>Sign in to the network</title>"),
        httpx.Response(200, json={}),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"access_token": ""}),
        httpx.Response(503, json={"error": "invalid_client", "error_codes": [7000215]}),
    ],
)
async def test_what_is_no_answer_of_login_proves_nothing(answer):
    """A proxy that redirects or responds itself neither proves nor refuses a secret."""
    with pytest.raises(TransientError):
        await proved(answer)


@pytest.mark.parametrize(
    ("code", "named"),
    [
        (7000215, "secret-invalid"),
        (7000222, "secret-no-longer-valid"),
        (7000112, "secret-app-not-usable"),
        (90002, "secret-not-proved"),
    ],
)
async def test_a_refusal_is_named(code, named):
    """A refusal has login's code and a code of its own."""
    with pytest.raises(PermanentError) as caught:
        await proved(httpx.Response(401, json={"error": "invalid_client", "error_codes": [code]}))
    assert caught.value.code == named
    assert f"AADSTS{code}" in caught.value.detail
