"""A scenario's packages are installed by uv where it is on the path, otherwise by pip. No test runs them."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.measure.locust import package_installer
from harness.measure.locust.package_installer import install_packages
from harness.measure.locust.requirements_env import prepare_interpreter


class FakeTools:
    """A uv on the path and a pip, which install nothing, or fail for a package that they don't know."""

    def __init__(self, uv: Path) -> None:
        self.uv = uv
        self.commands: list[list[str]] = []
        self.unknown_to = {"uv": "missing", "pip": "missing"}

    def remove_uv(self) -> None:
        self.uv.unlink()

    def run(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        tool = "uv" if command[0] == str(self.uv) else "pip" if "pip" in command else "venv"
        self.commands.append([tool, *command])
        if tool == "venv":
            (Path(command[-1]) / "lib/python3.11/site-packages").mkdir(parents=True)
            (Path(command[-1]) / "bin").mkdir()
            (Path(command[-1]) / "bin/python").touch()
            return subprocess.CompletedProcess(command, 0, "", "")
        if self.unknown_to[tool] in find_requirements(command):
            return subprocess.CompletedProcess(command, 1, "", f"{tool} knows no {self.unknown_to[tool]}")
        return subprocess.CompletedProcess(command, 0, "", "")

    @property
    def tools(self) -> list[str]:
        return [tool for tool, *_ in self.commands if tool != "venv"]


def find_requirements(command: list[str]) -> str:
    if "--requirement" not in command:
        return ""
    return Path(command[command.index("--requirement") + 1]).read_text()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTools:
    uv = tmp_path / "path/uv"
    uv.parent.mkdir()
    uv.touch(0o755)
    monkeypatch.setenv("PATH", str(uv.parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fake = FakeTools(uv)
    monkeypatch.setattr(subprocess, "run", fake.run)
    return fake


@pytest.fixture
def write_list(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "needed.txt"
        path.write_text(text)
        return path

    return write


def list_cache(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "cache/capacity-harness").iterdir()]


def test_uv_installs_a_scenarios_packages_with_the_harnesss_own_version_of_locust(
    fake: FakeTools, write_list: Callable[[str], Path]
) -> None:
    needed = write_list("faker\n")
    python = prepare_interpreter(needed)
    assert python.name == "python"
    (_, venv, (tool, *command)) = ([], *fake.commands)
    assert venv[:4] == ["venv", sys.executable, "-m", "venv"]
    assert (tool, command[:5]) == ("uv", [str(fake.uv), "pip", "install", "--quiet", "--python"])
    assert command[6:8] == ["--requirement", str(needed)]
    constraints = python.parents[1] / "constraints.txt"
    assert constraints.read_text() == f"locust=={version('locust')}\n"
    assert prepare_interpreter(needed) == python
    assert fake.tools == ["uv"]


def test_pip_installs_them_where_there_is_no_uv(fake: FakeTools, write_list: Callable[[str], Path]) -> None:
    fake.remove_uv()
    prepare_interpreter(write_list("faker\n"))
    (_, (tool, python, *words)) = fake.commands
    assert (tool, words[:4]) == ("pip", ["-m", "pip", "install", "--quiet"])
    assert python.endswith("/bin/python")
    assert "--constraint" not in words


def test_pip_decides_where_uv_fails(fake: FakeTools, write_list: Callable[[str], Path]) -> None:
    fake.unknown_to["uv"] = "only-pip-takes-this"
    prepare_interpreter(write_list("only-pip-takes-this\n"))
    assert fake.tools == ["uv", "pip"]


def test_a_package_that_neither_knows_is_reported_and_leaves_nothing_in_the_cache(
    fake: FakeTools, write_list: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(
        UsageError, match=r"pip can't install the packages of needed\.txt:\npip knows no missing"
    ):
        prepare_interpreter(write_list("missing\n"))
    assert list_cache(tmp_path) == []


def test_without_pip_what_uv_says_counts(
    fake: FakeTools, write_list: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment that uv has made has no pip."""
    monkeypatch.setattr(package_installer, "find_spec", lambda _: None)
    with pytest.raises(
        UsageError, match=r"uv can't install the packages of needed\.txt:\nuv knows no missing"
    ):
        prepare_interpreter(write_list("missing\n"))
    fake.remove_uv()
    with pytest.raises(UsageError, match="has no pip, and uv is not on the path") as caught:
        install_packages("it", "", Path("python"), [])
    assert caught.value.hint == "install uv, or pip by: python -m ensurepip"
