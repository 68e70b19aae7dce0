"""The content hashes change with what is measured, and with nothing else."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.plan import hash_contents, load_plan
from tests.unit.plan.project import Files, Project

LOCUSTFILE = "import shapes\nfrom data import users\nfrom locust import HttpUser\nNAMES = open('names.csv')\n"


@pytest.fixture
def rich(project: Project) -> Project:
    project.write(
        {
            "targets/web/app/main.py": "app = 1\n",
            "targets/web/.dockerignore": "# not in the image\n*.md\nload\n!load/keep.txt\n**/tmp\n",
            "load/locustfile.py": LOCUSTFILE,
            "load/shapes.py": "from inner import deep\n",
            "load/inner/__init__.py": "",
            "load/inner/deep.py": "",
            "load/data/users.py": "",
            "load/names.csv": "ann\n",
            "matrix.yaml": "target: targets/web\nscenario: {locustfile: load/locustfile.py}\n"
            "limits: {cpus: [0.5, 1], memory: 64m}\n",
        }
    )
    return project


def find_changed_hashes(project: Project, files: Files) -> set[str]:
    """Return the names of the hashes that differ after writing the files."""
    before = project.load().hashes
    project.write(files)
    after = project.load().hashes
    return {key for key in before if before[key] != after[key]}


def test_comments_notation_and_order_of_keys_of_the_matrix_do_not_count(rich: Project) -> None:
    same = (
        "# the same\nlimits: {memory: 67108864, cpus: [0.50, 1.0]}\n"
        "scenario:\n  locustfile: ./load/locustfile.py\ntarget: targets/web/\nrepetitions: 1\n"
    )
    assert find_changed_hashes(rich, {"matrix.yaml": same}) == set()


@pytest.mark.parametrize("more", ["users: {limit: 399}\n", "slos: {p95: 2s}\n", "steps: {settle: 1s}\n"])
def test_the_values_of_the_matrix_count(rich: Project, more: str) -> None:
    matrix = (rich.folder / "matrix.yaml").read_text()
    assert find_changed_hashes(rich, {"matrix.yaml": matrix + more}) == {"matrix"}


@pytest.mark.parametrize(
    "name",
    [
        "load/shapes.py",
        "load/inner/__init__.py",
        "load/inner/deep.py",
        "load/data/users.py",
        "load/names.csv",
    ],
)
def test_files_that_the_locustfile_imports_or_opens_count(rich: Project, name: str) -> None:
    assert find_changed_hashes(rich, {name: "# changed\n"}) == {"scenario"}


def test_a_file_that_no_locustfile_names_does_not_count(rich: Project) -> None:
    assert find_changed_hashes(rich, {"load/other.py": "", "load/other.csv": ""}) == set()


def test_the_chosen_user_classes_count(rich: Project) -> None:
    matrix = (rich.folder / "matrix.yaml").read_text().replace("locustfile.py}", "locustfile.py, users: [A]}")
    assert find_changed_hashes(rich, {"matrix.yaml": matrix}) == {"scenario"}


@pytest.mark.parametrize(
    "name", ["targets/web/app/main.py", "targets/web/Dockerfile", "targets/web/load/keep.txt"]
)
def test_a_file_of_the_build_context_counts(rich: Project, name: str) -> None:
    assert find_changed_hashes(rich, {name: "changed\n"}) == {"target"}


@pytest.mark.parametrize(
    "name",
    [
        *("targets/web/README.md", "targets/web/load/x.txt", "targets/web/app/tmp/x", "targets/web/tmp"),
        *("targets/web/app/__pycache__/main.pyc", "targets/web/.git/HEAD"),
    ],
)
def test_files_that_are_not_sent_to_the_engine_do_not_count(rich: Project, name: str) -> None:
    assert find_changed_hashes(rich, {name: "changed\n"}) == set()


def test_a_folder_that_a_build_takes_files_from_counts_and_a_secrets_file_does_not(rich: Project) -> None:
    target = (
        "build: {additional_contexts: {shared: ../../shared, base: 'docker-image://alpine'}, "
        "secrets: {token: {file: ../../token.txt}}}\nport: 80\n"
    )
    files = {"targets/web/target.yaml": target, "shared/a.txt": "a", "token.txt": "one"}
    assert find_changed_hashes(rich, files) == {"target"}
    assert find_changed_hashes(rich, {"shared/a.txt": "b"}) == {"target"}
    assert find_changed_hashes(rich, {"token.txt": "two"}) == set()


def test_the_files_of_an_image_that_a_build_is_built_upon_count(rich: Project) -> None:
    base = "{build: {context: ../../base, additional_contexts: {deep: {build: {context: ../../deep}}}}}"
    files = {
        "targets/web/target.yaml": f"build: {{additional_contexts: {{base: {base}}}}}\nport: 80\n",
        "base/Dockerfile": "FROM deep",
        "deep/Dockerfile": "FROM x",
    }
    assert find_changed_hashes(rich, files) == {"target"}
    assert find_changed_hashes(rich, {"base/Dockerfile": "FROM deep AS one"}) == {"target"}
    assert find_changed_hashes(rich, {"deep/a.txt": "a"}) == {"target"}


def test_campaigns_stored_in_the_build_context_do_not_count(rich: Project) -> None:
    results = "targets/web/results/one"
    assert (
        find_changed_hashes(
            rich, {f"{results}/plan.json": "{}", f"{results}/events.jsonl": "", f"{results}/x": ""}
        )
        == set()
    )
    before = rich.load().hashes
    os.symlink("one", rich.folder / "targets/web/results/latest")
    assert rich.load().hashes == before


def test_a_moved_repository_keeps_its_hashes(rich: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("moved") / "repository"
    shutil.copytree(rich.folder, elsewhere)
    assert load_plan(elsewhere / "matrix.yaml", {}).hashes == rich.load().hashes


def test_hashing_a_plan_again_gives_the_same_hashes(rich: Project) -> None:
    plan = rich.load()
    assert hash_contents(plan) == plan.hashes


def test_a_link_counts_by_where_it_points_and_is_not_followed(rich: Project) -> None:
    link = rich.folder / "targets/web/link"
    link.symlink_to("nowhere")
    before = rich.load().hashes
    link.unlink()
    link.symlink_to("/")
    assert rich.load().hashes["target"] != before["target"]


def test_a_context_too_large_to_read_is_a_mistake_at_its_place(
    rich: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.plan.source_files.MOST_FILES", 3)
    assert rich.find_mistakes() == [
        "targets/web/target.yaml:2:18: build.context: holds over 1 GiB or 50,000 files; "
        "name what the image doesn't need in .dockerignore"
    ]


def test_a_folder_that_may_not_be_read_is_a_mistake_unless_it_is_ignored(
    rich: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Databases keep such folders beside the code. Root may read everything, so the refusal is simulated."""
    rich.write({"targets/web/data/file": "", "targets/web/load/postgres/file": ""})
    closed = "postgres"
    list_folder = Path.iterdir

    def refuse(path: Path) -> Iterator[Path]:
        if path.name == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return list_folder(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert rich.load().hashes["target"]
    closed = "data"
    with pytest.raises(InputError, match="data: Permission denied"):
        rich.load()
