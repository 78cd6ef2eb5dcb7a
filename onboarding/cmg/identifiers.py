"""The App ID URI of the server app: which forms ConfigMgr and Entra ID accept.

ConfigMgr recommends ``api://{tenantId}/{string}`` and ``https://{verifiedDomain}/{string}``. Entra ID refuses
its old default ``https://ConfigMgrService``, because that host is not a verified domain. A tenant policy can
allow only ``api://{appId}`` and ``api://{tenantId}/{appId}``. The last form meets every policy, so it is the
default here.

Source: https://learn.microsoft.com/entra/identity-platform/identifier-uri-restrictions and "Create the web
(server) app registration" in the ConfigMgr article.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from onboarding.cmg.faults import Fault, fault

LONGEST: Final = 255
_FORM: Final = re.compile(
    r"(?P<scheme>api|https)://(?P<host>[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*)/"
    r"[A-Za-z0-9\-._~!$&()*+,;=:@/%]*[A-Za-z0-9\-._~!$&()*+,;=:@%]"
)


def default(tenant: str, app: str) -> str:
    """The App ID URI that every policy allows; it contains the application's client id."""
    return f"api://{tenant}/{app}"


def flaw(uri: str, tenant: str | None) -> Fault | None:
    """Why the form of a URI is not valid; None if it is.

    If the tenant is not known, the URI can contain any.
    """
    named = tenant or "{tenantId}"
    if len(uri) > LONGEST:
        return fault("text-too-long", most=LONGEST)
    if uri.casefold() == "https://configmgrservice":
        return fault("uri-old-default", tenant=named)
    match = _FORM.fullmatch(uri)
    if match is None:
        return fault("uri-form", tenant=named)
    if tenant and match["scheme"] == "api" and match["host"].casefold() != tenant.casefold():
        return fault("uri-of-other-tenant", tenant=tenant)
    return None


def folded(uri: str) -> str:
    """An App ID URI as Entra ID compares it: without case, and without a slash at its end."""
    return uri.casefold().rstrip("/")


def one_of(uris: Sequence[str], wanted: str | None) -> str | None:
    """The App ID URI of an application that a request names, as the application has it; None if unclear.

    If the request names none, it is the only one.
    """
    meant = [uri for uri in uris if wanted is None or folded(uri) == folded(wanted)]
    return meant[0] if len(meant) == 1 else None


def on_verified_domain(uri: str, domains: Iterable[str]) -> bool:
    """Whether an https URI's host is a verified domain or below one; any other URI needs none.

    A URI without a readable host is not on any domain.
    """
    if not uri.casefold().startswith("https:"):
        return True
    try:
        host = (urlsplit(uri).hostname or "").casefold()
    except ValueError:  # such as an open bracket: the directory does not read it as Python does
        return False
    return any(host == domain.casefold() or host.endswith("." + domain.casefold()) for domain in domains)
