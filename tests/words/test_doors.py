"""Each word goes through each door, and the reader of the language gets it back as text."""

from __future__ import annotations

import csv
import html
import io
import logging
import shlex
import shutil
import subprocess
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from urllib.parse import quote, unquote

import pytest
import vobject
from icalendar import Calendar
from markdown_it import MarkdownIt

from infra.local.cloud.graph.filters import Filterable, FilterReader
from onboarding.api import calendars
from onboarding.api.pages import page
from onboarding.words import command, log, odata
from onboarding.words import powershell as ps
from onboarding.words.chat import quiet
from onboarding.words.line import isolated, line
from onboarding.words.spreadsheet import sheet
from tests.support.corpus import CODE_PAGES, directory_names, words
from tests.support.notices import connection
from tests.support.powershell import lexer, shell

NOW = datetime(2027, 1, 1, tzinfo=UTC)
WORDS = words()
NAMES = [*WORDS, *directory_names()]
COMMONMARK = MarkdownIt("gfm-like", {"linkify": False})


def test_the_corpus_is_made_by_rules():
    """It is large, and contains letters that a code page reads as quotation marks."""
    assert len(WORDS) > 400
    assert len(set(NAMES)) == len(NAMES)
    misread = [word for word in WORDS if "\u2018" in word.encode().decode("cp1252", "replace")]
    assert len(misread) > 20


def test_a_script_is_the_same_in_each_code_page():
    """A literal is ASCII, so that each encoding reads the same, and it is one literal."""
    for word in NAMES:
        literal = ps.label(word)
        assert {literal.encode().decode(code_page) for code_page in CODE_PAGES} == {literal}
        assert ps.comment(word).isascii()
        assert len(ps.comment(word).splitlines()) == 1


@pytest.mark.skipif(shell.PWSH is None, reason=shell.WHY_NOT)
def test_powershell_reads_each_word_back():
    """PowerShell finds each word, and some of each kind in constrained language mode."""
    with shell.running() as pwsh:
        assert pwsh.values(*map(ps.text, WORDS)) == WORDS
        some = WORDS[::5]
        assert pwsh.values(*map(ps.text, some), constrained=True) == some


def test_a_lexer_finds_one_literal():
    """Also without PowerShell: a word is one literal with this value, and nothing beside it."""
    for word in WORDS:
        read = lexer.read(f"$name = {ps.text(word)}")
        assert [literal.value for literal in read.literals] == [word]


def test_a_spreadsheet_runs_no_cell():
    """With each separator, no cell begins like a formula."""
    content = sheet(("a", "b"), [{"a": word, "b": f"1 {word}"} for word in NAMES]).decode("utf-8-sig")
    for separator in (",", ";", "\t", "|"):
        for row in csv.reader(io.StringIO(content, newline=""), delimiter=separator):
            for cell in row:
                assert not cell.strip().startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20")), cell
    rows = list(csv.reader(io.StringIO(content, newline="")))
    assert len(rows) == len(NAMES) + 1


def test_two_calendar_readers_find_the_same_event():
    """Each event is whole, is one event, and has no markup and no address in it."""
    named = [connection(name=name, tenant_name=name) for name in NAMES]
    content = calendars.calendar([(each, "secret") for each in named], (30, 7), NOW)
    events = Calendar.from_ical(content).walk("VEVENT")
    others = list(vobject.readOne(content.decode()).vevent_list)
    assert len(events) == len(others) == len(NAMES)
    for event, other in zip(events, others, strict=True):
        assert str(event["summary"]) == other.summary.value
        assert "\n" not in other.summary.value
        assert not set("<>") & set(f"{event['summary']}{event['description']}")
        assert "://" not in str(event["description"])
        assert len(event.walk("VALARM")) == len(other.valarm_list) == 2


def test_a_calendar_line_is_never_begun_by_a_name():
    """Each line begins with a property of the format or continues the line before."""
    content = calendars.calendar([(connection(name=name), "secret") for name in NAMES], (), NOW)
    for each in content.decode().split("\r\n")[:-1]:
        assert each[0] == " " or each.split(":")[0].split(";")[0].replace("-", "").isalpha(), each


def test_markdown_finds_text():
    """A dialect of Markdown reads nothing but text."""
    for word in NAMES:
        for token in COMMONMARK.parse(f"x {quiet(word)}"):
            assert token.type in {"paragraph_open", "paragraph_close", "inline"}
            assert {child.type for child in token.children or ()} <= {"text", "softbreak", "text_special"}


def test_a_mail_has_one_subject():
    """A subject breaks no header, and a mail program reads it back."""
    for word in NAMES:
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = line(f"x {word} y")
        mail.set_content("text")
        read = BytesParser(policy=SMTP).parsebytes(bytes(mail))
        assert set(read.keys()) == set(mail.keys())
        assert read["Subject"] == mail["Subject"]


def test_a_page_shows_text():
    """A page contains no element or attribute of a word."""
    elements = _link("x").count("<")
    for name in NAMES:
        shown = _link(name)
        assert shown.count("<") == elements
        assert isolated(name) in html.unescape(shown)


def test_bash_reads_each_word_back():
    """A word is one argument of Bash."""
    written = [command.bash(word) for word in NAMES]
    script = "\n".join(f"printf '%s\\0' {each}" for each in written)
    bash = [shutil.which("bash") or "bash", "-c", script]
    read = subprocess.run(bash, capture_output=True, check=True, timeout=60)  # noqa: S603 - that is the test
    expected = [shlex.split(each)[0] for each in written]
    assert read.stdout.decode().split("\0")[:-1] == expected
    assert [word for word, each in zip(NAMES, expected, strict=True) if word == each][: len(WORDS)] == WORDS


def test_bash_and_powershell_read_a_shared_word_alike():
    """What both read contains no quotation mark; another word is refused, not written wrongly."""
    refused = 0
    for word in WORDS:
        try:
            written = command.shared(word)
        except ValueError:
            refused += 1
            continue
        assert shlex.split(written) == [word]
        if written.isascii():
            literals = [literal.value for literal in lexer.read(f"$name = {written}").literals]
            assert literals == ([word] if written != word else [])
    assert refused


def test_no_word_begins_a_line_of_the_log(caplog):
    """A message is one line without control characters, and the lines of an exception are indented."""
    log.install()
    formatter = logging.Formatter("%(levelname)s %(message)s")
    logger = logging.getLogger("tests.words")
    for name in NAMES:
        caplog.clear()
        logger.error("a step of %s failed", name, exc_info=ValueError(name))
        (record,) = caplog.records
        first, *others = formatter.format(record).split("\n")
        assert first.startswith("ERROR a step of x") or name in WORDS
        assert all(other.startswith("  ") for other in others)
        assert not any(ord(character) < 32 or ord(character) == 127 for character in first + "".join(others))


def _link(name: str) -> str:
    """The page of a link in a message."""
    about = connection(name=name, tenant_name=name)
    shown = page("link.html", action="Snooze", connection=about, expiration="x", effect="x")
    return shown.response().get_body().decode()


def test_a_filter_of_graph_finds_exactly_the_name():
    """A quotation mark in a name ends no string, and no name adds a condition or a parameter."""
    filterable = Filterable(resource="application", properties=frozenset({"displayName"}))
    for word in WORDS:
        written = quote(f"displayName eq {odata.text(word)}", safe="")
        assert not set("&#+ ?") & set(written)
        found = FilterReader(unquote(written), filterable, advanced=False).read().test
        assert found({"displayName": word})
        assert not found({"displayName": f"{word}x"})
