from __future__ import annotations

import azure.functions as func
import pytest

from onboarding.api.called_url import CalledUrl
from onboarding.api.problems import ProblemError


def called(url: str, **headers: str) -> CalledUrl:
    """The URL of a request, as the service reads it."""
    return CalledUrl.of(func.HttpRequest("GET", url, headers=headers, body=b""))


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]:7071", "cmg_1.contoso.com:443", "CMG", "a-b.cd."])
def test_a_host_stays_as_it_is(host):
    """A name or an address, with or without a port, is the origin of links."""
    url = called(f"https://{host}/api/tenants/x%2Fapi%2Fy?a=b", Host=host)
    assert (url.origin, url.base) == (f"https://{host}", "/api")
    assert (url.path, url.query) == ("/api/tenants/x%2Fapi%2Fy", "a=b")


@pytest.mark.parametrize(
    ("path", "base"), [("/api/health", "/api"), ("/API/health", "/api"), ("/cmg/api/health", "/cmg/api")]
)
def test_the_path_of_the_api_comes_from_the_call(path, base):
    """Links also lead to the API behind a gateway; the host ignores the case of a route."""
    assert called(f"https://cmg.contoso.com{path}").base == base


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://[/api/health", "["),
        ("https://a]/api/health", "a]"),
        ("https://[1.2.3.4]/api/health", "[1.2.3.4]"),
        ("https://[::1]x/api/health", "[::1]x"),
        ("https://a/b/api/health", "a/b"),
        ("https://a?b/api/health", "a?b"),
        ("https://a#b/api/health", "a#b"),
        ("https://a@b/api/health", "a@b"),
        ("https://a:b/api/health", "a:b"),
        ("https://a:/api/health", "a:"),
        ("https://a:65536/api/health", "a:65536"),
        ("https://\u2100/api/health", "\u2100"),
        ("https://\udcff/api/health", "\udcff"),
        ("https://a\n/api/health", "a\n"),
        ("https:///api/health", ""),
        ("/api/health", "a"),
        ("javascript://a/api/health", "a"),
        ("", "a"),
    ],
)
def test_what_is_no_url_is_refused(url, host):
    """What cannot be part of a link is the caller's fault, and never a failure of the service."""
    with pytest.raises(ProblemError) as caught:
        called(url, Host=host)
    assert (caught.value.status, caught.value.code) == (400, "url-invalid")
