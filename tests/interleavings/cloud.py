"""The simulated cloud in the process of the test: no sockets, no threads, and each request is one step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from infra.local.cloud.cloud import open_cloud
from infra.local.cloud.faults import Faults
from infra.local.cloud.first_party import GRAPH_ROLES
from infra.local.cloud.managed_identity import PATH
from infra.local.cloud.messages import Answer, Failure, JsonObject, Request
from infra.local.cloud.settings import LagChange
from infra.local.cloud.tenant import Client
from tests.support.customers import FABRIKAM
from tests.support.memory import Around, Call, nothing

CLOUD: Final = ("login", "graph", "keyVault", "resourceManager")
"""The services that calls in the process reach, and the names for the places of their calls."""

_READS: Final = {"GET", "HEAD"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A request of the app that can have changed something."""

    id: str
    """The request ID that its client set."""
    method: str
    path: str


class InProcessCloud:
    """Answers requests of the app's own clients. Every request passes ``around``, as those to storage do."""

    def __init__(self, folder: Path) -> None:
        self._cloud = open_cloud(folder, "AzurePublicCloud", permissions="consent")
        self.around: Around = nothing
        self.changed: Callable[[Change], None] = lambda _: None
        self.info: JsonObject = self._cloud.body()
        for bound in self._cloud.sockets.values():
            bound.close()
        self._services = {service.name: service for service in self._cloud.services}
        self._names = {urlsplit(self.info[name]).netloc: name for name in CLOUD}
        self._tokens: dict[tuple[str, str], str] = {}
        control = self._cloud.control
        control.consents.consent(FABRIKAM)
        elsewhere = control.consents.directory(FABRIKAM)
        everything = [role for role in GRAPH_ROLES if role != "AppRegistration.Create"]
        self._administrators = {
            self.info["tenant"]: control.tenant.administrator,
            FABRIKAM: control.tenant.add_client("Administrator", (), everything, elsewhere),
        }
        self._replaced: Client | None = None
        self.log: list[tuple[str, str, str, int]] = []
        """Service, method, target and status of each request."""

    @property
    def faults(self) -> Faults:
        """What a test sets; ``status``, ``drop`` and ``rewrite`` only."""
        return self._cloud.front.faults

    def allow(self, tenant: str, *, without: str = "") -> None:
        """Allow the service everything in a tenant that it usually may do, except one thing."""
        consents = self._cloud.control.consents
        roles = self._cloud.control.tenant.identity_roles
        consents.consent(tenant, [role for role in roles if role != without])

    def delay_grants(self, seconds: float) -> None:
        """Delay the time at which new grants are visible; 0 shows all of them at once."""
        self._cloud.control.settings.set_lags(LagChange(grants=seconds))

    def close(self) -> None:
        """Close the files."""
        self._cloud.database.close()

    def replace_identity(self) -> str:
        """From now on, the service uses another identity for Graph, with the same permissions.

        Returns the object ID of its principal. Roles in Azure are not the subject: there it is the first one.
        """
        tenant = self._cloud.control.tenant
        made = self._replaced = tenant.add_client("Another identity", (), tenant.identity_roles)
        self.info["identity"] = {"clientId": made.client_id, "principalId": made.principal_id}
        return made.principal_id

    def identity_token(self, resource: str) -> str:
        """A token of the service's identity, as its endpoint in App Service issues it."""
        if self._replaced and "graph" in resource:
            known = (self._replaced.client_id, self._replaced.client_secret)
            issued = self._sign_in(self.info["tenant"], *known, resource).body
            assert issued is not None
            return str(issued["access_token"])
        query = {
            "api-version": "2019-08-01",
            "resource": resource,
            "client_id": self._cloud.control.tenant.identity_client_id,
        }
        request = Request(
            method="GET",
            path=PATH,
            query=query,
            target=PATH,
            headers={"X-IDENTITY-HEADER": self.info["identityHeader"]},
            body=b"",
        )
        answer = self._services["managedIdentity"].handle(request)
        assert answer.body is not None
        return str(answer.body["access_token"])

    def service_token(self, tenant: str, resource: str) -> str:
        """A token of the service in another tenant, for which its identity vouches."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.info["multitenantClientId"],
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.identity_token("api://AzureADTokenExchange"),
            "scope": f"{resource}/.default",
        }
        answer = self._token(tenant, form)
        assert answer.body is not None
        return str(answer.body["access_token"])

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Answer, bool]:
        """The response to a request, and whether it was lost on its way."""
        parts = urlsplit(url)
        name = self._names[parts.netloc]
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        # A proof reads what login knows. A batch reads, too, because the app uses it only for reads.
        writes = method not in _READS and name != "login" and not parts.path.endswith("/$batch")
        place = Call(name=method, place=name, rows=((parts.path, ""),), writes=writes)
        async with self.around(place):
            answer, lost = self.answer(name, method, target, headers, body)
            if writes and answer.status != httpx.codes.UNAUTHORIZED:  # the vault asks for a token
                sent = {key.casefold(): value for key, value in headers.items()}
                number = sent.get("client-request-id") or sent.get("x-ms-client-request-id", "")
                self.changed(Change(id=number, method=method, path=parts.path))
        return answer, lost

    def answer(
        self, name: str, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[Answer, bool]:
        """The response of a service, immediately, and whether it is lost."""
        parts = urlsplit(target)
        service = self._services[name]
        request = Request(
            method=method,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            target=target,
            headers=httpx.Headers(dict(headers)),
            body=body,
        )
        struck = [fault.settings for fault in self.faults.meeting(name, request)]
        refusals = [fault for fault in struck if fault.kind == "status" and fault.when == "before"]
        if refusals:
            (fault,) = refusals
            failure = Failure(status=fault.status or 500, code=fault.code, message=fault.message)
            answer = service.failed(request, failure)
        else:
            answer = service.handle(request)
        for fault in (fault for fault in struck if fault.kind == "rewrite"):
            headers = {"Content-Type": "application/json", **answer.headers}
            text = fault.rewritten(answer.encoded().decode())
            answer = Answer(status=answer.status, headers=headers, text=text)
        self._cloud.database.commit()
        self.log.append((name, method, target, answer.status))
        return answer, any(fault.kind == "drop" for fault in struck)

    def graph(self, path: str, tenant: str = "") -> Any:
        """What an administrator reads in Graph, immediately; None if it does not exist."""
        answer = self.graph_as_administrator("GET", f"/v1.0{path}", tenant=tenant)
        return answer.body if answer.status < httpx.codes.BAD_REQUEST else None

    def vault(self, method: str, path: str) -> Any:
        """What an administrator reads or deletes in the vault, immediately; None if it does not exist."""
        answer = self.vault_as_administrator(method, f"{path}?api-version=7.6")
        return answer.body if answer.status < httpx.codes.BAD_REQUEST else None

    def secrets(self) -> Any:
        """A backup of the vault."""
        vault: Any = self._services["keyVault"]
        return copy.deepcopy(vault._secrets._secrets)

    def put_back(self, backup: Any) -> None:
        """Restore the vault to a backup."""
        vault: Any = self._services["keyVault"]
        vault._secrets._secrets = copy.deepcopy(backup)

    def graph_as_administrator(self, method: str, path: str, body: bytes = b"", tenant: str = "") -> Answer:
        """The response of Graph to the administrator of a tenant (by default the home tenant)."""
        headers = self._administrator("https://graph.microsoft.com", tenant or self.info["tenant"])
        return self.answer("graph", method, path, headers, body)[0]

    def vault_as_administrator(self, method: str, path: str, body: bytes = b"") -> Answer:
        """The answer of the vault to an administrator."""
        headers = self._administrator("https://vault.azure.net", self.info["tenant"])
        return self.answer("keyVault", method, path, headers, body)[0]

    def signs_in(self, app: str, secret: str, tenant: str = "") -> bool:
        """Whether login accepts a secret."""
        answer = self._sign_in(tenant or self.info["tenant"], app, secret, "https://graph.microsoft.com")
        return answer.status == httpx.codes.OK

    def _administrator(self, resource: str, tenant: str) -> dict[str, str]:
        if (tenant, resource) not in self._tokens:
            client = self._administrators[tenant]
            answer = self._sign_in(tenant, client.client_id, client.client_secret, resource)
            assert answer.body is not None
            self._tokens[tenant, resource] = str(answer.body["access_token"])
        authorization = f"Bearer {self._tokens[tenant, resource]}"
        return {"Authorization": authorization, "Content-Type": "application/json"}

    def _sign_in(self, tenant: str, client: str, secret: str, resource: str) -> Answer:
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": secret,
            "scope": f"{resource}/.default",
        }
        return self._token(tenant, form)

    def _token(self, tenant: str, form: Mapping[str, str]) -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        path = f"/{tenant}/oauth2/v2.0/token"
        return self.answer("login", "POST", path, headers, urlencode(form).encode())[0]
