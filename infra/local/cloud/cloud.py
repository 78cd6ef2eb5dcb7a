"""The parts of the simulated cloud, assembled on one folder."""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from infra.local import ports
from infra.local.cloud.certificates import authority_certificate, new_authority, new_server_certificate
from infra.local.cloud.collection import Replication
from infra.local.cloud.consents import Consents
from infra.local.cloud.control import Control
from infra.local.cloud.database import Database
from infra.local.cloud.directory import Directory
from infra.local.cloud.environments import CUSTOMER, ENVIRONMENTS, HOME, SUBSCRIPTION, TENANT, TENANTS
from infra.local.cloud.faults import SERVICES, Faults
from infra.local.cloud.front import Calls, Front
from infra.local.cloud.graph.service import Graph
from infra.local.cloud.inbox import Inbox
from infra.local.cloud.key_vault import KeyVault
from infra.local.cloud.login import Login
from infra.local.cloud.managed_identity import PATH as IDENTITY_PATH
from infra.local.cloud.managed_identity import ManagedIdentity
from infra.local.cloud.messages import JsonObject, Service
from infra.local.cloud.providers import Providers
from infra.local.cloud.resource_manager import ResourceManager
from infra.local.cloud.settings import Settings
from infra.local.cloud.tenant import PERMISSION_SETS, Tenant
from infra.local.cloud.tokens import Tokens, new_signing_key
from infra.local.cloud.vault_secrets import VaultSecrets
from infra.local.errors import LocalError

_PLAIN: Final = ("managedIdentity", "control")
"""What is served without TLS, as App Service does for the managed identity."""

_BACKLOG: Final = 1024


class StartError(Exception):
    """The simulated cloud cannot start in this folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cloud:
    """Everything that runs, ready to be served."""

    folder: Path
    environment: str
    database: Database
    sockets: dict[str, socket.socket]
    front: Front
    services: tuple[Service, ...]
    control: Control

    async def start(self) -> list[web.BaseRunner]:
        """Serve on every socket, then write ``cloud.json``."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem")
        runners: list[web.BaseRunner] = [
            web.ServerRunner(self.front.server(service), shutdown_timeout=0.2) for service in self.services
        ]
        names = [service.name for service in self.services]
        runners.append(web.AppRunner(self.control.application(), access_log=None, shutdown_timeout=0.2))
        for name, runner in zip([*names, "control"], runners, strict=True):
            await runner.setup()
            site = web.SockSite(
                runner, self.sockets[name], ssl_context=None if name in _PLAIN else context, backlog=_BACKLOG
            )
            await site.start()
        write_whole(self.folder / "cloud.json", json.dumps(self.body(), indent=2) + "\n")
        return runners

    def body(self) -> JsonObject:
        """The content of ``cloud.json`` for tools."""
        tenant = self.control.tenant
        addresses = {name: _address(name, bound) for name, bound in self.sockets.items()}
        addresses["managedIdentity"] += IDENTITY_PATH
        return {
            "pid": os.getpid(),
            "environment": self.environment,
            **addresses,
            "identityHeader": tenant.identity_header,
            "certificate": str(self.folder / "ca.pem"),
            "tenant": TENANT,
            "subscription": SUBSCRIPTION,
            "tenants": [
                {"tenant": CUSTOMER.id, "subscription": CUSTOMER.subscription, "domain": CUSTOMER.domains[0]}
            ],
            "multitenantClientId": self.control.consents.client_id,
            "audience": f"api://{tenant.api_app_id}",
            "identity": {"clientId": tenant.identity_client_id, "principalId": tenant.identity_principal_id},
            "clients": {name: client.body() for name, client in tenant.clients.items()},
        }


def open_cloud(
    folder: Path, environment_name: str, *, reply_to: str = "", permissions: str = "base"
) -> Cloud:
    """Open the cloud of a folder, or create it. Raises ``StartError`` if one of its ports is taken.

    Args:
        folder: The folder of its files.
        environment_name: The simulated Azure environment.
        reply_to: The reply address of the service's multi-tenant application.
        permissions: The name of the identity's first permissions in Graph (``PERMISSION_SETS``).
    """
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(folder / "state.db")
    name = database.get("start", "environment") or environment_name
    if name != environment_name:
        raise StartError(f"The folder holds a cloud of {name}; use another folder for {environment_name}.")
    environment = ENVIRONMENTS[environment_name]
    sockets = _bind(database)
    (folder / "cloud.json").unlink(missing_ok=True)
    authority = database.get("start", "authority") or new_authority()
    signing_key = database.get("start", "signingKey") or new_signing_key()
    write_whole(folder / "ca.pem", authority_certificate(authority))
    write_whole(folder / "server.pem", new_server_certificate(authority))
    for key, value in (
        ("environment", environment_name),
        ("authority", authority),
        ("signingKey", signing_key),
    ):
        database.put("start", key, value)
    replication = Replication()
    directories = {each.id: Directory(database, environment, each, replication) for each in TENANTS}
    home = directories[HOME.id]
    tenant = Tenant(home, database, PERMISSION_SETS[permissions])
    others = {name: directory for name, directory in directories.items() if directory is not home}
    consents = Consents(database, home, others, tenant)
    if reply_to:
        consents.reply_to(reply_to)
    tokens = Tokens(signing_key, directories, environment.login)
    settings = Settings(database, replication, tokens, tenant)
    managed_identity = ManagedIdentity(home, tokens, tenant.identity_client_id, tenant.identity_header)
    services = (*_services(database, directories, tokens, settings, sockets), managed_identity)
    faults, calls = Faults(), Calls()
    database.commit()
    return Cloud(
        folder=folder,
        environment=environment_name,
        database=database,
        sockets=sockets,
        front=Front(database=database, replication=replication, faults=faults, calls=calls),
        services=services,
        control=Control(
            database=database,
            faults=faults,
            calls=calls,
            settings=settings,
            tenant=tenant,
            consents=consents,
            tokens=tokens,
            inbox=Inbox(database),
            managed_identity=managed_identity,
        ),
    )


def _services(
    database: Database,
    directories: Mapping[str, Directory],
    tokens: Tokens,
    settings: Settings,
    sockets: Mapping[str, socket.socket],
) -> tuple[Service, ...]:
    """The services with TLS; the identity's endpoint has none."""
    environment = directories[HOME.id].environment
    at = {service: _address(service, bound) for service, bound in sockets.items()}
    return (
        Login(directories, tokens, at, settings.lags, settings.unconsented),
        Graph(directories, tokens, at["graph"], settings.policy, settings.is_scattered),
        ResourceManager(
            environment,
            tokens,
            at,
            {
                each.subscription: Providers(
                    database, each, settings.provider_seconds, settings.idle_providers
                )
                for each in TENANTS
            },
            settings,
        ),
        KeyVault(
            environment,
            tokens,
            (at["keyVault"], at["login"]),
            VaultSecrets(database),
            may_use=settings.may_use_vault,
            is_purge_protected=settings.is_purge_protected,
        ),
    )


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or its earlier content."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    part.replace(path)


def _bind(database: Database) -> dict[str, socket.socket]:
    """A listening socket for each service: on free ports at the first start, and then on the same ones."""
    known: dict[str, int] = database.get("start", "ports") or {}
    names = (*SERVICES, "control")
    sockets = {name: _listen(name, known[name]) if known else _listen_anywhere(name) for name in names}
    if not known:
        database.put("start", "ports", {name: bound.getsockname()[1] for name, bound in sockets.items()})
    return sockets


def _listen_anywhere(name: str) -> socket.socket:
    try:
        chosen = ports.choose(1)
    except LocalError as error:
        raise StartError(f"{name}: {error}.") from error
    with chosen:
        return _listen(name, *chosen.ports)


def _listen(name: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        bound.bind(("127.0.0.1", port))
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise StartError(f"Port {port} of {name} is taken: {error.strerror}.") from error
    return bound


def _address(name: str, bound: socket.socket) -> str:
    scheme = "http" if name in _PLAIN else "https"
    return f"{scheme}://127.0.0.1:{bound.getsockname()[1]}"
