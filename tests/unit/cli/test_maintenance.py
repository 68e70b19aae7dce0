"""`harness doctor` checks the engines of the matrix, or the current one of Docker."""

from pathlib import Path

import pytest

from harness.cli.maintenance import find_engines, list_commands
from harness.errors import InputError
from harness.model import DEFAULT_ENGINE, Engine
from tests.unit.plan.project import FILES, Project

ENGINES = """
engines: {one: "ssh://a", two: {host: "tcp://10.0.0.5:2376", address: 10.0.0.5}}
load: {engines: ["ssh://c"], workers: 1}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def test_without_a_matrix_the_current_engine_of_docker_is_checked(project: Project) -> None:
    assert find_engines(None) == {None: DEFAULT_ENGINE}


def test_the_engines_of_a_matrix_are_checked_by_their_names(project: Project) -> None:
    project.write(FILES | {"matrix.yaml": FILES["matrix.yaml"] + ENGINES})
    expected = {
        "one": Engine("ssh://a"),
        "two": Engine("tcp://10.0.0.5:2376", address="10.0.0.5"),
        "engine 1 of load": Engine("ssh://c"),
    }
    assert find_engines(None) == expected
    assert find_engines(Path("matrix.yaml")) == expected


def test_a_matrix_with_mistakes_is_an_error_only_if_it_was_named(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write({"matrix.yaml": "nonsense: true\n"})
    assert find_engines(None) == {None: DEFAULT_ENGINE}
    assert "matrix.yaml has mistakes" in capsys.readouterr().out
    with pytest.raises(InputError):
        find_engines(Path("matrix.yaml"))


def test_without_make_doctor_lists_every_command_with_what_it_does() -> None:
    lines = list_commands()
    assert lines[0] == (
        "  harness demo     Write a small web shop with its locustfile and matrix into a folder, and measure "
        "two sizes of it"
    )
    assert {line.split()[1] for line in lines} >= {"run", "doctor", "check", "change", "comment", "clean"}
    assert all(line.split()[2:] for line in lines)
