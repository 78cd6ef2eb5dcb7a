"""The texts in other languages: complete, with the same values, and chosen as callers request."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from string import Formatter

import pytest
from jinja2.ext import extract_from_ast

from onboarding.api import pages, tenants, unreadable
from onboarding.api.open_values import _PLANS
from onboarding.api.reader import Reader
from onboarding.api.run_documents import WaitingFor
from onboarding.api.told import Finding
from onboarding.cmg import rules
from onboarding.cmg.rules import Rule
from onboarding.connections import difference_types
from onboarding.connections.difference_types import DifferenceType
from onboarding.errors import Action, ActionKind, Actor, catalogue, cloud, policies
from onboarding.errors.catalogue import CATALOGUE
from onboarding.lifecycle.policies import Restriction
from onboarding.storage import names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Row
from onboarding.storage.unreadable_rows import UnreadableRow, load, readable
from onboarding.texts import cases, phrases, reasons
from onboarding.texts.languages import Language, texts_in
from onboarding.texts.phrases import Phrase
from onboarding.workflow.run import Head, Run, StepState, StepStatus
from tests.support.memory import MemoryTables

TRANSLATED = [language for language in Language if language is not Language.ENGLISH]
DIFFERENCE = ("detail", "impact", "remedy")

in_each = pytest.mark.parametrize("language", TRANSLATED)


def fields(text: str) -> set[str]:
    """The names of the values in a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@in_each
def test_each_error_is_written_in_each_language(language):
    """Everybody reads each error in their language, with all its values."""
    for kind in CATALOGUE.values():
        written = texts_in(language).errors.get(kind.code, {})
        english = {
            "title": kind.title,
            "detail": kind.detail,
            "remedy": kind.remedy,
            "requester": kind.remedy_for_requester,
        }
        assert set(written) == {part for part, text in english.items() if text}, kind.code
        for part, text in written.items():
            assert fields(text) == fields(english[part]), (kind.code, part)
            assert text
            assert text != english[part] or text.startswith("{"), (kind.code, part)


@in_each
def test_each_rule_and_each_difference_is_written_in_each_language(language):
    """Each check of conformance and each difference in the directory has a text with all its values."""
    declared = {
        kind.code: kind
        for kind in (*vars(rules).values(), *vars(difference_types).values())
        if isinstance(kind, Rule | DifferenceType)
    }
    written = texts_in(language).rules
    assert set(written) == set(declared)
    assert not set(written) & set(CATALOGUE)  # one namespace
    for code, texts in written.items():
        english = {part: getattr(declared[code], part, "") for part in ("expected", *DIFFERENCE)}
        assert set(texts) == {part for part, text in english.items() if text}, code
        for part, text in texts.items():
            assert fields(text) == fields(english[part]), (code, part)


@in_each
def test_each_phrase_and_each_label_is_written_in_each_language(language):
    """Parts of sentences, labels of actions and titles of steps have texts with their values."""
    texts = texts_in(language)
    known = (
        *vars(phrases).values(),
        *vars(reasons).values(),
        *vars(cases).values(),
        *reasons.DURATIONS,
        *cases.TITLES,
    )
    declared = {phrase.code: phrase.text for phrase in known if isinstance(phrase, Phrase)}
    assert set(texts.phrases) == set(declared)
    for code, text in texts.phrases.items():
        assert fields(text) == fields(declared[code]), code
    titles = {step.title for plan in _PLANS for step in plan.steps.values()}
    labels = {action.label for kind in CATALOGUE.values() for action in kind.actions}
    assert titles | labels <= set(texts.labels)
    assert all(fields(written) == fields(english) for english, written in texts.labels.items())


@in_each
def test_each_sentence_of_a_page_is_written_in_each_language(language):
    """A page for an administrator or an owner contains no sentence in another language."""
    made = pages.templates(Language.ENGLISH)
    assert made.loader is not None
    sentences = {
        message
        for name in made.list_templates(extensions=["html"])
        for _, _, message in extract_from_ast(made.parse(made.loader.get_source(made, name)[0]))
        if isinstance(message, str)
    }
    purposes = {purpose for purpose, _ in tenants.PERMISSIONS.values()}
    written = texts_in(language).labels
    assert sentences | purposes <= set(written)
    for sentence in sentences:
        assert re.findall(r"%\(\w+\)s", written[sentence]) == re.findall(r"%\(\w+\)s", sentence)


@in_each
def test_no_text_is_of_an_error_that_does_not_exist(language):
    """A translation is removed together with its error."""
    assert set(texts_in(language).errors) <= set(catalogue.CATALOGUE)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,en;q=0.5", "de"),
        ("en, de;q=0.3", "en"),
        ("fr, de;q=0.2, en;q=0.1", "de"),
        ("fr-CA", "en"),
        ("de;q=0", "en"),
        ("de;q=0.3, *;q=0.9", "en"),
        ("*;q=0.1, DE ; q=0.5", "de"),
        ("de;q=2, ;;;, e n", "en"),
    ],
)
def test_the_language_is_that_which_the_caller_prefers(accepted, language):
    """Accept-Language is read as RFC 9110 defines it. In all other cases, the response is in English."""
    assert Language.preferred(accepted) is Language(language)


def test_a_text_inside_a_text_is_in_the_same_language():
    """An error's sentence that contains another error's, or a phrase, has no English word in it."""
    doubtful = Restriction(settings={}, doubt=phrases.POLICY_OF_ITS_OWN)
    found = doubtful.finding(policies.URI_NOT_DEFAULT, default="api://x")
    document = Finding.model_validate(found)
    german = Reader(language=Language.GERMAN)
    assert document.text_for(german, "detail") == (
        "Die App-Verwaltungsrichtlinie des Mandanten (nonDefaultUriAddition) lässt keine benutzerdefinierten "
        "Anwendungs-ID-URIs zu. Die Anwendung hat möglicherweise eine eigene Richtlinie, die der Dienst "
        "nicht lesen kann."
    )
    assert "api://x" in document.text_for(german, "remedy")
    assert document.text_for(Reader(), "detail") == found.detail


def test_a_text_whose_values_are_not_stored_is_in_english():
    """An error that an earlier version stored without its values is shown as it was written."""
    stored = dataclasses.replace(cloud.UNREACHABLE.error(service="Graph", kind="X").as_finding(), args={})
    german = Reader(language=Language.GERMAN)
    assert Finding.model_validate(stored).text_for(german, "detail") == stored.detail


def test_a_code_of_the_cloud_without_a_declaration_has_the_general_text():
    """An unknown refusal is described in the reader's language, and contains the cloud's own message."""
    error = cloud.refusal("SomethingNew").error(service="Microsoft Graph", answer="400 SomethingNew")
    told = Finding.model_validate(error.as_finding())
    german = Reader(language=Language.GERMAN)
    assert told.code == "something-new"
    assert told.text_for(german, "title") == "Ein Microsoft-Dienst hat einen Aufruf abgelehnt"
    assert "400 SomethingNew" in told.text_for(german, "detail")


async def test_why_a_row_cannot_be_read_is_in_the_language_of_the_reader():
    """It has the code and the values; what an earlier version noted has only a text."""
    tables = MemoryTables()
    tables.create(names.SERVICE)
    codec = Codec(UnreadableRow)
    row = Row(table=names.CONNECTIONS, partition="p", key="k", columns={"document": "{"})
    found = await readable(tables, [row], lambda each: load(codec, each))
    (entry,) = found.unreadable
    shown = json.loads(unreadable._document(entry).as_json(Reader(language=Language.GERMAN)))
    assert shown["reason"] == "die Spalte 'document' ist kein JSON"
    assert (shown["reasonCode"], shown["reasonArgs"]["fault"]["code"]) == ("row-column", "row-no-json")
    assert codec.load(codec.dump(entry)).why == entry.why
    earlier = json.loads(unreadable._document(replace(entry, said=None)).as_json())
    assert (earlier["reason"], "reasonCode" in earlier) == ("the column 'document' is not JSON", False)


def test_a_wait_offers_nobody_what_is_reserved_for_operators():
    """A requester is shown no confirmation that only an operator can send; an operator is shown all."""
    actions = [
        Action(
            kind=ActionKind.GET_SCRIPT, label="Get the script for the site", actor=Actor.SITE_ADMINISTRATOR
        ),
        Action(
            kind=ActionKind.CONFIRM_RENEWAL,
            label="Confirm that the site has the new secret",
            actor=Actor.REQUESTER,
        ),
    ]
    waiting = StepStatus.WAITING
    step = StepState(run="r", name="confirmation", status=waiting, waiting_for="x", actions=tuple(actions))
    head = Head(id="r", plan="renewal", actor="Kim", created_at=datetime(2027, 3, 1, tzinfo=UTC))
    (wait,) = WaitingFor.all_of(Run(head=head, steps={step.name: step}))
    for reader, kinds in (
        (Reader(), ["GetScript", "ConfirmRenewal"]),
        (Reader(reserved={"confirm"}), ["GetScript"]),
        (Reader(reserved={"confirm"}, operates=True), ["GetScript", "ConfirmRenewal"]),
    ):
        assert [action["kind"] for action in json.loads(wait.as_json(reader))["actions"]] == kinds
