"""Choose the compose files that are read, as `docker compose up` does in their folder.

Docker Compose knows some variables itself, from the environment or from `.env`. Those that choose files are
COMPOSE_FILE, COMPOSE_PATH_SEPARATOR, COMPOSE_ENV_FILES and COMPOSE_DISABLE_ENV_FILE:
https://docs.docker.com/compose/how-tos/environment-variables/envvars/.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.plan.compose.env_files import read_env_files
from harness.plan.compose.interpolation import Variables
from harness.plan.yaml.document import shorten_path

USUAL_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDE_NAMES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)


@dataclass(frozen=True, slots=True)
class FileChoice:
    """Compose files that someone names; each overrides those before it.

    `is_complete`: no other file is read. Else there is one, which comes with those that belong to it.
    `env_files` have the values of their variables; None is what Docker Compose takes by itself.
    """

    paths: tuple[Path, ...]
    is_complete: bool = False
    env_files: tuple[Path, ...] | None = None

    def list_files(self, environ: Mapping[str, str]) -> list[Path]:
        """Return all files that are read."""
        return list(self.paths) if self.is_complete else find_files(self.paths[0], environ, self.env_files)


def find_files(file: Path, environ: Mapping[str, str], env_files: Sequence[Path] | None = None) -> list[Path]:
    """Return a compose file with those that `docker compose` reads with it by itself.

    They are those of COMPOSE_FILE if the file is one of them. Else it is the one that overrides it.
    """
    if file.name not in USUAL_NAMES:
        return [file]
    chosen = list_chosen_files(file.parent, environ, env_files)
    if Path(os.path.abspath(file)) in chosen:
        return chosen
    others = [file.parent / name for name in _OVERRIDE_NAMES]
    return [file, *[other for other in others if other.is_file()][:1]]


def choose_files(folder: Path, environ: Mapping[str, str]) -> FileChoice | None:
    """Return the compose files that `docker compose` reads in a folder; None if there are none.

    Raises:
        ValueError: COMPOSE_FILE names a file that is not there.
    """
    env_files = list_env_files(folder, environ)
    chosen = list_chosen_files(folder, environ)
    for path in chosen:
        if not os.path.isfile(path):
            raise ValueError(f"COMPOSE_FILE names {shorten_path(path)}, which is not there")
    usual = [folder / name for name in USUAL_NAMES if (folder / name).is_file()]
    paths = tuple(chosen or usual[:1])
    if not paths:
        return None
    if not _is_told(environ):
        beside = list_env_files(paths[0].parent, environ)
        env_files = beside + [each for each in env_files if each not in beside]
        if env_files == beside:
            return FileChoice(paths, bool(chosen))
    return FileChoice(paths, bool(chosen), tuple(env_files))


def list_chosen_files(
    folder: Path, environ: Mapping[str, str], env_files: Sequence[Path] | None = None
) -> list[Path]:
    """Return the files of COMPOSE_FILE, which are named from the folder on; none if it is not set.

    An `.env` that can't be read counts as empty here: who reads the compose files says what is wrong in it.
    """
    if env_files is None:
        env_files = list_env_files(folder, environ)
    values = dict(environ)
    with contextlib.suppress(ValueError):
        values |= read_env_files(env_files, environ, Variables(environ))
    separator = values.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
    names = values.get("COMPOSE_FILE", "").split(separator)
    return [Path(os.path.abspath(folder / name.strip())) for name in names if name.strip()]


def list_env_files(folder: Path, environ: Mapping[str, str]) -> list[Path]:
    """Return the files with the values of variables: those of COMPOSE_ENV_FILES, or `.env` if it is there."""
    if names := environ.get("COMPOSE_ENV_FILES"):
        return [Path(os.path.abspath(folder / name.strip())) for name in names.split(",") if name.strip()]
    path = folder / ".env"
    is_read = not _is_off(environ) and path.is_file()
    return [path] if is_read else []


def _is_told(environ: Mapping[str, str]) -> bool:
    """Return True if the environment says which files have the values of variables."""
    return bool(environ.get("COMPOSE_ENV_FILES")) or _is_off(environ)


def _is_off(environ: Mapping[str, str]) -> bool:
    return environ.get("COMPOSE_DISABLE_ENV_FILE", "").lower() in ("1", "t", "true")
