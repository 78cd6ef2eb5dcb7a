from __future__ import annotations

import pytest

from onboarding.cmg import operation_scripts
from onboarding.cmg.operation_scripts import RenewalValues
from onboarding.cmg.wizard import AzureEnvironment
from onboarding.words.word import Word
from tests.handover import samples
from tests.handover.calls import faults
from tests.support.powershell import grammar, lexer
from tests.support.powershell.cmdlets import CMDLETS, OTHERS

HOSTILE = "O\u2019Brien' ; exit # $(Remove-Item /) `n"


def renewal(
    *, connection_name: str = "Contoso CMG", server_name: str = "CMG-ServerApp", government: bool = False
) -> str:
    """The script of a renewal."""
    environment = AzureEnvironment.US_GOVERNMENT if government else AzureEnvironment.PUBLIC
    return operation_scripts.renewal(
        RenewalValues(
            connection_name=Word(connection_name),
            server_name=Word(server_name),
            server_app_id=samples.SERVER,
            secret=samples.secret(environment),
            secret_ends_at=samples.END,
        )
    )


SCRIPTS = {
    "removal": operation_scripts.removal(Word("Contoso CMG")),
    "hostile removal": operation_scripts.removal(Word(HOSTILE)),
    "renewal": renewal(),
    "renewal in US Government": renewal(government=True),
    "hostile renewal": renewal(connection_name=HOSTILE, server_name=HOSTILE),
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=list(SCRIPTS))
def test_they_are_powershell_that_calls_documented_cmdlets(text):
    """A PowerShell grammar parses the scripts; each call is documented; -WhatIf prevents all writes."""
    script = grammar.read(text)
    assert script.faults == []
    assert {each.name for each in script.commands} <= {*CMDLETS, *OTHERS}
    for found in script.commands:
        if found.name in CMDLETS:
            assert faults(found, CMDLETS[found.name]) == [], found.name
            assert found.inside_should_process or not CMDLETS[found.name].writes
    assert "[CmdletBinding(SupportsShouldProcess = $true)]" in text


def test_the_script_finds_the_service_before_it_removes_it():
    """A second run changes nothing; the script uses the full name of the service."""
    calls = [each.name for each in grammar.read(operation_scripts.removal(Word("Contoso CMG"))).commands]
    assert calls.index("Get-CMAzureService") < calls.index("Remove-CMAzureService")
    assert "$name = 'Contoso CMG'" in operation_scripts.removal(Word("Contoso CMG"))


def test_a_new_secret_goes_to_the_clipboard_and_nowhere_else():
    """The script reads the exact version from the vault, and passes it to no file, output or other call."""
    calls = {each.name: each for each in grammar.read(renewal()).commands}
    assert calls["Get-AzKeyVaultSecret"].inside_should_process
    assert calls["Set-Clipboard"].parameters["Value"].text == "$credential.Password"
    others = [each for name, each in calls.items() if name != "Set-Clipboard"]
    assert "$credential" not in str([each.parameters for each in others])
    assert "Renew Secret Key" in renewal()


@pytest.mark.parametrize("of", [operation_scripts.removal, lambda name: renewal(server_name=name)])
def test_no_name_breaks_out_of_its_quotes(of):
    """A name with quotes and code is passed on unchanged and changes nothing else."""
    hostile, tame = lexer.read(of(HOSTILE)), lexer.read(of("a-name"))
    assert hostile.code == tame.code
    assert [each.value for each in hostile.literals] == [
        each.value.replace("a-name", HOSTILE) for each in tame.literals
    ]
