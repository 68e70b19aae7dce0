"""Read compose files where `docker compose` does not answer: references, include, extends, overrides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.plan.compose.canonical import Tree, canonicalize, resolve_path
from harness.plan.compose.env_files import (
    read_dotenv,
    read_env_file,
    read_env_files,
    read_raw_env_file,
)
from harness.plan.compose.interpolation import KeyPath, Variables, interpolate_tree
from harness.plan.compose.override import drop_paths, drop_repetitions, merge_models, merge_services
from harness.plan.compose.schema_check import check_schema
from harness.plan.compose.syntax import is_true, to_list
from harness.plan.compose.yaml_file import read_documents
from harness.plan.yaml.document import shorten_path

_MOST_FILES = 100
_WITHOUT_REPETITIONS = frozenset(
    "annotations cap_add cap_drop configs dns dns_opt dns_search env_file environment expose labels links "
    "ports profiles secrets sysctls tmpfs volumes".split()
)
_IMPORTED = ("services", "volumes", "networks", "secrets", "configs", "models")


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a file's relative paths begin, the values of its references, and the files that led to it."""

    folder: Path
    variables: Variables
    environ: Mapping[str, str]
    trail: tuple[Path, ...] = ()

    @property
    def home(self) -> str:
        return self.environ.get("HOME", "~")


def read_model(files: Sequence[Path], folder: Path, variables: Variables, environ: Mapping[str, str]) -> Tree:
    """Return the content of compose files in the form of `docker compose config`; later files override.

    Relative paths begin at `folder`. `environ` is the caller's own environment.

    Raises:
        ValueError: a file can't be read as a compose file; with the reason and the place.
        InputError: a file can't be read at all.
    """
    model = _read_files(files, _Source(folder, variables, environ))
    check_schema({key: value for key, value in model.items() if key != "include"}, files[0], is_whole=True)
    return model


def _read_files(files: Sequence[Path], source: _Source) -> Tree:
    model: Tree = {}
    for file in files:
        if file in source.trail or len(source.trail) > _MOST_FILES:
            raise ValueError(f"{shorten_path(file)} includes itself")
        inner = _Source(source.folder, source.variables, source.environ, (*source.trail, file))
        for document in read_documents(file):
            tree = _read_document(document.values, file, inner)
            own = canonicalize(tree, source.folder, source.home)
            own["services"] = {name: drop_repetitions(each) for name, each in own["services"].items()}
            own = _add_includes(own, inner, document.replaced)
            own = _apply_extends(own, file, inner, document.replaced)
            model = merge_models(drop_paths(model, document.replaced), own)
    services = model.get("services") or {}
    return {**model, "services": {name: _fill_in_context(services[name], source.folder) for name in services}}


def _fill_in_context(service: Tree, folder: Path) -> Tree:
    """Return a service whose build has a context: the folder, unless one of the files says another one."""
    build = service.get("build")
    if not isinstance(build, dict) or "context" in build:
        return service
    return {**service, "build": {**build, "context": str(folder)}}


def _read_document(values: Any, file: Path, source: _Source) -> Tree:
    if not isinstance(values, dict):
        raise ValueError(f"{shorten_path(file)} is not a compose file: it holds no mapping of keys")
    try:
        tree = interpolate_tree(values, source.variables)
    except ValueError as error:
        raise ValueError(f"{shorten_path(file)}: {error}") from None
    tree = _drop_same_items(tree)
    check_schema(tree, file, is_whole=False)
    assert isinstance(tree, dict)
    return tree


def _drop_same_items(tree: Tree) -> Tree:
    """Return a file's content without items that a list of a service has twice, as Compose reads it."""
    services = tree.get("services")
    if not isinstance(services, dict):
        return tree
    return {**tree, "services": {name: _drop_same_items_of(each) for name, each in services.items()}}


def _drop_same_items_of(service: Any) -> Any:
    if not isinstance(service, dict):
        return service
    return {
        key: [each for number, each in enumerate(value) if each not in value[:number]]
        if isinstance(value, list) and key in _WITHOUT_REPETITIONS
        else value
        for key, value in service.items()
    }


def _add_includes(own: Tree, source: _Source, replaced: Sequence[KeyPath]) -> Tree:
    """Return the content, merged over that of the files that it includes.

    At the paths `replaced` its own value takes the place of theirs; elsewhere both are merged.
    """
    inner_paths = [path for path in replaced if len(path) > 2 and path[1] in (own.get(path[0]) or {})]
    for entry in to_list(own.pop("include", None)):
        include = {"path": entry} if isinstance(entry, str) else entry
        paths = [Path(_resolve_local(each, source)) for each in to_list(include.get("path"))]
        if not paths:
            raise ValueError("an entry of include has no path")
        folder = paths[0].parent
        if "project_directory" in include:
            folder = Path(resolve_path(include["project_directory"], source.folder, source.home))
        variables = source.variables
        if "env_file" in include:
            env_files = [
                Path(resolve_path(each, source.folder, source.home)) for each in to_list(include["env_file"])
            ]
            variables = variables.override_by(read_env_files(env_files, source.environ, variables))
        else:
            variables = variables.override_by(read_dotenv(folder, source.environ, variables))
        model = _read_files(paths, _Source(folder, variables, source.environ, source.trail))
        imported = {key: value for key, value in model.items() if key in _IMPORTED}
        _fill_in_variables(imported.get("services") or {}, variables)
        own = merge_models(drop_paths(imported, inner_paths), own)
    return own


def _fill_in_variables(services: Mapping[str, Tree], variables: Variables) -> None:
    """Give the variables of services that have no value the one that the file's own variables have."""
    for service in services.values():
        environment = service.get("environment") or {}
        missing = [name for name, value in environment.items() if value is None]
        if missing:
            found = {name: variables.look_up(name, in_text=True) for name in missing}
            service["environment"] = {**environment, **found}


def _resolve_local(path: object, source: _Source) -> str:
    text = str(path)
    if "://" in text or text.startswith("git@"):
        raise ValueError(
            f"{text} is not here, and only docker compose can fetch it; install it, or copy the file"
        )
    resolved = resolve_path(text, source.folder, source.home)
    if not Path(resolved).is_file():
        raise ValueError(f"it includes or extends {shorten_path(Path(resolved))}, which is not there")
    return resolved


@dataclass(slots=True)
class _Extender:
    """The services of one file, and those that they extend. At the paths `replaced` they don't extend."""

    services: Tree
    file: Path
    source: _Source
    replaced: Sequence[KeyPath] = ()
    pending: list[str] = field(default_factory=list)

    def extend(self, name: str) -> Tree:
        """Return a service merged with the one that it extends, which may extend another."""
        service = self.services.get(name)
        if not isinstance(service, dict):
            raise ValueError(f"{shorten_path(self.file)}: a service extends {name}, which is not there")
        if "extends" not in service:
            return service
        if name in self.pending:
            raise ValueError(f"{shorten_path(self.file)}: the service {name} extends itself")
        extends = service["extends"]
        base = str(extends["service"])
        self.pending.append(name)
        if "file" in extends and Path(extends["file"]) != self.file:
            extended = self._read_other_file(extends["file"]).extend(base)
        else:
            extended = self.extend(base)
        self.pending.pop()
        inner_paths = [path for path in self.replaced if path[:2] == ("services", name) and len(path) > 2]
        left = drop_paths({"services": {name: extended}}, inner_paths)["services"][name]
        merged = merge_services(left, {key: value for key, value in service.items() if key != "extends"})
        self.services[name] = merged
        return merged

    def _read_other_file(self, path: str) -> "_Extender":
        file = Path(_resolve_local(path, self.source))
        if len(self.source.trail) > _MOST_FILES:
            raise ValueError(f"{shorten_path(file)} extends itself")
        source = _Source(file.parent, self.source.variables, self.source.environ, (*self.source.trail, file))
        services: Tree = {}
        replaced: list[KeyPath] = []
        for document in read_documents(file):
            tree = _read_document(_fill_empty_services(document.values), file, source)
            services = merge_models(services, canonicalize(tree, file.parent, source.home)["services"])
            replaced += document.replaced
        return _Extender(services, file, source, replaced)


def _fill_empty_services(values: Any) -> Any:
    """Return a file's content with a mapping for each empty service: others may extend it."""
    services = values.get("services") if isinstance(values, dict) else None
    if not isinstance(services, dict):
        return values
    return {**values, "services": {name: {} if each is None else each for name, each in services.items()}}


def _apply_extends(own: Tree, file: Path, source: _Source, replaced: Sequence[KeyPath]) -> Tree:
    extender = _Extender(dict(own.get("services") or {}), file, source, replaced)
    return {**own, "services": {name: extender.extend(name) for name in own.get("services") or {}}}


def resolve_environment(service: Tree, variables: Variables) -> tuple[Tree, list[str]]:
    """Return a service with the variables of its env files, and what is wrong with these files.

    A variable without a value takes the caller's, or stays None.
    """
    own = {
        name: variables.look_up(name, in_text=True) if value is None else value
        for name, value in (service.get("environment") or {}).items()
    }
    inner = variables.override_by({name: value for name, value in own.items() if value is not None})
    read: dict[str, str | None] = {}
    faults = []
    for entry in service.get("env_file") or []:
        path = Path(entry["path"])
        if entry.get("format") not in (None, "", "raw"):
            faults.append(f"its env_file {shorten_path(path)} has an unknown format; write raw, or none")
            continue
        try:
            if path.is_file():
                is_raw = entry.get("format") == "raw"
                known = inner.override_by({name: text for name, text in read.items() if text is not None})
                read |= read_raw_env_file(path) if is_raw else read_env_file(path, known)
            elif entry.get("required") is True or is_true(entry.get("required")):
                faults.append(f"its env_file {shorten_path(path)} is not there")
        except (ValueError, OSError) as error:
            faults.append(f"its env_file can't be read: {error}")
    result = {key: value for key, value in service.items() if key != "env_file"}
    if isinstance(service.get("build"), dict) and service["build"].get("args"):
        result["build"] = {
            **service["build"],
            "args": _resolve_arguments(service["build"]["args"], variables),
        }
    return ({**result, "environment": {**read, **own}} if read or own else result), faults


def _resolve_arguments(arguments: Mapping[str, str | None], variables: Variables) -> dict[str, str]:
    """Return build arguments; one without a value takes the caller's, and is left out if that is not set."""
    resolved = {
        name: variables.look_up(name, in_text=False) if value is None else value
        for name, value in arguments.items()
    }
    return {name: value for name, value in resolved.items() if value is not None}
