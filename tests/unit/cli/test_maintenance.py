"""`harness doctor` checks the engines of the matrix, or the current one of Docker."""

import contextlib
from pathlib import Path

import pytest

from harness.cli import maintenance, run_command
from harness.cli.maintenance import find_engines, list_commands
from harness.errors import EngineError, InputError
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


class LeftoverHost:
    """An engine with one leftover, named after its address; the one at ssh://gone does not answer."""

    def __init__(self, _campaign: str, _clock: object, *, engine: Engine) -> None:
        if engine.host == "ssh://gone":
            raise EngineError("no Docker engine answers at ssh://gone")
        self.name = engine.host or "the current engine"

    def reserve(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def remove_leftovers(self) -> list[str]:
        return [f"a container at {self.name}"]

    def remove_old_images(self) -> list[str]:
        return []

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("engines", "code", "removed"),
    [
        ("", 0, ["the current engine"]),
        ('engine: "ssh://a"\n', 0, ["ssh://a", "the current engine"]),
        ('engines: {one: "ssh://gone", two: "ssh://b"}\n', 2, ["ssh://b", "the current engine"]),
    ],
)
def test_the_engines_of_the_matrix_are_cleaned_too(
    engines: str,
    code: int,
    removed: list[str],
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project.write(FILES | {"matrix.yaml": FILES["matrix.yaml"] + engines})
    monkeypatch.setattr(maintenance, "DockerHost", LeftoverHost)
    assert run_command(["clean"]) == code
    said = capsys.readouterr()
    assert [f"removed a container at {name}" for name in removed] == said.out.splitlines()[: len(removed)]
    assert ("ssh://gone" in said.err) is (code == 2)
