"""Words from outside are not text: mypy and Python refuse them except where a language is named."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from mypy import api
from pydantic import TypeAdapter

from onboarding.words import calendar, command, data, odata, spreadsheet
from onboarding.words import powershell as ps
from onboarding.words.html import inserted
from onboarding.words.line import isolated
from onboarding.words.word import EMPTY, Word
from tests.support.corpus import directory_names, words

HOSTILE = Word("x'; <b> {0} $(1)")

CARELESS = """
from onboarding.connections.records import Connection
from onboarding.words.line import isolated
def write(text: str) -> None: ...
def road(connection: Connection, prefix: str) -> None:
    write(f"{connection.name}")
    write("{}".format(connection.tenant_name))
    write("%s" % connection.server_app.name)
    write(prefix + connection.description)
    write(", ".join(owner.name for owner in connection.request.owners))
    write(connection.request.group_discovery.group_names[0])
    write(connection.request.labels["ticket"])
    write(isolated(connection.name))
"""


def test_mypy_sees_a_word_on_another_road(tmp_path):
    """Each line that writes a word unchanged is an error, and the line that uses a language is not."""
    careless = tmp_path / "careless.py"
    careless.write_text(CARELESS)
    found, _, _ = api.run([str(careless), "--no-error-summary", "--hide-error-context"])
    lines = sorted({int(line.split(":")[1]) for line in found.splitlines() if ": error:" in line})
    assert lines == list(range(6, 13)), found


@pytest.mark.parametrize(
    "road",
    [
        lambda word: f"{word}",
        lambda word: f"{word:>9}",
        lambda word: f"{word!s}",
        str,
        lambda word: "%s" % word,  # noqa: UP031 - that is the test
        "{}".format,
        lambda word: "x" + word,
        lambda word: ", ".join([word]),  # noqa: FLY002 - that is the test
        lambda word: json.dumps({"name": word}),
        lambda word: "x".replace("x", word),
        print,
    ],
)
def test_a_word_is_not_written_as_it_is(road):
    """Where mypy cannot check, for example in values of any type, Python raises."""
    with pytest.raises(TypeError):
        road(HOSTILE)


def test_each_language_reads_a_word():
    """The writers of the room accept words from outside."""
    written = [ps.text(HOSTILE), ps.comment(HOSTILE), command.bash(HOSTILE), odata.text(HOSTILE)]
    written += [isolated(HOSTILE), calendar.name(HOSTILE), data.text(HOSTILE), inserted(HOSTILE)]
    assert all(type(each) is str for each in (*written, spreadsheet.cell(HOSTILE)))


def test_a_word_is_kept():
    """In JSON, it is a string. It is unchanged after storage, copies and another process."""
    adapter = TypeAdapter(Word)
    for name in (*words(), *directory_names(), "\ud83d"):
        word = Word(name)
        assert data.text(word) == name
        assert copy.deepcopy(word) == pickle.loads(pickle.dumps(word)) == word  # noqa: S301 - our own
        if name.isprintable():
            assert adapter.dump_python(word, mode="json") == name
            assert adapter.validate_json(adapter.dump_json(word)) == word
    assert not EMPTY
    assert adapter.json_schema() == {"type": "string"}
