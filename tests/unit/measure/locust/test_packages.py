"""A scenario's packages are installed by uv where it is on the path, otherwise by pip. No test runs them."""

import platform
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.tags import platform_tags

from harness.errors import UsageError
from harness.measure.locust import package_installer
from harness.measure.locust.package_installer import install_packages
from harness.measure.locust.requirements_env import prepare_interpreter
from harness.measure.locust.worker_image import list_platforms, prepare_build_source

ENTRY_POINTS = """\
[console_scripts]
locust = locust.main:main
odd = locust.main:Runner.run
../outside = locust.main:main
nothing = locust.main
"""


class FakeTools:
    """A uv on the path and a pip, which unpack one file, or fail for a package that they don't know."""

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
        if "--target" in command:
            unpack(Path(command[command.index("--target") + 1]))
        return subprocess.CompletedProcess(command, 0, "", "")

    @property
    def tools(self) -> list[str]:
        return [tool for tool, *_ in self.commands if tool != "venv"]


def find_requirements(command: list[str]) -> str:
    if "--requirement" not in command:
        return ""
    return Path(command[command.index("--requirement") + 1]).read_text()


def unpack(folder: Path) -> None:
    package = folder / f"locust-{version('locust')}.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Name: locust\n")
    (package / "entry_points.txt").write_text(ENTRY_POINTS)
    (folder / "locust.py").touch(0o600)


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
    with pytest.raises(UsageError, match="pip knows no missing") as caught:
        prepare_build_source("x86_64", write_list("missing\n"))
    assert "load: {image: …}" in caught.value.hint
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


def test_packages_of_the_workers_image_are_unpacked_once_for_each_list_and_architecture(
    fake: FakeTools, write_list: Callable[[str], Path]
) -> None:
    first = prepare_build_source("x86_64", None)
    assert prepare_build_source("x86_64", None) == first
    (tool, *command), *more = fake.commands
    assert (tool, more) == ("uv", [])
    assert command[command.index("--python-platform") + 1] == "x86_64-manylinux_2_36"
    assert command[command.index("--python-version") + 1] == "3.11"
    assert f"locust=={version('locust')}" in command
    others = {
        prepare_build_source("aarch64", None).context,
        prepare_build_source("x86_64", write_list("faker\n")).context,
    }
    assert len(others | {first.context}) == 3


def test_pip_gets_every_platform_that_the_image_can_run(fake: FakeTools) -> None:
    fake.remove_uv()
    prepare_build_source("x86_64", None)
    (tool, *command) = fake.commands[0]
    platforms = [command[at + 1] for at, word in enumerate(command) if word == "--platform"]
    assert (tool, command[0]) == ("pip", sys.executable)
    assert {"manylinux_2_36_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64"} <= set(platforms)
    assert "manylinux_2_37_x86_64" not in platforms
    assert "--python-platform" not in command


def test_the_image_gets_packages_that_all_may_read_and_their_commands(fake: FakeTools) -> None:
    folder = prepare_build_source("x86_64", None).context
    assert sorted(path.name for path in folder.iterdir()) == ["Dockerfile", "packages", "scripts"]
    assert (folder / "packages/locust.py").stat().st_mode & 0o777 == 0o644
    scripts = {path.name: path.read_text().splitlines() for path in (folder / "scripts").iterdir()}
    assert scripts == {
        "locust": ["#!/usr/bin/python3", "import sys", "from locust.main import main", "sys.exit(main())"],
        "odd": [
            "#!/usr/bin/python3",
            "import sys",
            "from locust.main import Runner",
            "sys.exit(Runner.run())",
        ],
    }
    assert (folder / "scripts/locust").stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this host has no glibc")
def test_the_platforms_of_an_image_are_those_that_packaging_finds_for_such_a_host() -> None:
    architecture, minor = platform.machine(), int(platform.libc_ver()[1].split(".")[1])
    assert set(list_platforms(architecture, minor)) == set(platform_tags())
