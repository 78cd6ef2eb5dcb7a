from __future__ import annotations

import pytest

from onboarding.cmg import identifiers
from tests.unit.wizard import said

TENANT = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
OTHER = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    "uri",
    [
        f"api://{TENANT}/ConfigMgrService",
        f"api://{TENANT.upper()}/ConfigMgrService",
        f"api://{TENANT}/{OTHER}",
        "https://contoso.com/ConfigMgrService",
        "https://contoso.onmicrosoft.com/ConfigMgrService",
        "https://cmg.europe.contoso.com/a/b-c_d~e",
        "https://contoso.com/" + "x" * (255 - len("https://contoso.com/")),
    ],
)
def test_both_forms_of_the_article_are_accepted(uri):
    """Both forms that Configuration Manager recommends are accepted unchanged."""
    assert identifiers.flaw(uri, TENANT) is None


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("https://ConfigMgrService", "not a verified domain"),
        ("HTTPS://CONFIGMGRSERVICE", "not a verified domain"),
        (f"api://{OTHER}/ConfigMgrService", "must contain the ID of the tenant"),
        ("https://contoso.com", "must have the form"),
        ("https://contoso.com/", "must have the form"),
        ("http://contoso.com/x", "must have the form"),
        (f"api://{TENANT}", "must have the form"),
        (f"api://{TENANT}/", "must have the form"),
        (f"API://{TENANT}/x", "must have the form"),
        ("urn:contoso:x", "must have the form"),
        ("", "must have the form"),
        ("https://contoso.com/a b", "must have the form"),
        ("https://contoso.com/a?b", "must have the form"),
        ("https://contoso.com/a#b", "must have the form"),
        ("https://user@contoso.com/a", "must have the form"),
        ("https://contoso.com:8443/a", "must have the form"),
        ("https://contoso..com/a", "must have the form"),
        ("https://contoso.com/a\n", "must have the form"),
        ("https://contoso.com/a'", "must have the form"),
        ('https://contoso.com/"', "must have the form"),
        ("https://contoso.com/`", "must have the form"),
        ("https://contoso.com/\u202e", "must have the form"),
        ("https://contoso.com/\x00", "must have the form"),
        ("https://contoso.com/" + "x" * 236, "up to 255"),
    ],
)
def test_any_other_is_refused_with_its_reason(uri, says):
    """A URI that Entra ID or the console would later refuse is refused at once, with a reason."""
    flaw = identifiers.flaw(uri, TENANT)
    assert flaw
    assert says in said(flaw)


@pytest.mark.parametrize(
    ("uri", "verified"),
    [
        ("https://contoso.com/x", True),
        ("https://CONTOSO.com/x", True),
        ("https://cmg.contoso.com/x", True),
        ("https://evilcontoso.com/x", False),
        ("https://contoso.com.evil.example/x", False),
        ("https://fabrikam.com/x", False),
        (f"api://{TENANT}/x", True),
    ],
)
def test_a_host_must_be_a_verified_domain_or_below_one(uri, verified):
    """Entra ID accepts only https URIs on a verified domain of the tenant, or below one."""
    assert identifiers.on_verified_domain(uri, ["Contoso.com", "contoso.onmicrosoft.com"]) is verified


def test_the_default_names_tenant_and_app():
    """The default satisfies every tenant policy, and the service's own check."""
    uri = identifiers.default(TENANT, OTHER)
    assert uri == f"api://{TENANT}/{OTHER}"
    assert identifiers.flaw(uri, TENANT) is None
