from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.portal import Portal, problem, until

OTHER = "11111111-2222-4333-8444-555555555555"
EVERYBODYS = "/api/onboardings"


def part(document: Any) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
async def genuine(portal) -> str:
    """An operator's token as the sign-in service issued it."""
    return str(await portal.token("operator"))


@pytest.fixture(scope="module")
def claims(genuine) -> dict[str, Any]:
    """Its claims."""
    found: dict[str, Any] = jwt.decode(genuine, options={"verify_signature": False})
    return found


@pytest.fixture(scope="module")
def header(genuine) -> dict[str, Any]:
    """Its header."""
    return jwt.get_unverified_header(genuine)


@pytest.fixture(scope="module")
async def public_key(portal) -> jwt.PyJWK:
    """The published key of the sign-in service."""
    info = portal.info
    answer = await portal.http.get(f"{info['login']}/{info['tenant']}/discovery/v2.0/keys")
    return jwt.PyJWK(answer.json()["keys"][0])


@pytest.fixture(scope="module")
def own_key() -> rsa.RSAPrivateKey:
    """A key of the forger's own."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def sign(portal):
    """Signs claims with the real key of the sign-in service."""

    async def sign(claims: dict[str, Any], **header: Any) -> str:
        answer = await portal.control("POST", "/tokens", {"claims": claims, "header": header or None})
        token: str = answer.json()["access_token"]
        return token

    return sign


async def call(portal: Portal, authorization: str | bytes | None) -> httpx.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return await portal.call("GET", EVERYBODYS, caller=None, headers=headers)


async def refused(portal, token: str) -> str:
    """Why a token is refused, after a check that the answer follows OAuth 2.0 and repeats nothing of it."""
    answer = await call(portal, f"Bearer {token}")
    document = problem(answer, 401, "token-invalid")
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer error="invalid_token"')
    for piece in token.split("."):
        assert len(piece) < 8 or piece not in answer.text + challenge
    detail: str = document["detail"]
    return detail


async def test_a_token_signed_by_login_is_accepted(portal, sign, claims):
    """The signing that the forgeries below use is the real one: unchanged claims are accepted."""
    assert (await call(portal, f"Bearer {await sign(claims)}")).status_code == 200


async def test_tokens_of_both_versions_are_accepted(portal, sign, claims):
    """Entra ID issues version 1 or 2 tokens, as the registration of the API requests; both are accepted."""
    info = portal.info
    v1 = {"ver": "1.0", "iss": f"https://sts.windows.net/{info['tenant']}/", "appid": OTHER}
    v2 = {"ver": "2.0", "iss": f"{info['login']}/{info['tenant']}/v2.0", "azp": OTHER}
    bare = {name: value for name, value in claims.items() if name not in {"appid", "azp"}}
    for version in (v1, v2):
        assert (await call(portal, f"Bearer {await sign(bare | version)}")).status_code == 200


async def test_clocks_may_differ_a_little(portal, sign, claims):
    """A token that expired, or becomes valid, within some seconds is accepted."""
    now = int(time.time())
    for change in ({"exp": now - 10}, {"nbf": now + 10, "iat": now + 10}):
        assert (await call(portal, f"Bearer {await sign(claims | change)}")).status_code == 200


async def test_the_scheme_is_known_in_any_case(portal, genuine):
    """The API accepts HTTP's authentication schemes in any case."""
    assert (await call(portal, f"bearer {genuine}")).status_code == 200


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Basic dXNlcjpwYXNz", "Negotiate x", "bearer:x"]
)
async def test_no_token_is_told_what_to_send(portal, authorization):
    """A caller without a token learns that the API takes bearer tokens, and not that a token was wrong."""
    answer = await call(portal, authorization)
    document = problem(answer, 401, "token-missing")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Bearer <Entra access token>" in document["remedy"]


NOW = int(time.time())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"iss": f"https://sts.windows.net/{OTHER}/"}, "issuer", id="another tenant's v1 issuer"),
        pytest.param({"iss": "https://login.microsoftonline.com/common/v2.0"}, "issuer", id="common issuer"),
        pytest.param({"iss": ""}, "issuer", id="empty issuer"),
        pytest.param({"aud": "https://graph.microsoft.com"}, "audience", id="token for Graph"),
        pytest.param({"aud": [OTHER, "x"]}, "audience", id="other audiences"),
        pytest.param({"aud": ""}, "", id="empty audience"),
        pytest.param({"aud": []}, "", id="no audience in a list"),
        pytest.param({"aud": 7}, "audience", id="audience as a number"),
        pytest.param({"tid": OTHER}, "another tenant", id="another tenant"),
        pytest.param({"tid": ""}, "another tenant", id="empty tenant"),
        pytest.param({"tid": ["x"]}, "another tenant", id="tenant as a list"),
        pytest.param({"exp": NOW - 3600}, "expired", id="expired"),
        pytest.param({"exp": 0}, "expired", id="expired in 1970"),
        pytest.param({"exp": "never"}, "", id="expiry as text"),
        pytest.param({"exp": None}, "", id="expiry null"),
        pytest.param({"nbf": NOW + 3600}, "not valid yet", id="not yet valid"),
        pytest.param({"iat": NOW + 3600}, "not valid yet", id="issued in the future"),
        pytest.param({"roles": "Onboarding.Operate"}, "roles", id="roles as text"),
        pytest.param({"roles": ["Onboarding.Operate", 7]}, "roles", id="roles with a number"),
        pytest.param({"roles": {"Onboarding.Operate": True}}, "roles", id="roles as an object"),
        pytest.param({"oid": ""}, "oid", id="empty oid"),
        pytest.param({"oid": 7}, "oid", id="oid as a number"),
        pytest.param({"appid": "", "azp": ""}, "not an access token", id="empty client"),
    ],
)
async def test_claims_that_are_wrong_are_refused(portal, sign, claims, change, reason):
    """A genuine token for another API, tenant or time is refused with its reason."""
    assert reason in await refused(portal, await sign(claims | change))


@pytest.mark.parametrize("name", ["exp", "nbf", "iat", "iss", "aud", "sub", "tid", "oid"])
async def test_a_claim_that_is_missing_is_refused(portal, sign, claims, name):
    """A token that cannot be verified is refused."""
    await refused(portal, await sign({key: value for key, value in claims.items() if key != name}))


async def test_an_id_token_is_no_access_token(portal, sign, claims):
    """An ID token is refused: it has the API's audience, but names no client that may call."""
    shape = {
        name: value for name, value in claims.items() if name not in {"appid", "azp", "appidacr", "idtyp"}
    }
    reason = await refused(portal, await sign(shape | {"nonce": "x", "preferred_username": "a@contoso.com"}))
    assert "not an access token" in reason


async def test_an_unknown_key_is_refused(portal, sign, claims, own_key):
    """A token with an unpublished key ID, or with none, is refused."""
    assert "unknown key" in await refused(portal, await sign(claims, kid="unknown"))
    unnamed = jwt.encode(claims, own_key, algorithm="RS256")
    assert "unknown key" in await refused(portal, unnamed)


async def test_a_key_of_ones_own_is_refused(portal, claims, header, own_key):
    """A signature by another key is refused, even when the token contains that key."""
    number = own_key.public_key().public_numbers()
    brought = {
        "kty": "RSA",
        "n": base64.urlsafe_b64encode(number.n.to_bytes(256, "big")).decode().rstrip("="),
        "e": "AQAB",
    }
    for extra in (
        {},
        {"jwk": brought},
        {"jku": f"{portal.info['control']}/inbox/keys"},
        {"x5u": "https://x"},
    ):
        token = jwt.encode(claims, own_key, algorithm="RS256", headers={"kid": header["kid"], **extra})
        assert "signature is wrong" in await refused(portal, token)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "", "HS256", "RS512", "PS256", "ES256"]
)
async def test_the_token_does_not_choose_the_algorithm(portal, genuine, claims, header, algorithm):
    """An unsigned token, or one that names another algorithm, is refused whatever its signature is."""
    signature = genuine.split(".")[2]
    for end in ("", signature):
        await refused(portal, f"{part(header | {'alg': algorithm})}.{part(claims)}.{end}")


async def test_the_public_key_is_no_shared_secret(portal, claims, header, public_key):
    """The public key of the sign-in service, in any encoding, is not accepted as a signing key."""
    numbers = public_key.key.public_numbers()
    encodings = [
        public_key.key.public_bytes(encoding, form)
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)
        for form in (
            serialization.PublicFormat.SubjectPublicKeyInfo,
            serialization.PublicFormat.PKCS1,
        )
    ]
    for secret in (*encodings, numbers.n.to_bytes(256, "big"), b""):
        signed = f"{part(header | {'alg': 'HS256'})}.{part(claims)}"
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        token = f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
        assert "not signed with RS256" in await refused(portal, token)


async def test_a_changed_token_is_refused(portal, genuine, claims, header):
    """A token with added roles, a longer life or another caller is refused: the signature does not match."""
    _, _, signature = genuine.split(".")
    for change in ({"roles": ["Onboarding.Operate"]}, {"exp": NOW + 10**6}, {"oid": OTHER}):
        token = f"{part(header)}.{part(claims | change)}.{signature}"
        assert "signature is wrong" in await refused(portal, token)


async def test_a_critical_header_that_is_not_understood_is_refused(portal, sign, claims):
    """A token with a critical header that the API does not understand is refused (RFC 7515, 4.1.11)."""
    await refused(portal, await sign(claims, crit=["x-unknown"], **{"x-unknown": 1}))


@pytest.mark.parametrize(
    "token",
    [
        "x",
        ".",
        "..",
        "...",
        "a.b.c",
        "a.b.c.d.e",
        "e30.e30.",
        "e30.e30.e30",
        "bnVsbA.bnVsbA.bnVsbA",
        "W10.W10.W10",
        "null",
        "undefined",
        "%00",
        "e30.e30.e30 e30",
        "\u00e9".encode().decode("latin-1"),
        "A" * 4000,
        f"{'W1tb' * 900}.e30.e30",
    ],
)
async def test_garbage_is_refused(portal, token):
    """A header that contains no token is refused like one with a wrong token."""
    problem(await call(portal, f"Bearer {token}".encode("latin-1")), 401, "token-invalid")


async def test_a_huge_token_does_no_harm(portal, genuine):
    """A header of any size is an error of the caller."""
    answer = await call(portal, f"Bearer {genuine}{'A' * 100_000}")
    assert 400 <= answer.status_code < 500


async def test_two_tokens_are_none(portal, genuine):
    """A second Authorization header does not bypass the check of the first one."""
    headers = [("Authorization", "Bearer x"), ("Authorization", f"Bearer {genuine}")]
    answer = await portal.http.get(f"{portal.stack.api}{EVERYBODYS}", headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize("roles", [[], ["Other.Role"], ["onboarding.operate"], None])
async def test_without_a_role_nothing_is_allowed(portal, sign, claims, roles):
    """A genuine token of an application without a role is refused, and the answer lists the roles."""
    token = await sign(claims | {"roles": roles})
    for method, path in (("GET", EVERYBODYS), ("POST", EVERYBODYS), ("GET", "/api/connections")):
        answer = await portal.call(method, path, caller=None, headers={"Authorization": f"Bearer {token}"})
        document = problem(answer, 403, "role-missing")
        assert "Onboarding.Request" in document["detail"]


async def test_an_onboarding_remembers_who_asked(portal, sign, claims):
    """The onboarding and its trail contain a person's name, or else the application's ID."""
    person = claims | {"preferred_username": "ada@contoso.com", "oid": str(uuid.uuid4())}
    headers = {"Authorization": f"Bearer {await sign(person)}"}
    answer = await portal.call("POST", EVERYBODYS, caller=None, headers=headers, json=portal.request())
    assert answer.json()["requestedBy"] == {"id": person["oid"], "name": "ada@contoso.com"}
    events = await portal.get(f"{EVERYBODYS}/{answer.json()['id']}/events", caller="operator")
    assert events["value"][0]["actor"] == "ada@contoso.com"
    other = await portal.post()
    assert other.json()["requestedBy"]["name"] == f"app {portal.clients['requester']['clientId']}"


async def test_login_away_is_not_the_callers_fault(portal):
    """Fetched keys stay in use; a new instance that cannot fetch them answers with a Retry-After."""
    gone = {"service": "login", "path": "discovery/v2.0/keys", "kind": "status", "status": 503, "times": None}
    async with portal.fault(**gone):
        assert (await portal.call("GET", EVERYBODYS)).status_code == 200
        await portal.restart_host()
        answer = await portal.call("GET", EVERYBODYS)
        problem(answer, 503, "keys-unavailable")
        assert int(answer.headers["Retry-After"]) > 0

    async def accepted() -> bool:
        answer: httpx.Response = await portal.call("GET", EVERYBODYS)
        return answer.status_code == 200

    await until(accepted, "an answer after the outage")


async def test_a_hanging_login_stops_no_caller_with_a_known_key(portal, sign, claims):
    """While the download of keys hangs, tokens with unknown keys wait alone, and only one asks for them."""
    assert (await portal.call("GET", EVERYBODYS)).status_code == 200
    headers = {"Authorization": f"Bearer {await sign(claims, kid='unknown')}"}
    hangs = {"service": "login", "path": "discovery/v2.0/keys", "kind": "hold", "times": None}
    async with portal.fault(**hangs) as fault:
        probes = [asyncio.create_task(portal.call("GET", "/api/health", caller=None))]

        async def held() -> bool:
            if probes[-1].done():  # the result of an earlier probe is kept for some seconds
                probes.append(asyncio.create_task(portal.call("GET", "/api/health", caller=None)))
            return bool((await portal.control("GET", f"/faults/{fault}")).json()["held"])

        await until(held, "the download of a probe")
        forged = [
            asyncio.create_task(portal.call("GET", EVERYBODYS, caller=None, headers=headers))
            for _ in range(40)
        ]
        began = time.monotonic()
        for _ in range(10):
            assert (await portal.call("GET", EVERYBODYS)).status_code == 200
        assert time.monotonic() - began < 5
        assert (await portal.control("GET", f"/faults/{fault}")).json()["held"] == 1
    assert {answer.status_code for answer in await asyncio.gather(*forged)} <= {401, 503}
    await asyncio.gather(*probes)
