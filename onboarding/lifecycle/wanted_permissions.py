"""The permissions that the two apps of an onboarding need, as grants in the tenant."""

from __future__ import annotations

from dataclasses import dataclass

from onboarding.cloud.grants import Poll
from onboarding.cmg.permissions import DIRECTORY_READ_ALL
from onboarding.connections.app_users import Grant


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedPermissions:
    """What must be granted, by service principals of the tenant."""

    client: str  # object IDs of service principals; empty where the tenant has no client app
    server: str
    graph: str
    scopes: tuple[tuple[str, str], ...]  # resource and scope, for the client app
    reads_directory: bool  # for the server app

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the permissions, for people."""
        roles = (DIRECTORY_READ_ALL.value,) if self.reads_directory else ()
        return (*(scope for _, scope in self.scopes), *roles)

    @property
    def poll(self) -> Poll:
        """Where to look for them."""
        return Poll(client=self.client, server=self.server if self.reads_directory else "")

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The permissions as grants."""
        scopes = (Grant(client=self.client, resource=to, scope=scope) for to, scope in self.scopes)
        roles = (Grant(client=self.server, resource=self.graph, role=DIRECTORY_READ_ALL.id),)
        return (*scopes, *(roles if self.reads_directory else ()))
