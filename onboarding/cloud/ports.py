"""The protocols of the cloud for steps. They need no SDK; the clients that implement them do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from pydantic import SecretStr

from onboarding.cloud import shapes
from onboarding.cloud.guest import Guest
from onboarding.cloud.replies import GraphResponse
from onboarding.cloud.service_names import GRAPH
from onboarding.errors import responses
from onboarding.texts import reasons

if TYPE_CHECKING:
    from msgraph.graph_service_client import GraphServiceClient


Guard = Callable[[], Awaitable[None]]
"""Raises if the service must not remove anything now: its records may be outdated."""


async def allowed() -> None:
    """A guard that lets everything pass."""


class Builder(Protocol):
    """A request builder of the SDK: a path of Graph."""

    @property
    def url_template(self) -> str:
        """The URL with its parameters."""
        ...

    @property
    def path_parameters(self) -> Any:
        """The values of the parameters."""
        ...


@dataclass(frozen=True, slots=True)
class Path:
    """A path for which the SDK has no builder."""

    url_template: str
    path_parameters: Mapping[str, Any] = field(default_factory=dict)


_MOST_PAGES: Final = 100
"""Of a list that is read as a whole."""

BATCH: Final = Path("{+baseurl}/$batch")
"""Its response contains other responses, each with a shape of its own."""


class Graph(Protocol):
    """Microsoft Graph v1.0 in one tenant: one request in, one JSON document out."""

    paths: GraphServiceClient
    address: str  # with the version
    client: str  # client id of this service in the tenant; empty if it is not known

    async def send(
        self,
        method: str,
        builder: Builder,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> GraphResponse:
        """Makes one call and returns the response, even if it is an error.

        Raises ``TransientError`` if there is no response, and ``PermanentError`` if there is no token.
        """
        ...

    async def guest(self) -> Guest | None:
        """This service in a tenant other than its own, for refusals; None in its home tenant."""
        ...

    async def granted(self) -> frozenset[str] | None:
        """The application permissions that this service has in the tenant; None if they are unknown."""
        ...

    async def call(
        self,
        method: str,
        builder: Builder,
        body: Mapping[str, Any] | None = None,
        *,
        fresh: bool = False,
        owned: bool = False,
        **more: Any,
    ) -> Any:
        """Makes one call that must succeed; ``fresh`` and ``owned`` as for ``failures.error_of``."""
        return (await self.send(method, builder, body, **more)).needed(fresh=fresh, owned=owned)

    async def listed(self, builder: Builder, *, query: Mapping[str, Any] | None = None) -> GraphResponse:
        """Reads a list with all its pages, as one page."""
        return await self._completed(await self.send("GET", builder, query=query), {})

    async def _completed(
        self, reply: GraphResponse, headers: Mapping[str, str], *, some: bool = False
    ) -> GraphResponse:
        """A reply with all pages of its list, or with enough for ``some``; the refusal of a page, if any.

        A page without objects can have a continuation, too (https://learn.microsoft.com/graph/paging). The
        token of the service is sent only to Graph, wherever a link points.
        """
        if reply.refusal or not isinstance(reply.document, Mapping):
            return reply
        pages, fault = [reply.document], None
        while (link := pages[-1].get(shapes.NEXT)) and not (some and shapes.entries(pages[-1])):
            if len(pages) == _MOST_PAGES:
                fault = reasons.FAULT_PAGES.of(most=_MOST_PAGES)
                break
            if not str(link).startswith(f"{self.address}/"):
                fault = reasons.FAULT_OTHER_PAGE.of(service=GRAPH)
                break
            following = await self.send("GET", Path("{+link}", {"link": link}), headers=headers)
            if following.refusal or not isinstance(following.document, Mapping):
                return following
            pages.append(following.document)
        return (
            reply if len(pages) == 1 and not fault else replace(reply, document=shapes.joined(pages, fault))
        )

    async def batch(
        self,
        requests: Mapping[str, tuple[str, Mapping[str, str]]],
        *,
        first: Collection[str] = (),
        some: Collection[str] = (),
    ) -> dict[str, GraphResponse]:
        """Reads several things with one call, and the further pages of lists with more calls.

        Source: https://learn.microsoft.com/graph/json-batching.

        Args:
            requests: Paths with their queries (percent-encoded), and headers, by names that the caller
                chooses; at most 20.
            first: The names of the lists of which only the first page is needed.
            some: The names of the lists of which the first page that is not empty is enough.
        """
        steps = [
            {"id": name, "method": "GET", "url": url, "headers": dict(headers)}
            for name, (url, headers) in requests.items()
        ]
        document = await self.call("POST", BATCH, {"requests": steps})
        answers = document.get("responses") if isinstance(document, Mapping) else None
        found = {str(answer["id"]): GraphResponse.batched(answer) for answer in answers or ()}
        if any(reply.refusal for reply in found.values()):
            guest = await self.guest()
            found = {name: reply.by(guest) for name, reply in found.items()}
        if missing := sorted(set(requests) - set(found)):
            raise responses.ANSWER_UNREADABLE.error(
                service=GRAPH, fault=reasons.FAULT_RESPONSE.of(name=missing[0])
            )
        return {
            name: reply
            if name in first
            else await self._completed(reply, requests[name][1], some=name in some)
            for name, reply in found.items()
            if name in requests
        }


class Subscription(Protocol):
    """The operations on one Azure subscription that onboarding needs. Raises this app's errors."""

    async def subscription(self) -> Mapping[str, Any]:
        """The subscription's own record: ``tenantId``, ``state``, ``displayName``."""
        ...

    async def permissions(self) -> list[Mapping[str, Any]]:
        """What the service's identity may do in the subscription: ``actions`` and ``notActions``."""
        ...

    async def registrations(self) -> dict[str, str]:
        """The registration state of each resource provider, by lower-case namespace."""
        ...

    async def register(self, namespace: str) -> str:
        """Registers a resource provider; returns its state. Safe to repeat."""
        ...

    async def registration(self, namespace: str) -> str:
        """The registration state of one resource provider."""
        ...


class Proof(Protocol):
    """Proves client secrets. Raises this app's errors."""

    async def prove(self, *, tenant: str, app: str, secret: str, name: str, fresh: bool) -> None:
        """Returns if login accepts a secret of an application; otherwise raises the reason.

        ``name`` is the secret's in Key Vault. ``fresh``: it is so new that login may not know it yet.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSecret:
    """The properties of a secret, without its value."""

    id: str  # URL of this version
    tags: Mapping[str, str]
    hint: str  # its first three characters, which Entra ID shows, too


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedSecret:
    """A secret in a list, without its value."""

    name: str
    tags: Mapping[str, str]
    created_at: datetime  # its current version


class Vault(Protocol):
    """The vault of the deployment. Raises this app's errors."""

    async def stored(self, name: str) -> StoredSecret | None:
        """The current version of a secret, or None. Only a hint of its value is kept."""
        ...

    async def listed(self, prefix: str) -> list[ListedSecret]:
        """The secrets whose names begin with a prefix."""
        ...

    async def client_secret(self, vault_id: str) -> SecretStr:
        """The value of one version of a client secret, to prove it or to encrypt it for the site.

        Raises ``PermanentError`` if there is no such version.
        """
        ...

    async def read(self, name: str, *, versions: int = 1) -> tuple[str, ...]:
        """The newest values of a secret of the app itself, the current one first; empty if there is none.

        Raises ``PermanentError`` for any other secret: this method never returns client secrets.
        """
        ...

    async def store(self, name: str, value: str, *, ends_at: datetime | None, tags: Mapping[str, str]) -> str:
        """Adds a version to a secret; returns its URL."""
        ...

    async def tag(self, name: str, tags: Mapping[str, str]) -> bool:
        """Replaces the tags of the current version of a secret; False if there is no such secret."""
        ...

    async def check_write(self) -> None:
        """Raises if the service may not store secrets. Nothing is stored."""
        ...

    async def recover(self, name: str) -> bool:
        """Recovers a deleted secret with its versions; False if there is none."""
        ...

    async def remove(self, name: str) -> None:
        """Deletes a secret with all its versions, permanently if the vault allows that.

        A vault with purge protection keeps it as a deleted secret until its retention ends. Safe to repeat.
        """
        ...
