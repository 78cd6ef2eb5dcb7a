"""Declared errors: complete, in plain language, and used with the values that their texts need."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import onboarding
from onboarding.errors import Actor, ErrorType, Finding, Severity, TransientError, cloud, login
from onboarding.errors.catalogue import CATALOGUE, MODULES
from onboarding.workflow.outcomes import Failure

_SENTENCES = re.compile(r"[A-Z'{].*[.}]")
_NOT_SAID = re.compile(
    r"for good|under way|can't|not any more|whoever|somebody|nobody|of one's own|verdict|deviation|"
    r"dead letter|\bclocks?\b|\blook\b|meanwhile|\bgives?\b|\btells?\b|\bstands\b",
    re.IGNORECASE,
)
_RESERVED = {"request_id", "findings", "retry_after", "pointer", "actor"}
_LONGEST = 25  # words in a sentence

declared = pytest.mark.parametrize("kind", CATALOGUE.values(), ids=list(CATALOGUE))


def test_each_code_is_declared_once():
    """A code has one meaning wherever it occurs."""
    codes = [kind.code for module in MODULES for kind in vars(module).values() if isinstance(kind, ErrorType)]
    assert sorted(codes) == sorted(CATALOGUE)


@declared
def test_an_error_is_declared_completely(kind):
    """Each error describes the problem and, if something has to be changed, the remedy."""
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)
    assert kind.title
    assert not kind.title.endswith(".")
    assert "{" not in kind.title
    assert kind.status or kind.severity or kind.failure
    assert kind.detail
    assert kind.remedy
    if kind.documentation:
        assert kind.documentation.startswith("https://")
    assert not kind.pointers or kind.severity
    assert not kind.fields & _RESERVED


@declared
def test_an_error_is_said_in_plain_language(kind):
    """The texts are short sentences without the words that the style guide excludes."""
    for text in filter(None, (kind.detail, kind.remedy)):
        assert _SENTENCES.fullmatch(text), text
        assert max(len(sentence.split()) for sentence in re.split(r"[.;:] ", text)) <= _LONGEST, text
    for text in (kind.title, kind.detail, kind.remedy):
        assert not _NOT_SAID.search(text), text


@declared
def test_an_error_needs_exactly_the_values_of_its_texts(kind):
    """A missing value, or a value that no text shows, is an error in the calling code."""
    given = {name: 1 for name in kind.fields if not re.search(rf"\{{{name}[:!.]", kind.detail + kind.remedy)}
    with pytest.raises(TypeError):
        kind.texts({**given, "superfluous": 1})
    if kind.fields:
        with pytest.raises(TypeError):
            kind.texts({})
    if len(given) == len(kind.fields):
        assert "{" not in kind.texts(given).detail.replace("{string}", "").replace("{verifiedDomain}", "")


def test_an_occurrence_has_the_texts_and_the_values():
    """The texts are filled in, and their values are kept for a text in another language."""
    kind = ErrorType(
        code="too-blue",
        title="It is too blue",
        detail="The {thing} is blue.",
        remedy="Paint it {colour}.",
        documentation="https://colours.example",
        severity=Severity.WARNING,
        pointers=("/thing",),
        failure=TransientError,
    )
    finding = kind.finding(thing="door", colour="red")
    assert finding == Finding(
        code="too-blue",
        title="It is too blue",
        severity=Severity.WARNING,
        detail="The door is blue.",
        remedy="Paint it red.",
        pointer="/thing",
        documentation="https://colours.example",
    )
    assert finding.args == {"thing": "door", "colour": "red"}
    error = kind.error(thing="door", colour="red", retry_after=3, request_id="7", findings=(finding,))
    assert isinstance(error, TransientError)
    assert error.retry_after == 3
    assert Failure.of(error) == Failure(
        code="too-blue",
        title="It is too blue",
        detail="The door is blue.",
        remedy="Paint it red.",
        documentation="https://colours.example",
        request_id="7",
        findings=(finding,),
    )


def test_an_error_occurs_only_where_it_is_declared_to():
    """An error can be a finding or a failure only if it is declared as one."""
    answer = ErrorType(code="gone", title="It is gone", detail="It is gone.")
    with pytest.raises(TypeError):
        answer.finding()
    with pytest.raises(TypeError):
        answer.error()


_PACKAGE = Path(onboarding.__file__).parent
_MADE = {"Finding", "OnboardingError", "PermanentError", "TransientError", "ReplicationLagError"}


def _others() -> Iterator[Path]:
    """The modules outside the catalogue."""
    return (file for file in sorted(_PACKAGE.rglob("*.py")) if file.parent.name != "errors")


def test_an_error_is_made_only_by_its_declaration():
    """The texts of an error are written only in its declaration."""
    for file in _others():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=name)) if name in _MADE:
                    pytest.fail(f"{file.name}:{node.lineno} makes a {name} without a declaration")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_each_declared_error_occurs(module):
    """The service reports each declared error somewhere; refusals are found by their code."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in _others())
    for name, kind in vars(module).items():
        if not isinstance(kind, ErrorType) or kind in login.FINAL.values():
            continue
        if not any(cloud.refusal(kind.code, vault=vault) is kind for vault in (True, False)):
            used = re.search(rf'\b{name}\b|"{kind.code}"', text)  # rules and models contain the code
            assert used or kind is cloud.REFUSED_BY_CLOUD, name


def _calls() -> Iterator[tuple[str, ErrorType, str, set[str]]]:
    """The occurrences in the code: location, declaration, what it becomes, and the names of the values."""
    constants = {
        f"{module.__name__.rpartition('.')[2]}.{name}": kind
        for module in MODULES
        for name, kind in vars(module).items()
        if isinstance(kind, ErrorType)
    }
    for file in sorted(_PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=receiver, attr="finding" | "error" as name)):
                    use, kind = str(name), constants.get(ast.unparse(receiver))
                case ast.Call(func=ast.Name(id="ProblemError"), args=[receiver, *_]):
                    use, kind = "answer", constants.get(ast.unparse(receiver))
                case (
                    ast.Call(func=ast.Name(id="fault"), args=[ast.Constant(value=code), *_])
                    | ast.Call(func=ast.Name(id="Form"), args=[_, ast.Constant(value=code)])
                ):
                    use, kind = "finding", CATALOGUE[str(code)]
                case _:
                    continue
            names = {keyword.arg for keyword in node.keywords}
            if kind and None not in names:
                yield f"{file.name}:{node.lineno}", kind, use, {str(name) for name in names}


def test_each_occurrence_has_the_values_that_its_texts_need():
    """Reporting an error never fails: each call in the code passes the values that the declaration needs."""
    seen = 0
    for place, kind, use, names in _calls():
        seen += 1
        assert names - _RESERVED - {"headers", "errors"} == kind.fields, place
        needed = {"finding": kind.severity, "error": kind.failure, "answer": kind.status}
        assert needed[use], place
    assert seen


_FOR_OPERATORS = re.compile(r"\b[A-Z]+(_[A-Z]+)+\b|/api/|\bdocs/|\b(GET|POST|PUT|PATCH|DELETE) /")
_COMMAND = re.compile(r"\baz [a-z]")
_ADMINISTRATORS = {Actor.TENANT_ADMINISTRATOR, Actor.SUBSCRIPTION_OWNER}


@declared
def test_a_remedy_is_worded_for_the_one_who_must_act(kind):
    """Only an operator reads about settings and paths of the API, and no requester about commands."""
    read = [kind.title, kind.detail, kind.remedy_for_requester]
    if kind.actor is not Actor.OPERATOR:
        read.append(kind.remedy)
        assert kind.actor in _ADMINISTRATORS or not _COMMAND.search(kind.remedy)
        assert not kind.remedy_for_requester
    for text in read:
        assert not _FOR_OPERATORS.search(text), text


@declared
def test_an_action_can_be_followed(kind):
    """An action has a label and one address: a page, or a call of the API with its method."""
    for action in kind.actions:
        assert action.label
        assert bool(action.url) != bool(action.path)
        assert bool(action.path) == bool(action.method)


_PROSE = re.compile(r"[A-Za-z]{2} [a-z]|^[A-Z][a-z]+ |[a-z] $|^ [a-z]")
"""A literal that contains words of a sentence."""


def _of_values(node: ast.expr) -> Iterator[str]:
    """The literals that a value consists of, without those of a phrase inside it."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def test_no_value_of_a_text_is_english_prose():
    """A part of a sentence is a phrase with a code: a text in another language has no English in it."""
    for file in _others():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="finding" | "error" | "difference")):
                    values = node.keywords
                case ast.Call(func=ast.Name(id="ProblemError" | "Kept")):
                    values = node.keywords
                case _:
                    continue
            for value in values:
                prose = [text for text in _of_values(value.value) if _PROSE.search(text)]
                assert not prose, (f"{file.name}:{node.lineno}", value.arg, prose)
