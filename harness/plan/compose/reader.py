"""Read compose files, with `docker compose` where it answers and else with our own reader.

Values of the caller's environment are secrets: where only a container's environment sees them, they stay
references.
"""

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.plan.compose.canonical import canonicalize_hosts, resolve_path
from harness.plan.compose.env_files import read_env_files
from harness.plan.compose.file_choice import list_chosen_files, list_env_files
from harness.plan.compose.interpolation import References, Variables, substitute
from harness.plan.compose.names import list_shared_namespaces
from harness.plan.compose.official_reader import find_docker_compose, read_model_officially
from harness.plan.compose.own_reader import read_model, resolve_environment
from harness.plan.yaml.document import read_text, shorten_path

_OF_DOCKER = frozenset("PATH HOME USER PWD SHELL LANG TMPDIR XDG_RUNTIME_DIR XDG_CONFIG_HOME".split())
"""Variables that Docker's own programs need; their values are no secrets."""
_MOST_NAMES = 5
_PROJECT_NAME = re.compile(r"""^name:[ \t]*(?P<quote>["']?)(?P<name>[^"'#\s]+)(?P=quote)\s""", re.MULTILINE)
_MARKED = re.compile(r"__reference_to_(\w+?)_ends__")


@dataclass(slots=True)
class ComposeModel:
    """The content of compose files in the form of `docker compose config`, notes, and faults by service.

    `folder` is the project's: relative paths begin there. `dotenv` are the variables of its `.env` file,
    `project` is the name by which Compose begins those of containers, and `profiles` are switched on.
    """

    values: dict[str, Any]
    folder: Path
    dotenv: Mapping[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)
    project: str = ""
    profiles: frozenset[str] = frozenset()

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        return self.values.get("services") or {}


def read_compose(
    files: Sequence[Path], environ: Mapping[str, str], env_files: Sequence[Path] | None = None
) -> ComposeModel:
    """Return the content of compose files; each overrides those before it.

    `env_files` have the values of their variables; None is what Docker Compose takes by itself.

    Raises:
        ValueError: they can't be read as compose files; with the reason and the place.
        InputError: one of them can't be read at all.
    """
    references, folder = References(), files[0].parent
    known = list_env_files(folder, environ) if env_files is None else env_files
    try:
        model = _read_with_either(files, {**environ, "PWD": str(folder)}, known, references)
    except ValueError as error:
        unset = ", ".join(list(references.unset)[:_MOST_NAMES])
        hint = f"; without a value are {unset}: write them into {shorten_path(files[0].parent / '.env')}"
        raise ValueError(f"{error}{hint if unset else ''}") from None
    switched_on = environ.get("COMPOSE_PROFILES", model.dotenv.get("COMPOSE_PROFILES", ""))
    model.profiles = frozenset(each.strip() for each in switched_on.split(",") if each.strip())
    model.notes += [f"{name} is not set, and counts as empty" for name in references.unset]
    if "PWD" in references.in_texts | references.elsewhere and environ.get("PWD") != str(folder):
        model.notes.append(f"$PWD is taken as its folder {shorten_path(folder)}, where it is usually started")
    model.notes += [f"{shorten_path(file)} is read with it" for file in files[1:]]
    chosen = list_chosen_files(folder, environ) if env_files is None else []
    if chosen and files[0] not in chosen:
        shown = ", ".join(map(shorten_path, chosen))
        model.notes.append(f"COMPOSE_FILE is {shown}, and is not followed; name these files in compose.file")
    return model


def _read_with_either(
    files: Sequence[Path], environ: Mapping[str, str], env_files: Sequence[Path], references: References
) -> ComposeModel:
    """Read the files with `docker compose` if it answers, else with our own reader; fill in `references`."""
    folder = files[0].parent
    failure: Exception | None = None
    try:
        model = _read_own(files, env_files, environ, environ, references)
    except ValueError as error:
        model, failure = ComposeModel({}, folder), error
        with contextlib.suppress(ValueError):
            model.dotenv = read_env_files(env_files, environ, Variables(environ))
    marked = environ if failure else _mark_references(environ, references)
    if command := find_docker_compose(environ):
        is_usual = list(env_files) == list_env_files(folder, {})
        answer = read_model_officially(command, files, folder, marked, None if is_usual else env_files)
        values = _adapt(answer, folder)
        model = ComposeModel(values, folder, model.dotenv, project=str(values.get("name") or model.project))
        if failure:
            model.notes.append(
                "values of your environment that it refers to are stored in the plan as they are"
            )
    elif failure:
        raise failure
    elif marked != environ:
        model = _read_own(files, env_files, marked, environ, References())
    return model


def _read_own(
    files: Sequence[Path],
    env_files: Sequence[Path],
    values: Mapping[str, str],
    environ: Mapping[str, str],
    references: References,
) -> ComposeModel:
    """Read the files with our own reader; `values` are those of the references to `environ`."""
    folder, variables = files[0].parent, Variables(values, references)
    dotenv = read_env_files(env_files, environ, variables)
    variables = variables.override_by(dotenv)
    project = environ.get("COMPOSE_PROJECT_NAME") or dotenv.get("COMPOSE_PROJECT_NAME") or ""
    if project != _to_project_name(project):
        raise ValueError(
            f"COMPOSE_PROJECT_NAME is {project[:60]}; write lower-case letters, digits, - and _, after a "
            "letter or a digit"
        )
    project = project or _to_project_name(_find_project_name(files, variables) or folder.name)
    variables = variables.override_by({"COMPOSE_PROJECT_NAME": project})
    model = ComposeModel(read_model(files, folder, variables, environ), folder, dotenv, project=project)
    for name, service in model.services.items():
        model.values["services"][name], faults = resolve_environment(service, variables)
        model.faults[name] = faults
    return model


def _find_project_name(files: Sequence[Path], variables: Variables) -> str:
    """Return the name that the last of the files gives the project, or an empty text."""
    names = [_PROJECT_NAME.search(read_text(file)) for file in files]
    given = [match["name"] for match in names if match]
    return substitute(given[-1], variables) if given else ""


def _to_project_name(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "", text.lower()).lstrip("_-")


def _mark_references(environ: Mapping[str, str], references: References) -> dict[str, str]:
    """Return the environment, with a mark in place of each value that only containers' environments see."""
    names = references.in_texts - references.elsewhere - _OF_DOCKER
    return {
        name: f"__reference_to_{name}_ends__"
        if name in names and value and not name.startswith(("DOCKER_", "COMPOSE_"))
        else value
        for name, value in environ.items()
    }


def to_reference_text(text: str) -> str:
    """Return a text as target.yaml has it: marks become `${NAME}`, and a plain `${` becomes `$${`."""
    return _MARKED.sub(lambda mark: f"${{{mark[1]}}}", text.replace("${", "$${"))


def _adapt(model: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what `docker compose config` says, in whatever version, in the forms of our own reader."""
    for service in (model.get("services") or {}).values():
        build = service.get("build") or {}
        for name, place in (build.get("additional_contexts") or {}).items():
            if str(place).startswith(f"{folder}/service:"):  # versions that take a service for a folder
                build["additional_contexts"][name] = str(place).removeprefix(f"{folder}/")
        for section in (service, build):
            if section.get("extra_hosts"):
                section["extra_hosts"] = canonicalize_hosts(section["extra_hosts"])
        if isinstance(build.get("ssh"), list):
            build["ssh"] = [str(each).replace(": ", "=", 1) for each in build["ssh"]]
        if (service.get("networks") or {}) == {"default": None}:
            del service["networks"]
        for mount in service.get("volumes") or []:
            if "target" in mount:
                mount["target"] = os.path.normpath(mount["target"])
        _drop_implied_restarts(service)
    for volume in (model.get("volumes") or {}).values():
        options = (volume or {}).get("driver_opts") or {}
        if str(options.get("device", "")).startswith("."):
            options["device"] = resolve_path(options["device"], folder, "~")
    return model


def _drop_implied_restarts(service: dict[str, Any]) -> None:
    """Drop `restart` of the dependencies that Docker Compose adds for links and shared namespaces."""
    links = [str(link).partition(":")[0] for link in service.get("links") or []]
    implied = [*links, *list_shared_namespaces(service)]
    for name, condition in (service.get("depends_on") or {}).items():
        if name in implied:
            condition.pop("restart", None)
