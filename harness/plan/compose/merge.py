"""Merge the service that the key `compose` of a target names into the target's own keys."""

from collections.abc import Mapping
from dataclasses import replace
from os.path import abspath, isfile
from pathlib import Path
from typing import Any

from harness.plan.compose.convert import ComposeTarget, convert_service
from harness.plan.yaml.document import read_any_yaml, shorten_path
from harness.plan.yaml.reading import Reading


def merge_compose(reading: Reading) -> tuple[Reading, tuple[str, ...]]:
    """Return the reading of a target with its compose service merged in, and notes on what is not honoured.

    A target without a compose service is returned unchanged. Faults of the compose file are reported.

    Raises:
        InputError: the compose file can't be read, or is not YAML.
    """
    values = reading.values
    compose = values.get("compose") if isinstance(values, dict) else None
    if not isinstance(compose, dict) or not isinstance(compose.get("service"), str):
        return reading, ()
    path = Path(abspath(reading.folder / str(compose.get("file", "compose.yaml"))))
    if not isfile(path):
        reading.report(("compose", "file"), f"no file {shorten_path(path)}")
        return reading, ()
    try:
        service = convert_service(read_any_yaml(path), compose["service"], path.parent, reading.environ)
    except (ValueError, TypeError, AttributeError) as error:
        service = ComposeTarget(faults=[f"can't be read as a compose file: {error}"])
    for fault in service.faults:
        reading.report(("compose",), f"{shorten_path(path)}: {fault}")
    merged: Any = _override_keys(
        service.values, {key: value for key, value in values.items() if key != "compose"}
    )
    for key in reversed(reading.at):
        merged = {**reading.document.values, key: merged}
    notes = tuple(f"{path.name}: {note}" for note in service.notes)
    return replace(reading, document=replace(reading.document, values=merged)), notes


def _override_keys(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Return the target `base` with the keys of `override` in place of its own.

    `environment`, `companions` and `files` are merged key by key; any other section is replaced as a whole.
    An image takes the place of a build, and a build that of an image.
    """
    merged = {**base, **override}
    for key in ("environment", "companions", "files"):
        if isinstance(base.get(key), dict) and isinstance(override.get(key), dict):
            values = override[key]
            if key == "companions":
                values = {
                    name: _override_keys(base[key].get(name, {}), each) for name, each in values.items()
                }
            merged[key] = {**base[key], **values}
    if "image" in override:
        merged.pop("build", None)
    if "build" in override:
        merged.pop("image", None)
    return merged
