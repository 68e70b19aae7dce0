"""`harness init` writes a target that can be planned, from the files that are in the folder."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.cli import run_command
from harness.model import BuildSource, ImageSource
from harness.plan import load_plan

Write = Callable[[Mapping[str, str]], Path]
"""A function that writes files into the current folder and returns that."""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))  # our own reader reads compose files
    for name in ("COMPOSE_FILE", "COMPOSE_ENV_FILES", "COMPOSE_DISABLE_ENV_FILE", "COMPOSE_PATH_SEPARATOR"):
        monkeypatch.delenv(name, raising=False)

    def write_files(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return write_files


def test_the_files_are_those_that_docker_compose_would_read(write: Write) -> None:
    folder = write(
        {
            ".env": "COMPOSE_FILE=docker/app.yaml:docker/prod.yaml\nTAG=2\n",
            "docker/app.yaml": "services: {web: {image: 'shop:${TAG}', ports: [80]}, db: {image: y}}\n",
            "docker/prod.yaml": "services: {web: {ports: !override [90]}}\n",
            "compose.yaml": "services: {web: {image: unread}}\n",
        }
    )
    assert run_command(["init", "shop", "--service", "web"]) == 0
    text = (folder / "targets/shop/target.yaml").read_text()
    assert '"file": ["../../docker/app.yaml", "../../docker/prod.yaml"], "env_file": ["../../.env"]' in text
    target = load_plan(folder / "shop.yaml", {}).target
    assert (target.port, target.source) == (90, ImageSource("shop:2"))


def test_a_single_file_is_named_as_such(write: Write) -> None:
    folder = write({"compose.yaml": "services: {web: {image: x, ports: [80]}}\n"})
    assert run_command(["init", "web"]) == 0
    text = (folder / "targets/web/target.yaml").read_text()
    assert 'compose: {"file": "../../compose.yaml", "service": "web"}' in text


def test_a_choice_of_files_that_are_not_there_is_refused(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write({"compose.yaml": "services: {web: {image: x, ports: [80]}}\n", ".env": "COMPOSE_FILE=gone.yaml\n"})
    assert run_command(["init", "web"]) == 1
    assert "COMPOSE_FILE names gone.yaml, which is not there" in capsys.readouterr().err


def test_a_dockerfile_is_built_from_the_folder_that_has_what_it_copies(write: Write) -> None:
    folder = write({"deploy/Dockerfile": "FROM x\nCOPY app.py /\nEXPOSE 8000\n", "app.py": ""})
    assert run_command(["init", "shop", "--dockerfile", "deploy/Dockerfile"]) == 0
    target = load_plan(folder / "shop.yaml", {}).target
    assert isinstance(target.source, BuildSource)
    assert (target.source.context, target.source.dockerfile) == (folder, "deploy/Dockerfile")
