"""Values that others have chosen, in a German sentence: they stay values, as in English."""

from __future__ import annotations

import json
from string import Formatter
from typing import Any

import pytest
from markupsafe import Markup

from onboarding.api import pages
from onboarding.errors.catalogue import CATALOGUE
from onboarding.texts import phrases, templates
from onboarding.texts.languages import Language, texts_in
from onboarding.texts.phrases import Phrase
from onboarding.words.line import isolated
from onboarding.words.word import Word
from tests.support.corpus import directory_names, words

HOSTILE = [
    "{x}",
    "{0}",
    "{name!r:>9}",
    "{name.__class__}",
    "{{",
    "}}",
    "%s",
    "%(name)s",
    "<b>&amp;",
    "[a](https://x)",
]
VALUES = [*HOSTILE, *words(), *directory_names()]
GERMAN = texts_in(Language.GERMAN)


def marked(template: str, value: str) -> str:
    """A sentence with a value in each field that is not a date, without any formatting."""
    return "".join(
        literal + (f"{' ' * (form == ' ')}{value}" if field is not None else "")
        for literal, field, form, _ in Formatter().parse(template)
    )


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_value_in_an_error_stays_a_value(language):
    """No brace, percent sign, line end or markup in a value is interpreted in any text of any error."""
    for kind in CATALOGUE.values():
        for part in ("detail", "remedy"):
            english = getattr(kind, part)
            template = english if language == "en" else GERMAN.errors.get(kind.code, {}).get(part, "")
            if not template or ":%" in template:
                continue
            for value in HOSTILE:
                args: dict[str, Any] = templates.as_json(
                    dict.fromkeys(templates.fields(english), Word(value))
                )
                said = (
                    templates.fill(template, args) if language == "en" else GERMAN.of(kind.code, part, args)
                )
                assert said == marked(template, isolated(value)), (kind.code, part)


def test_a_phrase_has_each_word_in_german():
    """Also after it was stored as JSON, and as part of another sentence."""
    for value in VALUES:
        stored = json.loads(json.dumps(phrases.WAITS_FOR_SITE.of(name=Word(value)).as_json()))
        said = GERMAN.said(stored)
        assert said == marked(GERMAN.phrases["waits-for-site"], isolated(value))
        assert len(said.splitlines()) == 1
        around = {"code": "ask-operator", "text": "x", "args": {"code": stored}}
        assert said in GERMAN.said(around)


@pytest.mark.parametrize("language", list(Language))
def test_a_sentence_of_a_page_has_each_word(language):
    """A German page inserts a name as an English page does: as text."""
    environment = pages.templates(language)
    source = "{% trans name=name|written %}The site of '{{ name }}' is connected{% endtrans %}"
    sentence = environment.from_string(source)
    for value in VALUES:
        shown = sentence.render(name=Word(value))
        assert "<" not in shown
        assert str(Markup.escape(environment.filters["written"](Word(value)))) in shown


def test_every_phrase_can_be_said_with_any_word():
    """A phrase with a date needs a date; all others accept any text."""
    for phrase in vars(phrases).values():
        if isinstance(phrase, Phrase) and ":%" not in phrase.text:
            for value in HOSTILE:
                said = phrase.of(**dict.fromkeys(templates.fields(phrase.text), Word(value)))
                assert GERMAN.said(said.as_json()) == marked(GERMAN.phrases[phrase.code], isolated(value))
