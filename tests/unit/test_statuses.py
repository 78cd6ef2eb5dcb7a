"""The names of HTTP statuses in the description of the API."""

from __future__ import annotations

import pytest

from onboarding.api.openapi import phrase

NAMES = """
200 OK, 201 Created, 202 Accepted, 204 No Content, 400 Bad Request, 401 Unauthorized, 403 Forbidden,
404 Not Found, 405 Method Not Allowed, 406 Not Acceptable, 409 Conflict, 410 Gone, 412 Precondition Failed,
413 Content Too Large, 414 URI Too Long, 415 Unsupported Media Type, 416 Range Not Satisfiable,
422 Unprocessable Content, 500 Internal Server Error, 502 Bad Gateway, 503 Service Unavailable
"""
"""As in RFC 9110: https://www.rfc-editor.org/rfc/rfc9110#section-15."""


@pytest.mark.parametrize("named", [name.strip() for name in NAMES.split(",")])
def test_a_status_has_its_name_from_the_standard(named):
    """The description of the API is the same with every Python version."""
    status, name = named.split(" ", 1)
    assert phrase(int(status)) == name
