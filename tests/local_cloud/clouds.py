"""A simulated cloud as a process of its own, and short ways to call it."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import uuid
from pathlib import Path
from typing import Any

import httpx
import jwt

ROOT = Path(__file__).resolve().parents[2]
AUDIENCES = {
    "graph": "https://graph.microsoft.com",
    "resourceManager": "https://management.azure.com",
    "keyVault": "https://vault.azure.net",
}


class CloudProcess:
    """Runs ``python -m infra.local.cloud`` on a folder and calls it."""

    def __init__(self, folder: Path, environment: str = "AzurePublicCloud") -> None:
        self.folder = folder
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._tokens: dict[tuple[str, str], str] = {}
        self.info: dict[str, Any] = {}
        self.http = httpx.AsyncClient()

    async def start(self) -> None:
        """Start it, or restart it after it was stopped or killed; it is ready when this returns."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "infra.local.cloud",
            "--folder",
            str(self.folder),
            "--environment",
            self._environment,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 20)
        assert line, await self._rest()
        self.info = json.loads((self.folder / "cloud.json").read_text())
        await self.http.aclose()
        self.http = httpx.AsyncClient(verify=self.trust(), timeout=20)
        self._tokens.clear()

    def trust(self) -> ssl.SSLContext:
        """What a careful client trusts: only this cloud's CA, with OpenSSL's strict checks."""
        context = ssl.create_default_context(cafile=self.info["certificate"])
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    async def kill(self) -> None:
        """SIGKILL it."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> tuple[int, str]:
        """SIGTERM it; return its exit code and everything that it wrote since it was ready."""
        assert self._process is not None
        self._process.terminate()
        code = await asyncio.wait_for(self._process.wait(), 30)
        return code, await self._rest()

    async def close(self) -> None:
        """Close all connections."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()
        await self.http.aclose()

    async def _rest(self) -> str:
        assert self._process is not None
        out, errors = await self._process.communicate()
        return (out + errors).decode()

    async def login(self, **form: str) -> httpx.Response:
        """Call login's token endpoint."""
        return await self.http.post(
            f"{self.info['login']}/{self.info['tenant']}/oauth2/v2.0/token",
            data={"grant_type": "client_credentials"} | form,
        )

    async def token(self, client: dict[str, str], resource: str) -> str:
        """A token of a client for a resource; cached."""
        key = client["clientId"], resource
        if key not in self._tokens:
            answer = await self.login(
                client_id=client["clientId"],
                client_secret=client["clientSecret"],
                scope=f"{resource}/.default",
            )
            assert answer.status_code == 200, answer.text
            self._tokens[key] = answer.json()["access_token"]
        return self._tokens[key]

    async def identity_token(self, resource: str) -> httpx.Response:
        """Call the managed identity endpoint as App Service's SDKs do."""
        return await self.http.get(
            self.info["managedIdentity"],
            params={
                "api-version": "2019-08-01",
                "resource": resource,
                "client_id": self.info["identity"]["clientId"],
            },
            headers={"X-IDENTITY-HEADER": self.info["identityHeader"]},
        )

    async def service(
        self,
        service: str,
        method: str,
        path: str,
        body: object = None,
        *,
        client: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Call a service, by default as the administrator."""
        token = await self.token(client or self.info["clients"]["administrator"], AUDIENCES[service])
        return await self.http.request(
            method,
            path if path.startswith("https://") else f"{self.info[service]}{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"} | (headers or {}),
        )

    async def graph(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        client: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Call Graph v1.0; a path that begins with https:// is used unchanged."""
        if not path.startswith("https://"):
            path = f"/v1.0{path}"
        return await self.service("graph", method, path, body, client=client, headers=headers)

    async def control(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Call control; anything but success fails the test."""
        answer = await self.http.request(method, f"{self.info['control']}{path}", json=body)
        assert answer.is_success, answer.text
        return answer

    async def client(self, *graph_roles: str, roles: tuple[str, ...] = ()) -> dict[str, str]:
        """A new client with these roles."""
        answer = await self.control("POST", "/clients", {"roles": roles, "graphRoles": graph_roles})
        body: dict[str, str] = answer.json()
        return body

    async def fault(self, **fault: object) -> str:
        """Set a fault; return its ID."""
        answer = await self.control("POST", "/faults", fault)
        return str(answer.json()["id"])

    async def application(self, **properties: object) -> dict[str, Any]:
        """A new application of the administrator's."""
        answer = await self.graph("POST", "/applications", {"displayName": name()} | properties)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def principal(self, **properties: object) -> dict[str, Any]:
        """The service principal of a new application."""
        application = await self.application(**properties)
        answer = await self.graph("POST", "/servicePrincipals", {"appId": application["appId"]})
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body


def name() -> str:
    """A name that nobody else uses."""
    return f"n-{uuid.uuid4().hex[:12]}"


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of an error."""
    body = answer.json()["error"]
    return answer.status_code, body["code"], body["message"]


def claims_of(answer: httpx.Response) -> dict[str, Any]:
    """The claims of the token in an answer of login."""
    claims: dict[str, Any] = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    return claims


def refusal(answer: httpx.Response) -> tuple[int, str, int]:
    """The status, the OAuth code and the AADSTS code of a refusal."""
    body = answer.json()
    assert set(body) == {
        "error",
        "error_description",
        "error_codes",
        "timestamp",
        "trace_id",
        "correlation_id",
        "error_uri",
    }
    code = body["error_codes"][0]
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    return answer.status_code, body["error"], code
