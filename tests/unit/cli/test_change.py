"""`harness change` writes what became of it, also if nothing could be measured."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.cli.change_pairs import choose_limits
from harness.errors import InputError, UsageError
from harness.model import MIB, Limits, Status
from tests.builders import make_result
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


@pytest.mark.parametrize(
    "arguments", [("--threshold", "much"), ("--for", "1s"), ("--require", "users >= 1\n\nfast")]
)
def test_nonsense_is_refused_before_anything_is_written(folder: Path, arguments: tuple[str, str]) -> None:
    with pytest.raises(UsageError):
        change("--base", "main", *arguments)
    assert not (folder / "results").exists()


def test_pairs_are_held_at_the_size_to_take_or_the_best_one_or_the_largest() -> None:
    """Of sizes that sustain the same the smaller one; without any user the one that fails least likely."""
    small, middle, large = (make_result(cores, 340, 350) for cores in (0.5, 1.0, 2.0))
    assert choose_limits([large, middle, small], middle) == middle.cell.limits
    assert choose_limits([large, middle, small], None) == Limits(0.5, 256 * MIB)
    failed = [replace(each, sustained_users=None, status=Status.FAILED) for each in (small, middle)]
    assert choose_limits(failed, None) == Limits(1.0, 256 * MIB)
    assert choose_limits([*failed, large], None) == Limits(2.0, 256 * MIB)
    with pytest.raises(UsageError, match="no size of the matrix was measured"):
        choose_limits([replace(small, status=Status.SKIPPED)], None)


def test_a_size_that_the_matrix_lacks_is_refused_before_anything_is_measured(folder: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), "add", "."], check=True)
    subprocess.run(["git", "-C", str(folder), *identity, "commit", "--quiet", "-m", "x"], check=True)
    with pytest.raises(UsageError, match="'7/1GiB' is no size of the matrix"):
        change("--base", "HEAD", "--size", "7/1GiB")
