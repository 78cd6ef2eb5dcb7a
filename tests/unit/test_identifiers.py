from __future__ import annotations

import pytest

from onboarding.cmg import identifiers

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
    assert identifiers.fault(uri, TENANT) == ""


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("https://ConfigMgrService", "not a verified domain"),
        ("HTTPS://CONFIGMGRSERVICE", "not a verified domain"),
        (f"api://{OTHER}/ConfigMgrService", "must contain the id of the tenant"),
        ("https://contoso.com", "Must have the form"),
        ("https://contoso.com/", "Must have the form"),
        ("http://contoso.com/x", "Must have the form"),
        (f"api://{TENANT}", "Must have the form"),
        (f"api://{TENANT}/", "Must have the form"),
        (f"API://{TENANT}/x", "Must have the form"),
        ("urn:contoso:x", "Must have the form"),
        ("", "Must have the form"),
        ("https://contoso.com/a b", "Must have the form"),
        ("https://contoso.com/a?b", "Must have the form"),
        ("https://contoso.com/a#b", "Must have the form"),
        ("https://user@contoso.com/a", "Must have the form"),
        ("https://contoso.com:8443/a", "Must have the form"),
        ("https://contoso..com/a", "Must have the form"),
        ("https://contoso.com/a\n", "Must have the form"),
        ("https://contoso.com/a'", "Must have the form"),
        ('https://contoso.com/"', "Must have the form"),
        ("https://contoso.com/`", "Must have the form"),
        ("https://contoso.com/\u202e", "Must have the form"),
        ("https://contoso.com/\x00", "Must have the form"),
        ("https://contoso.com/" + "x" * 236, "at most 255"),
    ],
)
def test_any_other_is_refused_with_its_reason(uri, says):
    """A URI that Entra ID or the console would refuse later is refused at once, with a reason."""
    assert says in identifiers.fault(uri, TENANT)


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
    assert identifiers.fault(uri, TENANT) == ""
