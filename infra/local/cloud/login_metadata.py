"""The metadata of login: OpenID Connect configuration and discovery of instances.

https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc
"""

from __future__ import annotations

from infra.local.cloud.directory import Directory
from infra.local.cloud.messages import JsonObject


def configuration(
    directory: Directory, address: str, issuer: str, *, version: str, alias: str = ""
) -> JsonObject:
    """The configuration of a tenant, or of ``common`` and its like (``alias``), which name no tenant."""
    own = directory.tenant.id
    base = f"{address}/{alias or own}"
    oauth = f"{base}/oauth2/v2.0" if version == "2.0" else f"{base}/oauth2"
    return {
        "token_endpoint": f"{oauth}/token",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
        ],
        "jwks_uri": f"{base}/discovery/{'v2.0/' if version == '2.0' else ''}keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer.replace(own, "{tenantid}") if alias else issuer,
        "authorization_endpoint": f"{oauth}/authorize",
        "tenant_region_scope": None if alias else "EU",
        "cloud_instance_name": directory.environment.login.removeprefix("https://login."),
        "msgraph_host": directory.environment.graph.removeprefix("https://"),
    }


def instance(address: str, endpoint: str) -> JsonObject:
    """The answer to a client that asks whether this is a login that it can trust."""
    host = address.removeprefix("https://")
    tenant = endpoint.removeprefix("https://").split("/")[1] if endpoint.count("/") > 2 else "common"  # noqa: PLR2004
    return {
        "tenant_discovery_endpoint": f"{address}/{tenant}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }
