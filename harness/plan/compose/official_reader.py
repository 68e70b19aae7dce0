"""Read compose files with `docker compose config`, which is the reader that their users know."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from harness.plan.yaml.large import parse_large_document

_ANSWER_WITHIN_S = 60
_SHOWN_CHARACTERS = 600
_NO_JSON = "MarshalJSON"
"""What versions say that have no JSON for a value, such as SSH keys of a build; they have YAML for it."""


def find_docker_compose(environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the command that runs Docker Compose in version 2 or later; None if there is none."""
    path = environ.get("PATH")
    if path is None:
        return None
    docker, alone = shutil.which("docker", path=path), shutil.which("docker-compose", path=path)
    settings = tuple((name, environ[name]) for name in ("PATH", "HOME", "DOCKER_CONFIG") if name in environ)
    if docker is not None and _answers((docker, "compose"), settings):
        return docker, "compose"
    if alone is not None and _answers((alone,), settings):
        return (alone,)
    return None


@cache
def _answers(command: tuple[str, ...], environ: tuple[tuple[str, str], ...]) -> bool:
    """Return True if the command is Docker Compose in version 2 or later."""
    try:
        answer = subprocess.run(
            [*command, "version", "--short"],
            env=dict(environ),
            capture_output=True,
            text=True,
            timeout=_ANSWER_WITHIN_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    major = answer.stdout.strip().removeprefix("v").partition(".")[0]
    return answer.returncode == 0 and major.isdigit() and int(major) >= 2


def read_model_officially(
    command: Sequence[str],
    files: Sequence[Path],
    folder: Path,
    environ: Mapping[str, str],
    env_files: Sequence[Path] | None = None,
) -> dict[str, Any]:
    """Return the content of compose files, with every profile, as `docker compose config` gives it.

    `env_files` have the values of variables; None is `.env` in the folder.

    Raises:
        ValueError: Docker Compose refuses the files; with its reason.
    """
    options = [*command, *_list_options(files, folder, env_files)]
    usual = {key: value for key, value in environ.items() if _is_passed_on(key)}

    def run_config(form: str) -> subprocess.CompletedProcess[str]:
        words = [*options, "--profile", "*", "config", "--format", form]
        return subprocess.run(
            words, env=usual, cwd=folder, capture_output=True, text=True, timeout=_ANSWER_WITHIN_S
        )

    try:
        answer = run_config("json")
        if answer.returncode and _NO_JSON in answer.stderr:
            answer = run_config("yaml")
        if answer.returncode:
            raise ValueError(f"docker compose: {_find_reason(answer.stderr)}")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"docker compose did not answer: {error}") from None
    try:
        model = _undouble_dollars(parse_large_document(answer.stdout.encode()))
    except ValueError as error:
        raise ValueError(f"docker compose did not answer: it {error}") from None
    if not isinstance(model, dict):
        raise ValueError("docker compose did not answer with a mapping")
    return model


def _is_passed_on(variable: str) -> bool:
    """Return False for variables of the caller by which Docker Compose would choose other files."""
    return not variable.startswith("COMPOSE_") or variable == "COMPOSE_PROJECT_NAME"


def _list_options(files: Sequence[Path], folder: Path, env_files: Sequence[Path] | None) -> list[str]:
    """Return the options that say which files are read."""
    options = [option for file in files for option in ("--file", str(file))]
    options += ["--project-directory", str(folder)]
    if env_files is not None:
        options += [
            option for file in env_files or [Path(os.devnull)] for option in ("--env-file", str(file))
        ]
    return options


def _find_reason(output: str) -> str:
    """Return what Docker Compose says of a failure, without its warnings, in one line."""
    lines = [line for line in output.splitlines() if "level=warning" not in line]
    return " ".join(" ".join(lines or [output]).split())[-_SHOWN_CHARACTERS:]


def _undouble_dollars(value: Any) -> Any:
    """Return the values as they are meant: `docker compose config` writes every dollar twice."""
    if isinstance(value, dict):
        return {key.replace("$$", "$"): _undouble_dollars(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_undouble_dollars(each) for each in value]
    return value.replace("$$", "$") if isinstance(value, str) else value
