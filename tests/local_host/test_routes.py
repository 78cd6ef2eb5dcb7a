from __future__ import annotations

import pytest

from infra.local.host.errors import StartError
from infra.local.host.routes import compile_route, decode

GUID = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("onboardings", "/api/onboardings", {}),
        ("onboardings", "/API/Onboardings/", {}),
        ("onboardings", "/api/onboardings/x", None),
        ("onboardings", "/onboardings", None),
        ("onboardings/{id}", "/api/onboardings/x", {"id": "x"}),
        ("onboardings/{id}", "/api/onboardings/", None),
        ("onboardings/{id}", "/api/onboardings/x/events", None),
        ("onboardings/{id}/events", "/api/onboardings/x/EVENTS", {"id": "x"}),
        ("items/{id?}", "/api/items", {}),
        ("items/{id?}", "/api/items/5", {"id": "5"}),
        ("items/{id:guid}", f"/api/items/{GUID}", {"id": GUID}),
        ("items/{id:guid}", "/api/items/5", None),
        ("items/{id:int}", "/api/items/-5", {"id": "-5"}),
        ("items/{id:int}", "/api/items/3000000000", None),
        ("items/{id:long}", "/api/items/3000000000", {"id": "3000000000"}),
        ("items/{id:int?}", "/api/items", {}),
        ("items/{name:alpha:minlength(3)}", "/api/items/abc", {"name": "abc"}),
        ("items/{name:alpha:minlength(3)}", "/api/items/ab", None),
        ("items/{name:alpha}", "/api/items/a1", None),
        ("items/{name:length(2,3)}", "/api/items/abcd", None),
        ("items/{n:range(1,9)}", "/api/items/9", {"n": "9"}),
        ("items/{n:max(9)}", "/api/items/10", None),
        ("items/{on:bool}", "/api/items/True", {"on": "True"}),
        ("items/{when:datetime}", "/api/items/2026-11-24", {"when": "2026-11-24"}),
        ("items/{v:regex(^\\d{{4}}$)}", "/api/items/x", "refused"),
        ("items/{v:regex(^v[0-9]+$)}", "/api/items/v12", {"v": "v12"}),
        ("files/{name}.{extension}", "/api/files/a.b.txt", {"name": "a", "extension": "b.txt"}),
        ("files/{*path}", "/api/files/a/b", {"path": "a/b"}),
        ("files/{*path}", "/api/files", {}),
        ("{a}/{b}", "/api/x/y", {"a": "x", "b": "y"}),
        ("a.c", "/api/abc", None),  # a dot is a dot
    ],
)
def test_matching(template, path, values):
    """A template matches the same paths as ASP.NET routing, and no others."""
    if values == "refused":
        with pytest.raises(StartError, match="is not understood"):
            compile_route(template, "api")
        return
    assert compile_route(template, "api").match(path) == values


def test_no_prefix():
    """With an empty prefix routes begin at the root, and an empty route is the root."""
    assert compile_route("x", "").match("/x") == {}
    assert compile_route("", "").match("/") == {}


def test_precedence():
    """Of templates that match the same path, the more exact one has priority."""
    templates = ["items/newest", "items/{id:int}", "items/{id}", "items/{*rest}"]
    precedences = [compile_route(template, "api").precedence for template in templates]
    assert precedences == sorted(set(precedences))


@pytest.mark.parametrize(
    "template", ["items/{id:uuid}", "items/{id:length(a)}", "items/{id", "items/{id:min}"]
)
def test_refused_templates(template):
    """An invalid template stops the host instead of never matching."""
    with pytest.raises(StartError, match="route"):
        compile_route(template, "api")


def test_decoding():
    """Paths are percent-decoded, but an encoded slash does not separate segments."""
    assert decode("/api/a%20b/c%2Fd/%C3%A9") == "/api/a b/c%2Fd/é"
