"""The compose files that are read are those that `docker compose up` reads in their folder."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.plan.compose.file_choice import FileChoice, choose_files, find_files
from harness.plan.compose.reader import read_compose


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def test_without_a_choice_the_usual_file_is_read_with_the_one_that_overrides_it(tmp_path: Path) -> None:
    assert choose_files(tmp_path, {}) is None
    names = ("docker-compose.yml", "docker-compose.override.yml", "other.yml", ".env")
    write(tmp_path, dict.fromkeys(names, ""))
    choice = choose_files(tmp_path, {})
    assert choice == FileChoice((tmp_path / "docker-compose.yml",))
    assert [path.name for path in choice.list_files({})] == [
        "docker-compose.yml",
        "docker-compose.override.yml",
    ]
    assert find_files(tmp_path / "other.yml", {}) == [tmp_path / "other.yml"]
    write(tmp_path, {"compose.yaml": ""})
    assert choose_files(tmp_path, {}) == FileChoice((tmp_path / "compose.yaml",))


@pytest.mark.parametrize(
    ("dotenv", "environ", "names"),
    [
        ("COMPOSE_FILE=compose.yaml:prod.yaml\n", {}, ["compose.yaml", "prod.yaml"]),
        (
            "COMPOSE_FILE='prod.yaml;compose.yaml'\nCOMPOSE_PATH_SEPARATOR=;\n",
            {},
            ["prod.yaml", "compose.yaml"],
        ),
        ("COMPOSE_FILE=gone.yaml\n", {"COMPOSE_FILE": "prod.yaml"}, ["prod.yaml"]),
        ("NAME=prod\nCOMPOSE_FILE=${NAME}.yaml\n", {}, ["prod.yaml"]),
    ],
)
def test_compose_file_chooses_the_files_and_no_other_is_read(
    tmp_path: Path, dotenv: str, environ: dict[str, str], names: list[str]
) -> None:
    write(tmp_path, {"compose.yaml": "", "compose.override.yaml": "", "prod.yaml": "", ".env": dotenv})
    choice = choose_files(tmp_path, environ)
    paths = [tmp_path / name for name in names]
    assert choice == FileChoice(tuple(paths), is_complete=True)
    assert choice.list_files(environ) == paths
    if "compose.yaml" in names:
        assert find_files(tmp_path / "compose.yaml", environ) == paths


def test_a_file_of_compose_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"compose.yaml": "", ".env": "COMPOSE_FILE=compose.yaml:gone.yaml\n"})
    with pytest.raises(ValueError, match=r"COMPOSE_FILE names .*gone\.yaml, which is not there"):
        choose_files(tmp_path, {})


def test_the_variables_of_a_file_in_another_folder_come_from_both_folders(tmp_path: Path) -> None:
    text = "services: {web: {image: 'x:${TAG}', command: ['${OUTER}', '${INNER}']}}\n"
    write(
        tmp_path,
        {
            ".env": "COMPOSE_FILE=docker/app.yaml\nTAG=outer\nOUTER=1\n",
            "docker/.env": "TAG=inner\nINNER=2\n",
            "docker/app.yaml": text,
        },
    )
    choice = choose_files(tmp_path, {})
    assert choice is not None
    assert choice.env_files == (tmp_path / "docker/.env", tmp_path / ".env")
    web = read_compose(choice.list_files({}), {}, choice.env_files).services["web"]
    assert (web["image"], web["command"]) == ("x:outer", ["1", "2"])


@pytest.mark.parametrize(
    ("environ", "env_files", "image"),
    [
        ({"COMPOSE_ENV_FILES": "prod.env,more.env"}, ("prod.env", "more.env"), "x:more"),
        ({"COMPOSE_DISABLE_ENV_FILE": "1"}, (), "x:none"),
        ({"COMPOSE_DISABLE_ENV_FILE": "0"}, None, "x:usual"),
    ],
)
def test_the_environment_says_which_files_have_the_values_of_variables(
    tmp_path: Path, environ: dict[str, str], env_files: tuple[str, ...] | None, image: str
) -> None:
    text = "services: {web: {image: 'x:${TAG:-none}'}}\n"
    variables = {".env": "TAG=usual\n", "prod.env": "TAG=prod\n", "more.env": "TAG=more\n"}
    write(tmp_path, {"compose.yaml": text, **variables})
    choice = choose_files(tmp_path, environ)
    expected = None if env_files is None else tuple(tmp_path / name for name in env_files)
    assert choice == FileChoice((tmp_path / "compose.yaml",), env_files=expected)
    for given, known in (({}, expected), (environ, None)):
        assert read_compose([tmp_path / "compose.yaml"], given, known).services["web"]["image"] == image


def test_variables_in_files_that_are_not_there_are_a_fault(tmp_path: Path) -> None:
    write(tmp_path, {"compose.yaml": "services: {web: {image: x}}\n"})
    with pytest.raises(ValueError, match=r"gone\.env can't be read: No such file"):
        read_compose([tmp_path / "compose.yaml"], {"COMPOSE_ENV_FILES": "gone.env"})


def test_files_that_compose_file_chooses_instead_are_noted(tmp_path: Path) -> None:
    text = "services: {web: {image: x}}\n"
    write(tmp_path, {"compose.yaml": text, "prod.yaml": text, ".env": "COMPOSE_FILE=prod.yaml\n"})
    files = find_files(tmp_path / "compose.yaml", {})
    assert files == [tmp_path / "compose.yaml"]
    (note,) = read_compose(files, {}).notes
    assert note.endswith("prod.yaml, and is not followed; name these files in compose.file")


def test_profiles_are_those_of_the_environment_or_else_of_dotenv(tmp_path: Path) -> None:
    write(tmp_path, {"compose.yaml": "services: {web: {image: x}}\n", ".env": "COMPOSE_PROFILES=a, b\n"})
    assert read_compose([tmp_path / "compose.yaml"], {}).profiles == {"a", "b"}
    assert read_compose([tmp_path / "compose.yaml"], {"COMPOSE_PROFILES": "c"}).profiles == {"c"}
    assert read_compose([tmp_path / "compose.yaml"], {"COMPOSE_PROFILES": ""}).profiles == frozenset()
