from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given, settings
from hypothesis import strategies as st

from onboarding.cmg.fields import plain
from onboarding.words import powershell as ps
from tests.handover import samples
from tests.support.powershell import grammar, lexer

PIECES = [
    *lexer.QUOTES,
    *'"\u201c\u201d\u201e`$#;|&{}()[]@%<>\\,.-\u2013\u2014',
    "''",
    "#>",
    "<#",
    "@'",
    "'@",
    '@"',
    '"@',
    "$(Remove-Item /)",
    "${env:PATH}",
    "`n",
    "--%",
    "' ; exit #",
    "\u2019; exit #",
    "O\u2019Brien",
    "\U0001f680",
    "e\u0301",
    "\u65e5\u672c",
    " ",
    "x",
]
"""Values that break out of careless quotes."""


def _fits(text: str) -> bool:
    try:
        return bool(plain(text))
    except ValueError:
        return False


HOSTILE = (
    (st.lists(st.sampled_from(PIECES), min_size=1, max_size=60).map("".join) | st.text(min_size=1))
    .map(lambda text: text.strip()[:256].strip())
    .filter(_fits)
)


@settings(max_examples=40)
@given(name=HOSTILE, description=HOSTILE, tenant=HOSTILE, server=HOSTILE, client=HOSTILE, group=HOSTILE)
@example(name="'" * 256, description="\u2019", tenant="\u2018", server="\u201b", client="\u201a", group="'")
@example(name="' ; exit #>", description="'@", tenant="@'", server="$(x)", client="`'", group="\u2019)#")
def test_nothing_breaks_out_of_its_quotes(*, name, description, tenant, server, client, group):
    """Each value is passed on unchanged, and no other part of the script depends on it."""
    given_values = dict(
        zip(
            ("a-name", "a-description", "a-tenant", "a-server", "a-client", "a-group"),
            (name, description, tenant, server, client, group),
            strict=True,
        )
    )

    def script(values: dict[str, str]) -> str:
        return samples.made(
            **samples.EVERYTHING
            | {
                "name": values["a-name"],
                "description": values["a-description"],
                "groupDiscovery": {"enabled": True, "groupNames": ["g", values["a-group"]]},
            },
            tenant_name=values["a-tenant"],
            server_name=values["a-server"],
            client_name=values["a-client"],
        )

    hostile, tame = script(given_values), script({each: each for each in given_values})
    found, expected = lexer.read(hostile), lexer.read(tame)
    assert found.code == expected.code
    assert [each.value for each in found.literals] == [
        given_values.get(each.value, each.value) for each in expected.literals
    ]
    stand_in = re.compile("|".join(given_values))
    assert list(found.comments) == [
        stand_in.sub(lambda match: ps.comment(given_values[match[0]]), each) for each in expected.comments
    ]
    assert grammar.read(hostile).faults == []


def test_a_reader_sees_the_name_of_the_connection():
    """The comment keeps ASCII characters, and shows other characters as numbers."""
    script = samples.made(name="Sz\u0151ke \U0001f680")
    assert "for the connection Sz\\u{151}ke \\u{1f680}" in script.splitlines()[1]


@given(
    st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2099, 1, 1)),  # noqa: DTZ001 - zones follow
    st.integers(-14 * 60, 14 * 60),
)
def test_a_date_is_the_same_in_every_culture(moment, minutes):
    """The expiration of the secret is parsed as UTC with the invariant culture, whatever the language."""
    end = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    value = grammar.read(samples.made(ends_at=end)).variables["$secretEnd"]
    stamp = end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert value.type == "DateTime"
    assert value.text == (
        f"[datetime]::ParseExact('{stamp}', 'yyyy-MM-ddTHH:mm:ssZ', "
        "[cultureinfo]::InvariantCulture, 'AdjustToUniversal, AssumeUniversal')"
    )
