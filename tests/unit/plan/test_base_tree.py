"""The base of a change is checked out with the head's matrix and scenario, and leaves nothing behind."""

import subprocess
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.plan import load_plan
from harness.plan.base_tree import check_out_base, find_commit, find_repository
from tests.unit.plan.project import FILES, Project

MATRIX = "target: targets/web\nlimits: {cpus: 1, memory: 64MiB}\n"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Project:
    """Make a repository of which the head has another matrix, locustfile and target than its base."""
    folder = tmp_path / "shop"
    folder.mkdir()
    project = Project(folder)
    project.write(FILES | {"targets/web/app.py": "old = 1\n"})
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=base")
    project.write(
        {
            "matrix.yaml": MATRIX,
            "targets/web/app.py": "new = 1\n",
            "targets/web/locustfile.py": FILES["targets/web/locustfile.py"] + "import steps\n",
            "targets/web/steps.py": "pass\n",
        }
    )
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=head")
    return project


def test_the_base_has_its_own_target_and_the_heads_matrix_and_scenario(repository: Project) -> None:
    plan = load_plan(repository.folder / "matrix.yaml")
    with check_out_base(plan, "HEAD^") as matrix:
        assert matrix.read_text() == MATRIX
        web = matrix.parent / "targets/web"
        assert (web / "app.py").read_text() == "old = 1\n"
        assert (web / "locustfile.py").read_text().endswith("import steps\n")
        assert (web / "steps.py").read_text() == "pass\n"
        base = load_plan(matrix)
    assert base.hashes["scenario"] == plan.hashes["scenario"]
    assert base.hashes["matrix"] == plan.hashes["matrix"]
    assert base.hashes["target"] != plan.hashes["target"]
    assert not matrix.exists()
    assert git(repository.folder, "worktree", "list").count("\n") == 0
    assert git(repository.folder, "status", "--porcelain") == ""


def test_the_folder_is_removed_also_after_a_failure(repository: Project) -> None:
    plan = load_plan(repository.folder / "matrix.yaml")
    with pytest.raises(RuntimeError), check_out_base(plan, "HEAD^") as matrix:
        raise RuntimeError
    assert not matrix.exists()
    assert git(repository.folder, "worktree", "list").count("\n") == 0


def test_a_matrix_below_the_top_folder_keeps_its_place(repository: Project) -> None:
    matrix = repository.folder / "targets/web/matrix.yaml"
    matrix.write_text("target: .\nlimits: {cpus: 1, memory: 64MiB}\n")
    with check_out_base(load_plan(matrix), "HEAD^") as base:
        assert base.parts[-3:] == ("targets", "web", "matrix.yaml")


def test_no_hook_of_the_repository_runs(repository: Project, tmp_path: Path) -> None:
    hook = repository.folder / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    with check_out_base(load_plan(repository.folder / "matrix.yaml"), "HEAD^"):
        pass
    assert not (tmp_path / "ran").exists()


def test_a_shallow_clone_fetches_the_base_that_it_lacks(repository: Project, tmp_path: Path) -> None:
    base = git(repository.folder, "rev-parse", "HEAD^")
    git(repository.folder, "config", "uploadpack.allowReachableSHA1InWant", "true")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository.folder}", str(clone))
    assert find_commit(clone, "HEAD") == git(repository.folder, "rev-parse", "HEAD")
    assert find_commit(clone, base) == base


@pytest.mark.parametrize("name", ["", "no-such-branch", "0" * 40, "--help", "--upload-pack=touch pwned"])
def test_a_base_that_does_not_exist_is_named_with_the_remedy(repository: Project, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_commit(repository.folder, name)
    assert "fetch-depth: 0" in caught.value.hint
    assert not (repository.folder / "pwned").exists()


def test_a_matrix_outside_of_every_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="git finds no repository here"):
        find_repository(tmp_path / "matrix.yaml")


def test_the_repository_is_that_of_the_matrix_also_within_a_hook_of_git(
    repository: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git tells a hook of its repository by variables, by which another git would look for no other."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    plan = load_plan(repository.folder / "matrix.yaml")
    assert find_repository(plan.source) == repository.folder.resolve()
    with check_out_base(plan, "HEAD^") as matrix:
        assert matrix.is_file()


def test_why_git_failed_is_told_by_its_own_reason(repository: Project) -> None:
    """After the reason git may write several lines on what to try."""
    with pytest.raises(UsageError, match=r"is no commit of this repository: .*origin"):
        find_commit(repository.folder, "no-such-branch")
