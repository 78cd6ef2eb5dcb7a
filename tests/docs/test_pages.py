"""The pages and the files beside the code are in order."""

from __future__ import annotations

import os
import re

from tests.support.pages import files, page, pages
from tests.support.sources import ROOT

_ABSOLUTE = re.compile(r"(?<![\w.:/<>{}$*-])/(?:work|root|tmp|home|Users)/\w*")
_ARCHIVE = re.compile(r"https?://\S+\.(?:whl|tgz|tar\.gz|zip)\b")


def test_links_lead_somewhere():
    """A link to a file or a heading of the project finds it."""
    broken = [
        f"{each.name}: {link}" for each in pages() for link in each.links() if not _found(each.name, link)
    ]
    assert broken == []


def _found(name: str, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return True
    target, _, fragment = link.partition("#")
    path = (ROOT / name).parent / target if target else ROOT / name
    if not path.exists():
        return False
    return not fragment or fragment in page(str(path.resolve().relative_to(ROOT))).anchors()


def test_files_named_in_the_text_exist():
    """A path in code style on a page exists in the project."""
    paths = re.compile(r"`((?:onboarding|infra|tests|docs)/[\w./-]+)`")
    named = [(each.name, path) for each in pages() for path in paths.findall(each.prose())]
    assert [f"{name}: {path}" for name, path in named if not (ROOT / path).exists()] == []


def test_tests_named_in_the_threat_model_exist():
    """Each defense of the threat model has a test."""
    named = set(re.findall(r"`(test_\w+)`", page("docs/security.md").text))
    assert len(named) > 20
    texts = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in sorted(named) if f"def {name}(" not in texts] == []


def test_targets_of_make_exist():
    """Each make command in a page is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {target for each in pages() for target in re.findall(r"(?:`|\$ |\d )make ([a-z]+)", each.text)}
    assert {"run", "test", "check", "lock"} <= named <= targets


def test_pages_name_no_place_of_one_machine():
    """No page contains a path that exists only on its author's machine."""
    assert [f"{each.name}: {found}" for each in pages() for found in _ABSOLUTE.findall(each.text)] == []


def test_pins_name_no_download_address():
    """Pins give versions and no addresses: everybody uses the registry that their tools are set up for."""
    locks = [*ROOT.glob("requirements*"), *files("package-lock.json"), *files("pyproject.toml")]
    assert len(locks) > 4
    for file in locks:
        text = file.read_text(encoding="utf-8")
        assert not _ARCHIVE.search(text), file
        assert "index-url" not in text, file


def test_the_checks_do_what_a_newcomer_does():
    """The checks of a change are the README's own commands, in an executable file."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = script.read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in lines
    assert {"make test", "make check"} <= set(lines)
    assert "$ make test" in page("README.md").text


def test_checks_before_a_commit_need_no_network():
    """The pre-commit hooks are the project's own tools; nothing is downloaded."""
    config = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"repo: (\S+)", config) == ["local"]
    entries = re.findall(r"entry: (\S+)", config)
    assert entries
    assert all(entry.startswith(".venv/bin/") for entry in entries)
    assert config.count("language: system") == len(entries)


def test_the_changelog_has_the_known_kinds():
    """The changelog uses only the kinds of change that its format defines."""
    text = page("CHANGELOG.md").text
    assert "## [Unreleased]" in text
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds
