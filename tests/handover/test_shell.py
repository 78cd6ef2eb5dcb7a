"""PowerShell parses the scripts, whatever values they contain."""

from __future__ import annotations

import pytest

from onboarding.cmg import operation_scripts
from onboarding.words import powershell as ps
from onboarding.words.word import Word
from tests.handover import samples
from tests.handover.test_operations import renewal
from tests.handover.test_quoting import PIECES
from tests.support.corpus import CODE_PAGES
from tests.support.powershell import shell

pytestmark = pytest.mark.skipif(shell.PWSH is None, reason=shell.WHY_NOT)

BASIC = ["".join(map(chr, range(start, 0x10000, 0x700))) for start in range(0x20, 0x7F, 7)]
"""Some characters from each part of the basic plane, including lone surrogates."""

SUPPLEMENTARY = [
    "\U0001f680" * 3,
    "a\U00020000'\U0010ffff",
    "\U0001f1e9\U0001f1ea",
    "\ud83d'\ude80",
    "'\udc00\ud800",
]

WORDS = [
    "\u0451;$global:pwn=1;#",
    "\u0412\u043e\u0441\u0442\u043e\u043a",
    "Sz\u0151ke",
    "\u8868\u793a",
    "".join(PIECES),
]
"""Includes words whose UTF-8 bytes are quotation marks or lead bytes in a code page."""


@pytest.fixture(scope="module")
def pwsh():
    """A running PowerShell."""
    with shell.running() as started:
        yield started


def scripts(word: str) -> dict[str, str]:
    """Each script, with a word in every place where a person or a directory chooses the text."""
    groups = {"groupDiscovery": {"enabled": True, "groupNames": [word, word]}}
    fields = samples.EVERYTHING | groups | {"name": word, "description": word}
    return {
        "import": samples.made(tenant_name=word, server_name=word, client_name=word, **fields),
        "removal": operation_scripts.removal(Word(word)),
        "renewal": renewal(connection_name=word, server_name=word),
    }


@pytest.mark.parametrize("constrained", [False, True], ids=["full language", "constrained language"])
def test_every_character_is_read_back(pwsh, constrained):
    """Each character is unchanged, also in surrogate pairs and alone."""
    words = [*BASIC, *SUPPLEMENTARY, *WORDS]
    assert pwsh.values(*map(ps.text, words), constrained=constrained) == words


def test_no_value_changes_what_a_script_does(pwsh):
    """In each code page, a script is parsed into the same statements as one with harmless values."""
    tame = {name: pwsh.script(script) for name, script in scripts("a-name").items()}
    for word in WORDS:
        for name, script in scripts(word).items():
            assert {script.encode().decode(page) for page in CODE_PAGES} == {script}
            assert pwsh.script(script) == tame[name], word
    assert all(found["faults"] == [] for found in tame.values())
