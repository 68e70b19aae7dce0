"""Where Locust is started: what the scenario's files import and open decides."""

import ast
from pathlib import Path

import pytest

from harness.plan.content_hashes import hash_contents
from harness.plan.source_files import find_scenario_files
from harness.plan.working_folder import find_path_texts, find_working_folder
from tests.unit.plan.project import FILES, LoadWith, Project

LOAD = "tests/load/locustfile.py"


def find_folder(root: Path, files: dict[str, str], matrix: str = ".", locustfile: str = LOAD) -> str:
    """Write the files, and return the folder to start in, relative to the root."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    found = find_working_folder([root / locustfile], root / matrix)
    return found.folder.relative_to(root).as_posix()


def test_a_module_of_the_projects_root_is_found_only_from_there(tmp_path: Path) -> None:
    files = {LOAD: "from common.paths import path_of\n", "common/paths.py": "", "common/__init__.py": ""}
    assert find_folder(tmp_path, files) == "."


def test_a_file_is_opened_relative_to_the_folder_that_holds_it(tmp_path: Path) -> None:
    opens = 'import csv\nwith open("data/users.csv") as file: rows = list(csv.reader(file))\n'
    assert find_folder(tmp_path / "root", {LOAD: opens, "data/users.csv": "a"}) == "."
    assert find_folder(tmp_path / "own", {LOAD: opens, "tests/load/data/users.csv": "a"}) == "tests/load"
    assert find_folder(tmp_path / "between", {LOAD: opens, "tests/data/users.csv": "a"}) == "tests"


def test_without_anything_to_find_it_is_the_locustfiles_own_folder(tmp_path: Path) -> None:
    files = {LOAD: "import json\nimport requests\nfrom locust import task\n", "requests/readme.md": ""}
    assert find_folder(tmp_path, files) == "tests/load"


def test_what_is_beside_the_locustfile_keeps_it_there(tmp_path: Path) -> None:
    files = {LOAD: "import steps\n", "tests/load/steps.py": "", "steps.py": ""}
    assert find_folder(tmp_path, files) == "tests/load"


def test_modules_count_more_than_files(tmp_path: Path) -> None:
    text = 'from tests.load.steps import A\nHERE = open("a.csv"), open("b.csv")\n'
    files = {LOAD: text, "tests/load/steps.py": "", "tests/load/a.csv": "", "tests/load/b.csv": ""}
    assert find_folder(tmp_path, files) == "."


def test_what_an_imported_module_needs_counts_too(tmp_path: Path) -> None:
    files = {
        LOAD: "import steps\n",
        "tests/load/steps.py": "from src.app import NAME\n",
        "src/app.py": 'DATA = open("seed/data.json")\n',
        "seed/data.json": "{}",
    }
    assert find_folder(tmp_path, files) == "."


def test_settings_of_locust_say_where_it_is_started(tmp_path: Path) -> None:
    text = "from locust import HttpUser\n"
    assert find_folder(tmp_path / "conf", {LOAD: text, "locust.conf": "users = 4\n"}) == "."
    toml = {LOAD: text, "pyproject.toml": "[tool.locust]\nusers = 4\n"}
    assert find_folder(tmp_path / "toml", toml) == "."
    other = {LOAD: text, "pyproject.toml": "[tool.black]\nline-length = 4\n"}
    assert find_folder(tmp_path / "other", other) == "tests/load"


def test_the_root_of_the_repository_is_reached_from_a_matrix_below_it(tmp_path: Path) -> None:
    files = {LOAD: "import common.steps\n", "common/steps.py": "", "pyproject.toml": ""}
    assert find_folder(tmp_path, files, matrix="tests/load") == "."


def test_folders_above_the_repository_are_not_tried(tmp_path: Path) -> None:
    files = {f"repo/{LOAD}": "import common.steps\n", "common/steps.py": "", "repo/.git/HEAD": ""}
    found = find_folder(tmp_path, files, matrix="repo", locustfile=f"repo/{LOAD}")
    assert found == "repo/tests/load"


def test_the_matrixs_folder_is_tried_even_if_it_is_elsewhere(tmp_path: Path) -> None:
    files = {"repo/locustfile.py": 'open("users.csv")\n', "perf/users.csv": "", "repo/.git/HEAD": ""}
    assert find_folder(tmp_path, files, matrix="perf", locustfile="repo/locustfile.py") == "perf"


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('open("data/u.csv")', {"data/u.csv"}),
        ('open(f"data/{name}.csv")', {"data/"}),
        ('open(os.path.join("data", "u.csv"))', {"data/u.csv", "data/u.csv/"}),
        ('open(os.path.join(os.getcwd(), "data", name))', {"data/"}),
        ('Path("data") / "u.csv"', {"data/u.csv", "data/u.csv/"}),
        ('os.listdir("data")', {"data/", "data"}),
        ('glob.glob("data/*.csv")', {"data/", "data/*.csv"}),
        ('open(os.path.join(os.path.dirname(__file__), "own.csv"))', set()),
        ('HERE / "own.csv"', set()),
        ('f"{HERE}/own.csv"', set()),
    ],
)
def test_paths_are_read_as_far_as_they_are_known(source: str, texts: set[str]) -> None:
    assert set(find_path_texts(ast.parse(source))) == texts


def test_the_plan_starts_locust_there_and_says_so(load_with: LoadWith, project: Project) -> None:
    project.write({"targets/web/locustfile.py": "from shared.steps import A\n", "shared/steps.py": ""})
    plan = load_with("")
    assert plan.scenario.working_folder == project.folder
    assert plan.scenario.title == "targets/web/locustfile.py (seen from the folder that Locust starts in)"
    assert plan.notes == (
        "Locust starts in ./, because shared.steps is found from there; "
        "scenario: {folder: …} names another folder",
    )


def test_the_matrix_names_the_folder(load_with: LoadWith, project: Project) -> None:
    project.write({"targets/web/locustfile.py": "from shared.steps import A\n", "shared/steps.py": ""})
    plan = load_with("scenario: {folder: targets, base: /api}\n")
    assert plan.scenario.working_folder == project.folder / "targets"
    assert plan.scenario.base == "/api"
    assert plan.notes == ()


def test_a_folder_as_locustfile_means_what_locust_loads_of_it(load_with: LoadWith, project: Project) -> None:
    project.write({"load/b.py": "", "load/deep/a.py": "", "load/_c.py": "", "load/d.txt": "", "e.py": ""})
    scenario = load_with('scenario: {locustfile: [load, "e.py"]}\n').scenario
    assert [path.name for path in scenario.locustfiles] == ["b.py", "a.py", "e.py"]
    scenario = load_with('scenario: {locustfile: "load/b.py, e.py"}\n').scenario
    assert [path.name for path in scenario.locustfiles] == ["b.py", "e.py"]


def test_files_of_the_working_folder_belong_to_the_scenario(load_with: LoadWith, project: Project) -> None:
    project.write(
        {
            "targets/web/locustfile.py": 'import shared.steps\nopen("data/u.csv")\nopen("../up.csv")\n',
            "shared/steps.py": "",
            "data/u.csv": "a",
            "targets/up.csv": "",
            "locust.conf": "tags = a\n",
        }
    )
    scenario = load_with("").scenario
    found = find_scenario_files(scenario)
    names = {path.relative_to(project.folder).as_posix() for path in found}
    assert names == {
        "targets/web/locustfile.py",
        "shared/steps.py",
        "data/u.csv",
        "targets/up.csv",
        "locust.conf",
    }


def test_the_folder_and_the_base_belong_to_the_scenarios_hash_and_their_defaults_do_not(
    load_with: LoadWith, project: Project
) -> None:
    project.write({"other/x.py": ""})
    plain = load_with("")
    assert load_with("scenario: {folder: targets}\n").hashes["scenario"] != plain.hashes["scenario"]
    assert load_with("scenario: {base: /api}\n").hashes["scenario"] != plain.hashes["scenario"]
    assert hash_contents(plain)["scenario"] == plain.hashes["scenario"]
    assert FILES["targets/web/locustfile.py"].startswith("from locust")
