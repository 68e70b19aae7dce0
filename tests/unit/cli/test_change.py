"""`harness change` writes what became of it, also if nothing could be measured."""

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.errors import InputError, UsageError
from tests.unit.plan.project import FILES, Project


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Project(tmp_path).write(FILES)
    return tmp_path


def change(*arguments: str) -> None:
    outcome = CliRunner().invoke(app, ["change", *arguments], standalone_mode=False)
    assert outcome.exception is not None
    raise outcome.exception


def test_a_folder_that_is_no_repository_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="git finds no repository"):
        change("--base", "main")
    text = (folder / "results/change.md").read_text()
    assert "**This change was not measured.**" in text
    assert "git finds no repository" in text


def test_a_base_that_does_not_exist_is_told_in_the_comment(folder: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    with pytest.raises(UsageError, match="'gone' is no commit"):
        change("--base", "gone", "--results", "out")
    assert "fetch-depth" in (folder / "out/change.md").read_text()


def test_mistakes_of_the_matrix_are_told_in_the_comment(folder: Path) -> None:
    (folder / "matrix.yaml").write_text("target: targets/web\n")
    with pytest.raises(InputError):
        change("--base", "main")
    assert "matrix.yaml" in (folder / "results/change.md").read_text()


@pytest.mark.parametrize("arguments", [("--threshold", "much"), ("--require", "users >= 1\n\nfast")])
def test_nonsense_is_refused_before_anything_is_written(folder: Path, arguments: tuple[str, str]) -> None:
    with pytest.raises(UsageError):
        change("--base", "main", *arguments)
    assert not (folder / "results").exists()
