"""Microsoft Graph, as the scripts in this folder use it: a few calls by a signed-in administrator."""

from __future__ import annotations

import argparse
import contextlib
import logging
import ssl
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import AzureCliCredential, ClientSecretCredential

from onboarding.cloud.environments import ENVIRONMENTS

#: Time until the next request finds an object that was just created, in seconds. Graph replicates its
#: writes; users report delays of minutes.
REPLICATION_SECONDS: Final = 180
_BUSY: Final = {429, 503, 504}
_ATTEMPTS: Final = 6
#: Graph's messages, with 400 or 403, for a reference to an object that it has not replicated yet.
_UNKNOWN_YET: Final = ("does not reference", "backing application", "Not a valid reference")


class DirectoryError(Exception):
    """Graph refused a request."""

    def __init__(self, response: httpx.Response) -> None:
        """Keep Graph's error: ``{"error": {"code", "message"}}``, or whatever it returned instead."""
        try:
            error = response.json()["error"]
            self.code, self.message = str(error["code"]), str(error["message"])
            self.details = tuple(str(detail.get("code")) for detail in error.get("details") or ())
        except (ValueError, KeyError, TypeError, AttributeError):
            self.code, self.message, self.details = "Unknown", response.text[:500], ()
        self.status = response.status_code
        request = response.headers.get("request-id", "none")
        super().__init__(
            f"{response.request.method} {response.request.url.path}: {self.status} {self.code}: "
            f"{self.message} (request-id {request})"
        )

    @property
    def already_exists(self) -> bool:
        """Whether the object of the request exists already."""
        return self.status in {400, 409} and "already exist" in self.message

    @property
    def is_refusal(self) -> bool:
        """Whether the signed-in administrator lacks a permission."""
        return self.status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}

    @property
    def may_be_lag(self) -> bool:
        """Whether Graph also returns this error for an object that it has not replicated yet."""
        return self.status == httpx.codes.NOT_FOUND or (
            self.status in {400, 403} and any(part in self.message for part in _UNKNOWN_YET)
        )


FAILURES: Final = (DirectoryError, AzureError, httpx.TransportError)
"""The errors that a script must expect: Graph refuses, the sign-in fails, or the network does not answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Directory:
    """Microsoft Graph v1.0 in one cloud, for one signed-in administrator."""

    graph: str
    scope: str
    credential: TokenCredential
    http: httpx.Client

    def get(self, path: str) -> dict[str, Any]:
        """Read one object."""
        return self._send("GET", path).json()  # type: ignore[no-any-return]

    def find(self, path: str) -> dict[str, Any] | None:
        """Read one object that may be missing."""
        try:
            return self.get(path)
        except DirectoryError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def read_fresh(self, path: str) -> dict[str, Any]:
        """Read an object that was just created, with retries: replication can take minutes."""
        return self._patiently("GET", path, None, {}).json()  # type: ignore[no-any-return]

    def list(self, path: str) -> Iterator[dict[str, Any]]:
        """Read a collection, page by page."""
        url: str | None = path
        while url:
            page = self.get(url)
            yield from page["value"]
            url = page.get("@odata.nextLink")

    def write(
        self, method: str, path: str, body: dict[str, Any], *, upsert: bool = False, fresh: bool = False
    ) -> dict[str, Any]:
        """Send a change and return Graph's answer, which is empty without a body.

        Args:
            method: POST or PATCH.
            path: Below ``/v1.0``.
            body: The change.
            upsert: Create what is missing.
            fresh: The change refers to an object that was just created: retry while it replicates.
        """
        headers = {"Prefer": "create-if-missing"} if upsert else {}
        send = self._patiently if fresh else self._send
        response = send(method, path, body, headers)
        return response.json() if response.content else {}

    def _patiently(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> httpx.Response:
        deadline, wait = time.monotonic() + REPLICATION_SECONDS, 1
        while True:
            try:
                return self._send(method, path, body, headers)
            except DirectoryError as error:
                if not error.may_be_lag or time.monotonic() >= deadline:
                    raise
                print("  ...      the directory does not know the new object everywhere yet", flush=True)
                time.sleep(wait)
                wait = min(2 * wait, 15)

    def _send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        url = path if path.startswith("https://") else f"{self.graph}/v1.0{path}"
        for attempt in range(_ATTEMPTS):
            last = attempt == _ATTEMPTS - 1
            token = self.credential.get_token(self.scope).token
            sent = {"Authorization": f"Bearer {token}", **(headers or {})}
            wait = ""
            try:
                response = self.http.request(method, url, json=body, headers=sent)
            except httpx.TransportError:
                # A change whose answer was lost may be sent again: each one here has the same effect twice.
                if last:
                    raise
            else:
                if response.status_code not in _BUSY or last:
                    break
                wait = response.headers.get("Retry-After", "")
            time.sleep(min(int(wait), 120) if wait.isdigit() else 2**attempt)
        if response.is_error:
            raise DirectoryError(response)
        return response


def object_id(value: str) -> str:
    """An argument that is an object ID in the directory."""
    try:
        return str(uuid.UUID(value))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{value!r} is not an object ID (a GUID)") from error


def add_arguments(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Add the arguments of every script in this folder: the cloud, the sign-in, and the confirmation."""
    parser.set_defaults(client_secret=environ.get("AZURE_CLIENT_SECRET"))
    parser.add_argument("--what-if", action="store_true", help="show the changes without making them")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument(
        "--environment",
        choices=sorted(ENVIRONMENTS),
        default="AzurePublicCloud",
        help="cloud (default: %(default)s)",
    )
    parser.add_argument("--tenant", help="tenant ID (default: the tenant that the Azure CLI is signed in to)")
    parser.add_argument(
        "--client-id",
        help="sign in as this application, for automation; its secret is read from AZURE_CLIENT_SECRET. "
        "Without it, the script uses the account that is signed in to the Azure CLI",
    )
    parser.add_argument("--login", help="another URL of the sign-in service, such as that of a local cloud")
    parser.add_argument("--graph", help="another URL of Microsoft Graph, such as that of a local cloud")
    parser.add_argument(
        "--certificate", metavar="FILE", help="PEM file of the only certificate authority to trust"
    )


@contextlib.contextmanager
def connected(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> Iterator[Directory]:
    """Microsoft Graph, signed in by the arguments, until the block ends.

    An invalid combination ends the script with a remedy.
    """
    # The scripts report errors themselves; the library's own log line would repeat them.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    environment = ENVIRONMENTS[arguments.environment]
    trust = ssl.create_default_context(cafile=arguments.certificate)
    with _credential(parser, arguments) as credential, httpx.Client(verify=trust, timeout=60) as http:
        yield Directory(
            graph=(arguments.graph or environment.graph).rstrip("/"),
            scope=environment.graph_scope,
            credential=credential,
            http=http,
        )


def _credential(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace
) -> AzureCliCredential | ClientSecretCredential:
    if not arguments.client_id:
        return AzureCliCredential(tenant_id=arguments.tenant or "")
    if not arguments.client_secret or not arguments.tenant:
        parser.error(
            "--client-id needs --tenant, and the secret in the environment variable AZURE_CLIENT_SECRET"
        )
    trust = {"connection_verify": arguments.certificate} if arguments.certificate else {}
    return ClientSecretCredential(
        arguments.tenant,
        arguments.client_id,
        arguments.client_secret,
        authority=arguments.login or ENVIRONMENTS[arguments.environment].login,
        # A check of this authority in the public cloud makes no sense for another cloud.
        disable_instance_discovery=bool(arguments.login),
        **trust,
    )
