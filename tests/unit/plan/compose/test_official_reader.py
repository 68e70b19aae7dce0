"""Where `docker compose` answers, its answer is read; the caller's values stay references."""

import json
import os
from pathlib import Path

import pytest

from harness.plan.compose.convert import convert_service
from harness.plan.compose.official_reader import find_docker_compose
from harness.plan.compose.reader import read_compose

COMPOSE = """\
services:
  web: {image: "x:${TAG}", environment: {PASSWORD: "${SECRET}", PLAIN: "a$$b"}, ports: [80]}
"""
ANSWER = {
    "services": {
        "web": {
            "image": "x:1",
            "command": ["echo", "$$HOME"],
            "environment": {"PASSWORD": "__SECRET__", "PLAIN": "a$$b"},
            "extra_hosts": ["a=1.1.1.1"],
            "networks": {"default": None},
            "ports": [{"mode": "ingress", "target": 80, "protocol": "tcp"}],
        }
    }
}


def write_program(folder: Path, version: str, config: str) -> dict[str, str]:
    """Write a program named docker that answers as Docker Compose would; return an environment with it."""
    folder.mkdir()
    program = folder / "docker"
    program.write_text(
        f'#!/bin/sh\nif [ "$2" = version ]; then echo {version}; exit; fi\n'
        f'echo "$@" > {folder}/arguments\n{config}\n'
    )
    program.chmod(0o755)
    return {"PATH": str(folder), "SECRET": "s3cret", "TAG": "1"}


def test_the_answer_is_read_and_secrets_stay_references(tmp_path: Path) -> None:
    answer = json.dumps(ANSWER).replace("__SECRET__", "'\"$SECRET\"'")
    environ = write_program(tmp_path / "bin", "2.30.1", f"echo '{answer}'")
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    model = read_compose([tmp_path / "compose.yaml"], environ)
    values = convert_service(model, "web", environ, {}).values
    assert (values["image"], values["command"]) == ("x:1", ["echo", "$HOME"])
    assert values["environment"] == {"PASSWORD": "${SECRET}", "PLAIN": "a$b"}
    assert values["extra_hosts"] == ["a:1.1.1.1"]
    arguments = (tmp_path / "bin/arguments").read_text().split()
    assert arguments[:3] == ["compose", "--file", str(tmp_path / "compose.yaml")]
    assert arguments[3:] == [
        "--project-directory", str(tmp_path), "--profile", "*", "config", "--format", "json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        ({"COMPOSE_FILE": "other.yaml", "COMPOSE_PROFILES": "a"}, []),
        ({"COMPOSE_ENV_FILES": "a.env,b.env"}, ["--env-file", "FOLDER/a.env", "--env-file", "FOLDER/b.env"]),
        ({"COMPOSE_DISABLE_ENV_FILE": "true"}, ["--env-file", os.devnull]),
    ],
)
def test_docker_compose_is_told_where_the_values_of_variables_are(
    tmp_path: Path, variables: dict[str, str], options: list[str]
) -> None:
    config = f'env | grep ^COMPOSE_ > {tmp_path}/seen\necho \'{{"name": "own", "services": {{}}}}\''
    environ = write_program(tmp_path / "bin", "2.30.1", config) | variables | {"COMPOSE_PROJECT_NAME": "own"}
    environ["PATH"] += ":/bin:/usr/bin"
    for name in ("compose.yaml", ".env", "a.env", "b.env"):
        (tmp_path / name).write_text("services: {web: {image: x}}\n" if name == "compose.yaml" else "")
    assert read_compose([tmp_path / "compose.yaml"], environ).project == "own"
    arguments = (tmp_path / "bin/arguments").read_text().split()[5:]
    assert arguments[: len(options)] == [each.replace("FOLDER", str(tmp_path)) for each in options]
    assert arguments[len(options)] == "--profile"
    assert (tmp_path / "seen").read_text() == "COMPOSE_PROJECT_NAME=own\n"


def test_what_docker_compose_has_no_json_for_is_read_as_yaml(tmp_path: Path) -> None:
    config = (
        "case \"$*\" in *json) echo 'json: error calling MarshalJSON' >&2; exit 1;; esac\n"
        'echo \'services: {web: {image: y, environment: {A: "x$$y"}, build: {ssh: ["id: /key"]}}}\''
    )
    environ = write_program(tmp_path / "bin", "2.26.1", config)
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    web = read_compose([tmp_path / "compose.yaml"], environ).services["web"]
    assert (web["environment"], web["build"]["ssh"]) == ({"A": "x$y"}, ["id=/key"])


def test_a_service_that_an_older_version_takes_for_a_folder_is_one(tmp_path: Path) -> None:
    contexts = {"base": f"{tmp_path}/service:base", "shared": f"{tmp_path}/shared"}
    answer = {"services": {"web": {"build": {"context": str(tmp_path), "additional_contexts": contexts}}}}
    environ = write_program(tmp_path / "bin", "2.26.1", f"echo '{json.dumps(answer)}'")
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    build = read_compose([tmp_path / "compose.yaml"], environ).services["web"]["build"]
    assert build["additional_contexts"] == {"base": "service:base", "shared": f"{tmp_path}/shared"}


def test_a_refusal_is_shown_without_warnings(tmp_path: Path) -> None:
    config = "echo 'time=1 level=warning msg=no' >&2; echo 'services.web is wrong' >&2; exit 15"
    environ = write_program(tmp_path / "bin", "v2.30.1-desktop.1", config)
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    with pytest.raises(ValueError, match=r"^docker compose: services\.web is wrong$"):
        read_compose([tmp_path / "compose.yaml"], environ)


@pytest.mark.parametrize("version", ["1.29.2", "unknown", ""])
def test_a_compose_before_version_2_is_not_asked(tmp_path: Path, version: str) -> None:
    assert find_docker_compose(write_program(tmp_path / "bin", version, "exit 1")) is None
