"""Each word goes through each door, and a reader of the language gets it back as text."""

from __future__ import annotations

import ast
import csv
import html
import io
import json
import logging
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
import vobject
from cloudevents.core.bindings.http import to_structured_event
from icalendar import Calendar
from markdown_it import MarkdownIt

import onboarding
from infra.local.cloud.graph.filters import Filterable, FilterReader
from onboarding.api import calendars
from onboarding.api.endpoint import Reply
from onboarding.api.pages import page
from onboarding.lifecycle.consent_apps import ConsentApp
from onboarding.notices.channels.webhook import event as event_of
from onboarding.notices.message_text import single
from onboarding.words import command, log, odata
from onboarding.words import powershell as ps
from onboarding.words.chat import quiet
from onboarding.words.line import isolated, line
from onboarding.words.spreadsheet import sheet
from onboarding.words.word import Word
from tests.support.corpus import CODE_PAGES, directory_names, words
from tests.support.notices import connection, item
from tests.support.powershell import lexer, shell

NOW = datetime(2027, 1, 1, tzinfo=UTC)
WORDS = words()
NAMES = [*WORDS, *directory_names()]
COMMONMARK = MarkdownIt("gfm-like", {"linkify": False})


def test_the_corpus_is_made_by_rules():
    """It is large and contains letters that a code page reads as quotation marks."""
    assert len(WORDS) > 400
    assert len(set(NAMES)) == len(NAMES)
    misread = [word for word in WORDS if "\u2018" in word.encode().decode("cp1252", "replace")]
    assert len(misread) > 20


def test_a_script_is_the_same_in_each_code_page():
    """A literal is ASCII, so each encoding reads the same literal, and only one."""
    for word in NAMES:
        literal = ps.label(word)
        assert {literal.encode().decode(code_page) for code_page in CODE_PAGES} == {literal}
        assert ps.comment(word).isascii()
        assert len(ps.comment(word).splitlines()) == 1


@pytest.mark.skipif(shell.PWSH is None, reason=shell.WHY_NOT)
def test_powershell_reads_each_word_back():
    """PowerShell reads each word, and some of each kind in constrained language mode."""
    with shell.running() as pwsh:
        assert pwsh.values(*map(ps.text, WORDS)) == WORDS
        some = WORDS[::5]
        assert pwsh.values(*map(ps.text, some), constrained=True) == some


def test_a_lexer_finds_one_literal():
    """Without PowerShell, too: a word is one literal with this value, and nothing else."""
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
    """Each event is complete, is one event, and contains no markup and no address."""
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
    """Each line starts with a property of the format or continues the previous line."""
    content = calendars.calendar([(connection(name=name), "secret") for name in NAMES], (), NOW)
    for each in content.decode().split("\r\n")[:-1]:
        assert each[0] == " " or each.split(":")[0].split(";")[0].replace("-", "").isalpha(), each


def test_markdown_finds_text():
    """A Markdown dialect reads nothing but text."""
    for word in NAMES:
        for token in COMMONMARK.parse(quiet(word)):
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
    """A page contains no element or attribute that comes from a word."""
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
    """A word that both read contains no quotation mark; any other is refused instead of written wrongly."""
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
        logger.error("a step of %s failed", Word(name), exc_info=ValueError(name))
        (record,) = caplog.records
        first, *others = formatter.format(record).split("\n")
        assert first.startswith("ERROR a step of x") or name in WORDS
        assert all(other.startswith("  ") for other in others)
        assert not any(ord(character) < 32 or ord(character) == 127 for character in first + "".join(others))
    logger.error("a step of %(name)s failed", {"name": Word("x\ny")})
    assert caplog.records[-1].getMessage() == r"a step of x\u000ay failed"


def _link(name: str) -> str:
    """The page of a link in a message."""
    about = connection(name=name, tenant_name=name)
    return _html(page("link.html", action="Snooze", connection=about, expiration="x", effect="x"))


def _html(written: Reply) -> str:
    """A page as a browser gets it."""
    return written.response().get_body().decode()


def test_a_filter_of_graph_finds_exactly_the_name():
    """A quotation mark in a name ends no string, and no name adds a condition or a parameter."""
    filterable = Filterable(resource="application", properties=frozenset({"displayName"}))
    for word in WORDS:
        written = quote(f"displayName eq {odata.text(word)}", safe="")
        assert not set("&#+ ?") & set(written)
        found = FilterReader(unquote(written), filterable, advanced=False).read().test
        assert found({"displayName": word})
        assert not found({"displayName": f"{word}x"})


def test_each_page_shows_text():
    """The other pages, which also show words in cells of tables and in sentences."""
    plain = _pages("x")
    for name in NAMES[::8]:
        for shown, usual in zip(_pages(name), plain, strict=True):
            assert shown.count("<") == usual.count("<")
            assert isolated(name) in html.unescape(shown)


def test_a_mail_shows_text():
    """The forms of a mail contain no markup from a word, and no address that a mail program opens."""
    usual = single(item(), "id")
    addresses = ("https://evil.example/x", "www.evil.example", "www.evil\u3002example", r"\\evil.example\x")
    for name in (*NAMES[::8], *addresses):
        mail = single(item(name=name, tenant_name=name), "id")
        assert mail.html.count("<") == usual.html.count("<")
        assert mail.html.count("href=") == usual.html.count("href=")
        for form in (mail.html, mail.text):
            assert "://evil" not in form
            assert "www.evil" not in form
            assert not re.search(r"evil[.\u3002]example|\\\\evil", form)


def test_an_event_has_each_word():
    """The body of a webhook is JSON, which has each name unchanged."""
    for name in NAMES[::8]:
        about = item(name=name)
        sent = to_structured_event(event_of(about.notice, about.connection)).body
        assert json.loads(sent)["data"]["connection"]["name"] == name


def test_the_name_of_a_file_has_no_word():
    """A download is named after the ID of its subject."""
    names = 0
    for path in (Path(onboarding.__file__).parent / "api").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {"download", "script"}:
                parts = [
                    each.value for each in ast.walk(call.args[-1]) if isinstance(each, ast.FormattedValue)
                ]
                assert all(isinstance(part, ast.Attribute) and part.attr == "id" for part in parts), path
                names += 1
    assert names > 5


def _pages(name: str) -> list[str]:
    """The pages after a link, and of a consent."""
    app = ConsentApp(name=Word(name), app_id="a", url="https://login/x", permissions=())
    consent: dict[str, Any] = {"name": Word(name), "tenant_name": Word(name), "tenant": "t", "apps": (app,)}
    done = page(
        "link-done.html", result="Confirmed", expiration=f"The site of '{isolated(name)}' is connected"
    )
    asked = page("consent.html", granted=False, confirms=True, checked_at=NOW, again=0, **consent)
    return [_html(done), _html(asked)]
