"""Security settings that must never be weakened unnoticed."""

from __future__ import annotations

from tests.azure.templates import TEMPLATES, template


def test_storage_takes_identities_only():
    """Storage allows no key, no anonymous read, no old TLS and no plain HTTP."""
    properties = template("storage").resource("account")["properties"]
    assert properties == {
        "allowSharedKeyAccess": False,
        "allowBlobPublicAccess": False,
        "allowCrossTenantReplication": False,
        "defaultToOAuthAuthentication": True,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
    }
    assert template("storage").resource("deploymentContainer")["properties"]["publicAccess"] == "None"


def test_the_vault_goes_by_roles_and_forgets_nothing_at_once():
    """The vault has role-based access, soft delete and purge protection; no Azure service can read it."""
    properties = template("vault").resource("vault")["properties"]
    assert properties["enableRbacAuthorization"] is True
    assert properties["enableSoftDelete"] is True
    assert properties["enablePurgeProtection"] is True
    assert "accessPolicies" not in properties
    assert {
        properties[f"enabledFor{use}"] for use in ("Deployment", "DiskEncryption", "TemplateDeployment")
    } == {False}


def test_the_site_takes_no_password_and_no_plain_http():
    """The site uses HTTPS with TLS 1.2, no FTP and no basic credentials; it reads its package by identity."""
    bicep = template("function-app")
    site = bicep.resource("site")["properties"]
    assert site["httpsOnly"] is True
    assert site["siteConfig"]["minTlsVersion"] == site["siteConfig"]["scmMinTlsVersion"] == "1.2"
    assert site["siteConfig"]["ftpsState"] == "Disabled"
    assert {bicep.resource(name)["name"]: bicep.resource(name)["properties"] for name in ("ftp", "scm")} == {
        "ftp": {"allow": False},
        "scm": {"allow": False},
    }
    authentication = site["functionAppConfig"]["deployment"]["storage"]["authentication"]
    assert authentication["type"] == "UserAssignedIdentity"


def test_telemetry_is_not_taken_by_key():
    """Neither the component nor its workspace accepts a key; the app authenticates with its identity."""
    monitoring = template("monitoring")
    assert monitoring.resource("insights")["properties"]["DisableLocalAuth"] is True
    assert monitoring.resource("workspace")["properties"]["features"]["disableLocalAuth"] is True
    authentication = template("function-app").variable("telemetry")[
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"
    ]
    assert authentication == "ClientId=${identityClientId};Authorization=AAD"


def test_a_secret_parameter_is_secure_and_goes_nowhere_but_the_vault():
    """The webhook's URL is a secure parameter everywhere; no setting and no output contains it."""
    holders = [bicep.path.stem for bicep in TEMPLATES if "noticeWebhookUrl" in bicep.values["parameters"]]
    assert holders == ["main", "vault"]
    for name in holders:
        parameter = template(name).values["parameters"]["noticeWebhookUrl"]
        assert any(decorator["type"] == "secure" for decorator in parameter["decorators"]), name
    for bicep in TEMPLATES:
        assert "noticeWebhookUrl" not in str(bicep.values.get("outputs", "")), bicep.path.name
    chosen = str(template("function-app").variable("chosen"))
    assert "@Microsoft.KeyVault(SecretUri=${vaultUrl}secrets/notice-webhook-url)" in chosen
    assert template("vault").resource("webhook")["name"] == "notice-webhook-url"
