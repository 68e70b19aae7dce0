"""Merge the service that the key `compose` of a target names into the target's own keys."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from os.path import abspath, exists, isfile
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.model import GIB
from harness.plan.compose.convert import convert_service
from harness.plan.compose.file_choice import FileChoice
from harness.plan.compose.reader import read_compose
from harness.plan.compose.syntax import to_list
from harness.plan.schema.target import ComposeSection
from harness.plan.yaml.document import shorten_path
from harness.plan.yaml.reading import Reading

_USUAL_FILE = "compose.yaml"
_MERGED_SECTIONS = ("environment", "companions", "files", "copies", "contents", "volumes", "limits")
_USUAL_LIMITS = {"cpus": 1.0, "memory": GIB}
"""As in `CompanionSection` of target.yaml."""


def merge_compose(reading: Reading) -> tuple[Reading, tuple[str, ...]]:
    """Return the reading of a target with its compose service merged in, and notes on what is not honoured.

    A target without a compose service is returned unchanged. Faults of the compose file are reported.

    Raises:
        InputError: the compose file can't be read as one; what else is wrong depends on it.
    """
    values = reading.values
    compose = values.get("compose") if isinstance(values, dict) else None
    if not isinstance(compose, dict) or not isinstance(compose.get("service"), str):
        return reading, ()
    choice = _find_named_files(reading, compose)
    if choice is None:
        return reading, ()
    reading.enter("compose").validate(ComposeSection)
    files = choice.list_files(reading.environ)
    own = {key: value for key, value in values.items() if key != "compose"}
    try:
        also = [str(each) for each in to_list(compose.get("also"))]
        model = read_compose(files, reading.environ, choice.env_files)
        service = convert_service(model, compose["service"], reading.environ, own, also)
    except ValueError as error:
        problem = reading.document.build_problem((*reading.at, "compose"), str(error))
        raise InputError([problem]) from None
    shown = shorten_path(files[0])
    for fault in service.faults:
        reading.report(("compose",), fault if fault.startswith(shown) else f"{shown}: {fault}")
    overridden = _override_keys(service.values, own)
    merged: Any = _complete_limits(overridden)
    for key in reversed(reading.at):
        merged = {**reading.document.values, key: merged}
    described = [*service.notes, *_describe_usual_limits(service.values, overridden)]
    notes = tuple(f"{files[0].name}: {note}" for note in described)
    return replace(reading, document=replace(reading.document, values=merged)), notes


def _find_named_files(reading: Reading, compose: Mapping[str, Any]) -> FileChoice | None:
    """Return the compose files that a target names; report those that are not there, and return None then.

    A single file comes with those that Docker Compose reads with it; a list is meant as it is.
    """
    named = compose.get("file")
    paths = _resolve_paths(reading, named or _USUAL_FILE)
    env_files = None if compose.get("env_file") is None else _resolve_paths(reading, compose["env_file"])
    missing = [("file", path) for path in paths if not isfile(path)]
    missing += [("env_file", path) for path in env_files or () if not exists(path)]
    for key, path in missing:
        reading.report(("compose", key), f"no file {shorten_path(path)}")
    return None if missing else FileChoice(paths, isinstance(named, list), env_files)


def _resolve_paths(reading: Reading, named: Any) -> tuple[Path, ...]:
    return tuple(Path(abspath(reading.folder / str(each))) for each in to_list(named))


def _override_keys(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Return the target `base` with the keys of `override` in place of its own.

    Environment, mounts, companions and limits are merged key by key; any other section is replaced as a
    whole, except that a `ready` without `within` keeps that of the base. An image takes the place of a build,
    and a build that of an image.
    """
    merged = {**base, **override}
    for key in _MERGED_SECTIONS:
        if isinstance(base.get(key), dict) and isinstance(override.get(key), dict):
            values = override[key]
            if key == "companions":
                values = {
                    name: _override_keys(base[key].get(name, {}), each) if isinstance(each, dict) else each
                    for name, each in values.items()
                }
            merged[key] = {**base[key], **values}
    if isinstance(override.get("ready"), dict) and "within" in (base.get("ready") or {}):
        merged["ready"] = {"within": base["ready"]["within"], **override["ready"]}
    if "image" in override:
        merged.pop("build", None)
    if "build" in override:
        merged.pop("image", None)
    return merged


def _describe_usual_limits(of_file: Mapping[str, Any], target: Mapping[str, Any]) -> Iterator[str]:
    """Yield notes on the companions of the file that get a limit which neither it nor target.yaml gives."""
    companions = _get_mapping(target, "companions")
    given = {
        name: _get_mapping(companions.get(name), "limits") for name in _get_mapping(of_file, "companions")
    }
    for key, text in (("cpus", "1 CPU"), ("memory", "1 GiB of memory")):
        if names := [name for name, limits in given.items() if key not in limits]:
            yield f"limited to {text}, because the file gives them no limit: {', '.join(names)}"


def _get_mapping(values: Any, key: str) -> Mapping[str, Any]:
    """Return the mapping at a key; an empty one if there is none."""
    value = values.get(key) if isinstance(values, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _complete_limits(target: dict[str, Any]) -> dict[str, Any]:
    """Return the target with the usual CPU or memory for each companion of which only the other is given."""
    companions = target.get("companions")
    if not isinstance(companions, dict):
        return target
    complete = {
        name: {**each, "limits": {**_USUAL_LIMITS, **each["limits"]}}
        if isinstance(each, dict) and isinstance(each.get("limits"), dict)
        else each
        for name, each in companions.items()
    }
    return {**target, "companions": complete}
