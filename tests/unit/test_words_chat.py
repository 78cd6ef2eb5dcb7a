"""Names from outside in messages: no reader finds a link, a mention or formatting in them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from onboarding.notices.message_text import digest, single
from onboarding.words.chat import quiet, unlinked
from onboarding.words.line import isolated, line
from tests.support.notices import item

HOSTILE = st.text(
    st.sampled_from("<>&\"'[](){}*_~`|\\!#@:/.-+=$^;%? ab1\u200b\u202e\u05d0\t")
    | st.characters(codec="utf-8"),
    min_size=1,
    max_size=80,
)
ATTACKS = (
    "https://a [Renew here](https://evil.example)",
    "<https://evil.example|Renew here>",
    "@everyone @here <!channel> <@U123> <users/all>",
    "[Renew](https://evil.example)",
    "![x](https://evil.example/pixel)",
    "<img src=https://evil.example>",
    "www.evil.example",
    "evil.example/renew",
    "mailto:ceo@evil.example",
    "&lt;!channel&gt; &#60;!here&#62;",
    "{{DATE(2027-01-01,SHORT)}}",
    "||spoiler|| ~~gone~~ `code` **bold** __under__ $x$",
    "# heading",
    "> quote",
    "---",
    "1. x",
    "12) x",
    "=",
    "+ x",
    "a :smile: :x:",
    ":+1:",
    "/remind me",
    "</p><script>alert(1)</script>",
    "*[x]: https://evil.example",
    "\u202egnp.exe",
)
MENTIONS = re.compile(r"[@<>|*_~`#\\$]|\[|\]|&#?\w+;|\{\{")
ADDRESS = re.compile(r":[^\s\u2060]|[^\W_]\.[^\W\d_]{2}")
DIALECTS = {
    "commonmark": MarkdownIt("commonmark"),
    "github": MarkdownIt("gfm-like", {"linkify": False}),
}


class Text(HTMLParser):
    """The elements of a document, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag with its attributes."""
        self.tags.append(f"{tag} {attrs}")

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.text += data


def attacks(check):
    """The known attacks, in addition to the generated words."""
    for attack in ATTACKS:
        check = example(attack)(check)
    return check


@attacks
@given(HOSTILE)
def test_a_word_in_chat_has_no_meaning(word):
    """No character with a meaning is left, and nothing that a service could interpret as an address."""
    shown = quiet(word)
    assert not MENTIONS.search(shown)
    assert not ADDRESS.search(shown)


@attacks
@given(HOSTILE)
def test_a_parser_finds_only_text(word):
    """Each dialect reads a word as text and nothing else, also at the beginning of a line."""
    for dialect in DIALECTS.values():
        for before in ("", "x "):
            for token in dialect.parse(f"{before}{quiet(word)}"):
                assert token.type in {"paragraph_open", "paragraph_close", "inline"}
                for child in token.children or ():
                    assert child.type in {"text", "softbreak", "text_special"}, word


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9 -]{0,40}[A-Za-z0-9]", fullmatch=True))
def test_a_usual_name_stays_as_it_is(name):
    """Letters, digits, spaces and hyphens do not change."""
    assert quiet(name) == unlinked(name) == line(name) == isolated(name) == name


@attacks
@given(HOSTILE)
def test_a_name_changes_no_form_of_a_message(name):
    """Whatever the names are, each form has the same elements, links and lines as with usual names."""
    name = f"x{name}x"
    hostile, plain = item(name=name, tenant_name=name), item(name="x", tenant_name="x")
    for named, usual in (
        (single(hostile, "id", "Not acknowledged."), single(plain, "id", "Not acknowledged.")),
        (digest([hostile], "id")[0], digest([plain], "id")[0]),
    ):
        assert Text(named.html).tags == Text(usual.html).tags
        for dialect in DIALECTS.values():
            read, expected = (Text(dialect.render(each.markdown)).tags for each in (named, usual))
            assert read == expected
        for form_name in ("text", "chat", "markdown"):
            told, expected = (getattr(each, form_name).count("\n") for each in (named, usual))
            assert told == expected
        assert "\n" not in named.subject


def test_the_own_addresses_are_links():
    """Links to the service and to Microsoft's pages work in each form."""
    message = single(item(name="https://evil.example/x"), "id")
    for own in ("https://x/l?t=a_b", "https://learn.microsoft.com/renew_secret"):
        assert own in message.text
        assert own in message.chat
        assert own in message.markdown
        assert f'<a href="{own}"' in message.html
    for form in (message.text, message.chat, message.markdown, message.html):
        assert "evil.example" not in form
        assert "https://evil" not in form


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("\u05d0\u05d1 CMG", "\u2068\u05d0\u05d1 CMG\u2069: The client secret runs out."),
        ("a\r\nBcc: x", "a Bcc: x: The client secret runs out."),
        ("a\u2028b\x1b[2J\x85c", "a b [2J c: The client secret runs out."),
        ("\u202egnp", "gnp: The client secret runs out."),
    ],
)
def test_a_subject_is_one_line(name, subject):
    """A name breaks no header, moves no cursor, and does not change the direction of what follows."""
    assert single(item(name=name), "id").subject == subject
