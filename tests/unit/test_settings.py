from __future__ import annotations

import os

import pytest
from pydantic import ValidationError

from onboarding.settings import Settings

TENANT = "8b1f6c70-2d94-4e3a-a5c1-6f7e0d9b3a21"
LEAST = {
    "ONBOARDING_STORAGE": "UseDevelopmentStorage=true",
    "HOME_TENANT_ID": "t",
    "KEY_VAULT_URL": "https://v",
    "API_AUDIENCE": "api://a",
}


@pytest.fixture
def read(monkeypatch):
    """Read settings from an environment that contains nothing else."""

    def read(**values: str) -> Settings:
        for name in list(os.environ):
            monkeypatch.delenv(name)
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        nothing: dict[str, object] = {}
        return Settings(**nothing)  # type: ignore[arg-type]

    return read


def test_defaults_are_the_public_cloud_and_seven_warnings(read):
    """A setting that a deployment does not set has a useful default."""
    settings = read(**LEAST)
    assert settings.azure_environment == "AzurePublicCloud"
    assert settings.expiry_thresholds == (90, 60, 30, 14, 7, 1, 0)
    assert settings.notice_webhook_url is None


def test_lists_are_written_with_commas(read):
    """An app setting is text; its lists can contain spaces, and thresholds can have any order."""
    settings = read(**LEAST | {"API_AUDIENCE": "api://a, b", "EXPIRY_THRESHOLDS": "7, 30,7,0"})
    assert settings.api_audience == ("api://a", "b")
    assert settings.expiry_thresholds == (30, 7, 0)


def test_the_home_tenant_may_be_named_among_the_served(read):
    """The home tenant is always served, so naming it changes nothing; IDs are not case-sensitive."""
    settings = read(**LEAST | {"HOME_TENANT_ID": TENANT, "SERVED_TENANTS": TENANT.upper()})
    assert [str(tenant) for tenant in settings.served_tenants] == [TENANT]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"HOME_TENANT_ID": ""}, "HOME_TENANT_ID"),
        ({"ONBOARDING_STORAGE": ""}, "ONBOARDING_STORAGE__tableServiceUri"),
        ({"EXPIRY_THRESHOLDS": "30,-1"}, "EXPIRY_THRESHOLDS"),
        ({"EXPIRY_THRESHOLDS": "soon"}, "EXPIRY_THRESHOLDS"),
        ({"API_AUDIENCE": " , "}, "API_AUDIENCE"),
        ({"NOTICE_WEBHOOK_URL": "mailto:x"}, "NOTICE_WEBHOOK_URL"),
        ({"NOTICE_WEBHOOK_URL": "http://hooks.contoso.com/x"}, "NOTICE_WEBHOOK_URL"),
        ({"NOTICE_WEBHOOK_URL": "http://127.0.0.1.contoso.com/x"}, "NOTICE_WEBHOOK_URL"),
        ({"SERVED_TENANTS": "fabrikam.com", "MULTITENANT_CLIENT_ID": "c"}, "SERVED_TENANTS"),
        ({"SERVED_TENANTS": TENANT}, "MULTITENANT_CLIENT_ID"),
        ({"NOTICE_MAIL_DOMAINS": "contoso.com, @fabrikam.com"}, "NOTICE_MAIL_DOMAINS"),
        ({"NOTICE_MAIL_DOMAINS": "*.contoso.com"}, "NOTICE_MAIL_DOMAINS"),
    ],
)
def test_a_wrong_setting_is_named(read, changes, names):
    """The error for a wrong setting contains its name."""
    with pytest.raises(ValidationError) as caught:
        read(**LEAST | changes)
    assert names in str(caught.value)


def test_the_webhook_address_is_not_shown(read):
    """The address of a webhook can contain a token; neither the settings nor their errors show it."""
    assert "hunter2" not in repr(read(**LEAST | {"NOTICE_WEBHOOK_URL": "https://contoso.com/hunter2"}))
    with pytest.raises(ValidationError) as caught:
        read(**LEAST | {"NOTICE_WEBHOOK_URL": "http://contoso.com/hunter2"})
    assert "hunter2" not in str(caught.value)


def test_the_storage_key_is_not_shown(read):
    """A connection string contains a key; neither the settings nor their errors show it."""
    assert "hunter2" not in repr(read(**LEAST | {"ONBOARDING_STORAGE": "AccountKey=hunter2"}))
    with pytest.raises(ValidationError) as caught:
        read(**LEAST | {"ONBOARDING_STORAGE": "AccountKey=hunter2", "HOME_TENANT_ID": ""})
    assert "hunter2" not in str(caught.value)
