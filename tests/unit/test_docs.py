"""What a document claims, a test reads."""

import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from harness import cli
from harness.model import Status
from harness.plan import load_plan
from harness.plan.schema import MatrixFile, TargetFile

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]
SHOWN_BY_PAGE = {page.name: page.read_text() for page in PAGES}


def yaml_blocks(page: str) -> list[str]:
    found = re.findall(r"^( *)```yaml\n(.*?)^ *```", SHOWN_BY_PAGE[page], re.MULTILINE | re.DOTALL)
    return [
        "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))
        for indent, text in found
    ]


def project(folder: Path, matrix: str, target: str) -> Path:
    """The shown files in a folder where all that they name is there."""
    name = re.search(r"^target: (\S+)", matrix, re.MULTILINE)
    assert name
    home = folder / name[1]
    home.mkdir(parents=True)
    (home / "target.yaml").write_text(target)
    for file in (home / "locustfile.py", home / "Dockerfile", folder / "shop.py"):
        file.write_text("")
    (folder / "matrix.yaml").write_text(matrix)
    return folder / "matrix.yaml"


def test_the_matrix_and_target_of_the_reference_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_TOKEN", "secret")
    matrix, target = yaml_blocks("matrix.md")
    plan = load_plan(project(tmp_path, matrix, target))
    assert plan.users_required == 300
    assert len(plan.cells) == 10


def test_the_matrix_and_target_of_the_readme_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE_TOKEN", "secret")
    target, matrix = yaml_blocks("README.md")
    assert len(load_plan(project(tmp_path, matrix, target)).cells) == 9


def keys_of(section: type[BaseModel]) -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield name
        for inner in re.findall(r"\b(\w+Section)\b", str(field.annotation)):
            yield from keys_of(getattr(__import__("harness.plan.schema", fromlist=[inner]), inner))


@pytest.mark.parametrize("section", [MatrixFile, TargetFile])
def test_every_key_of_a_file_is_in_the_reference(section: type[BaseModel]) -> None:
    for key in keys_of(section):
        assert re.search(rf"\b{key}:", SHOWN_BY_PAGE["matrix.md"]), key


def commands() -> dict[str, object]:
    group = typer.main.get_command(cli.app)
    return dict(group.commands)  # type: ignore[attr-defined]


def test_every_command_is_in_the_readme_and_every_one_there_exists() -> None:
    told = set(re.findall(r"^\| `harness (\w+)", SHOWN_BY_PAGE["README.md"], re.MULTILINE))
    assert told == set(commands())


def test_every_option_that_is_shown_exists() -> None:
    known = {option for command in commands().values() for p in command.params for option in p.opts}  # type: ignore[attr-defined]
    for page, text in SHOWN_BY_PAGE.items():
        for line in re.findall(r"harness (?:run|plan|judge|report|clean)\b[^`\n]*", text):
            assert set(re.findall(r"--[a-z-]+", line)) <= known, f"{page}: {line}"


def test_every_make_target_that_is_shown_exists() -> None:
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for text in SHOWN_BY_PAGE.values():
        for name in re.findall(r"`make ([a-z-]+)", text):
            assert name in rules, name


def test_every_file_that_is_named_exists() -> None:
    for page, text in SHOWN_BY_PAGE.items():
        for name in re.findall(r"`((?:harness|targets|tests|bench|docs|tools)/[\w./-]+)`", text):
            assert "mine" in name or (ROOT / name).exists(), f"{page}: {name}"
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert ((ROOT / page).parent / link).exists() or (ROOT / "docs" / link).exists(), (
                f"{page}: {link}"
            )


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    told = re.search(r"Exit codes: (.*?)\n\n", SHOWN_BY_PAGE["README.md"], re.DOTALL)
    assert told
    codes = {int(code) for code in re.findall(r"\b(\d+) [a-z]", told[1])}
    assert codes == {cli.DONE, cli.USER_MISTAKE, cli.NOT_MEASURED, cli.INTERRUPTED}


def test_every_status_and_field_of_the_summary_is_explained() -> None:
    schema = json.loads(resources.files("harness.report").joinpath("summary.schema.json").read_text())
    statuses = {status.value for status in Status} - {Status.RUNNING.value}
    text = SHOWN_BY_PAGE["results.md"]
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == statuses
    assert '"format"' in json.dumps(schema)
