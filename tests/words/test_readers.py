"""Programs that people use read words: a browser and a spreadsheet, if this machine has them."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from onboarding.api.pages import page
from onboarding.lifecycle.consent_apps import ConsentApp
from onboarding.words.line import isolated
from onboarding.words.spreadsheet import sheet
from onboarding.words.word import Word
from tests.support.corpus import directory_names, words

pytestmark = pytest.mark.soak

NAMES = [*words(), *directory_names()]
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
SPREADSHEET = shutil.which("soffice")
SEPARATORS = {"comma": 44, "semicolon": 59, "tab": 9, "bar": 124}
FORMULA = '"=1+1";"x"\r\n'


class Shape(HTMLParser):
    """The elements with their attributes, and the texts of the first cells."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element."""
        self.elements.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        """A text."""
        self.texts.append(data)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on the PATH")
def test_a_browser_finds_text(tmp_path):
    """Each name is one text on the page in the browser, and no element or attribute."""
    found, usual = _dom(tmp_path, NAMES), _dom(tmp_path, ["x"] * len(NAMES))
    assert found.elements == usual.elements
    assert len(found.elements) > 3 * len(NAMES)
    assert [name for name in NAMES if isolated(name) and isolated(name) not in found.texts] == []


@pytest.mark.skipif(
    SPREADSHEET is None, reason="no LibreOffice is on the PATH (Debian: libreoffice-calc-nogui)"
)
@pytest.mark.parametrize("separator", SEPARATORS)
def test_a_spreadsheet_finds_no_formula(tmp_path, separator):
    """With each list separator, LibreOffice opens the list without a formula. It does find a planted one."""
    rows: list[dict[str, Word | str | int | None]] = [{"a": Word(name), "b": f"1 {name}"} for name in NAMES]
    assert _formulas(tmp_path, sheet(("a", "b"), rows), SEPARATORS[separator]) == 0
    if separator == "semicolon":
        assert _formulas(tmp_path, FORMULA.encode(), SEPARATORS[separator]) == 1


def _dom(folder: Path, names: list[str]) -> Shape:
    """The consent page for many applications, as Chromium has it in memory."""
    apps = [ConsentApp(name=Word(name), app_id="a", url="https://x/", permissions=()) for name in names]
    shown = page(
        "consent.html", granted=False, confirms=True, checked_at=datetime(2027, 1, 1, tzinfo=UTC), again=0,
        name=Word(names[0]), tenant_name=Word(names[1]), tenant="t", apps=apps,
    )  # fmt: skip
    document = folder / "page.html"
    document.write_bytes(shown.response().get_body())
    browser = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", document.as_uri()]
    dumped = subprocess.run(browser, capture_output=True, check=True, timeout=120)  # noqa: S603 - that is the test
    shape = Shape()
    shape.feed(dumped.stdout.decode())
    return shape


def _formulas(folder: Path, content: bytes, separator: int) -> int:
    """How many formulas LibreOffice finds when it opens a list with formulas allowed."""
    (folder / "list.csv").write_bytes(content)
    options = f"{separator},34,76,1,,0,false,true,false,false,false,0,true"
    office = [str(SPREADSHEET), "--headless", f"-env:UserInstallation={(folder / 'profile').as_uri()}"]
    office += ["--convert-to", "xlsx", f"--infilter=CSV:{options}", "--outdir", str(folder), "list.csv"]
    subprocess.run(office, cwd=folder, capture_output=True, check=True, timeout=180)  # noqa: S603 - that is the test
    with zipfile.ZipFile(folder / "list.xlsx") as opened:
        return opened.read("xl/worksheets/sheet1.xml").count(b"<f")
