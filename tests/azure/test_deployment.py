"""What azd reads is correct: its project file, the parameters, and the deployed files."""

from __future__ import annotations

import json
import re
import subprocess

import pathspec
import yaml

from infra.azure import stamp
from onboarding import version
from tests.azure.templates import ROOT, template

PROJECT = yaml.safe_load((ROOT / "azure.yaml").read_text())
PARAMETERS = json.loads((ROOT / "infra" / "azure" / "main.parameters.json").read_text())["parameters"]


def test_the_project_points_to_what_exists():
    """The project file points to the template, its parameters and the function app."""
    infra = PROJECT["infra"]
    assert (ROOT / infra["path"] / f"{infra['module']}.bicep").is_file()
    assert (ROOT / infra["path"] / f"{infra['module']}.parameters.json").is_file()
    service = PROJECT["services"]["api"]
    assert (service["host"], service["language"]) == ("function", "python")
    for name in ("function_app.py", "host.json", "requirements.txt"):
        assert (ROOT / service["project"] / name).is_file()


def test_the_service_is_the_tagged_site():
    """The site's tag names the service of the project file: azd deploys to it."""
    (service,) = PROJECT["services"]
    assert f"'azd-service-name': '{service}'" in template("function-app").path.read_text()


def test_each_parameter_can_be_set_by_azd():
    """Every parameter of the template has an azd value of its own."""
    assert set(PARAMETERS) == set(template("main").values["parameters"])
    values = [parameter["value"] for parameter in PARAMETERS.values()]
    assert all(re.fullmatch(r"\$\{[A-Z_]+\}", value) for value in values)
    assert len(set(values)) == len(values)


def test_the_guide_names_every_value_and_no_other():
    """The guide lists exactly the values that can be set."""
    guide = (ROOT / "docs" / "deploy.md").read_text()
    names = {parameter["value"].strip("${}") for parameter in PARAMETERS.values()}
    assert [name for name in names if name not in guide] == []
    assert set(re.findall(r"azd env set (\w+)", guide)) <= names
    outputs = set(template("main").values["outputs"])
    read = set(re.findall(r"azd env get-value (\w+)", guide))
    assert read
    assert read <= outputs


def test_the_same_versions_of_python_are_named_everywhere():
    """The app can be deployed with each Python version that it supports, and the guide lists them."""
    decorators = template("main").values["parameters"]["pythonVersion"]["decorators"]
    (versions,) = [each["argument"] for each in decorators if each["type"] == "allowed"]
    makefile = (ROOT / "Makefile").read_text()
    candidates = re.search(r"^PYTHON := (.+) python3$", makefile, re.MULTILINE)
    assert candidates
    assert candidates[1].split() == [f"python{version}" for version in versions]
    lowest, highest = (version.replace(".", ", ") for version in (versions[0], versions[-1]))
    assert f"({lowest}) <= sys.version_info[:2] <= ({highest})" in makefile
    named = f"Python {', '.join(versions[:-1])} or {versions[-1]}"
    assert named in makefile
    assert named in (ROOT / "README.md").read_text()
    guide = (ROOT / "docs" / "deploy.md").read_text()
    assert named in guide
    (row,) = [line for line in guide.splitlines() if line.startswith("| `APP_PYTHON_VERSION`")]
    assert re.findall(r"`(3\.\d+)`", row) == ["3.11", *versions]


def test_a_package_names_its_commit(tmp_path):
    """The stamp runs before azd packages the app, and the app reads its file; changes are marked."""
    hooks = PROJECT["services"]["api"]["hooks"]["prepackage"]
    assert {hook["run"].split(" ", 1)[1] for hook in hooks.values()} == {"-m infra.azure.stamp"}
    assert version.FILE == ROOT / "onboarding" / "version.json"
    git = ("git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.com")
    for arguments in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run([*git, *arguments], check=True)  # noqa: S603
    file = tmp_path / "version.json"
    commit = stamp.stamp(tmp_path, file)
    assert re.fullmatch("[0-9a-f]{12}", commit)
    assert version.read(file.read_text()).commit == commit
    assert version.read(file.read_text()).built_at is not None
    assert stamp.stamp(tmp_path, file) == f"{commit}x"  # the file itself is a change


def test_only_the_app_is_deployed():
    """The package contains the app's files, and no tests, tools, documents or environments."""
    ignored = pathspec.GitIgnoreSpec.from_lines((ROOT / ".funcignore").read_text().splitlines())
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    deployed = {path for path in listed if not ignored.match_file(path)}
    assert {path.split("/")[0] for path in deployed} == {
        "function_app.py",
        "host.json",
        "onboarding",
        "requirements.txt",
    }
    assert {path for path in listed if path.startswith("onboarding/")} <= deployed  # templates too
    assert not ignored.match_file("onboarding/version.json")
    for path in (
        ".venv/bin/python",
        "main_env/bin/python",
        ".local/cloud.json",
        ".azure/dev/.env",
        "local.settings.json",
    ):
        assert ignored.match_file(path), path
