"""Hash what a resumed campaign must find unchanged, and what decides if an image is built again.

Only relative paths are hashed, so that a moved repository keeps its hashes.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.model import BuildSource, Cell, ContainerOptions, Plan, Target
from harness.plan.dockerignore import list_build_context
from harness.plan.source_files import find_context_files, find_scenario_files
from harness.plan.stored_plan import to_stored, to_stored_target

_FIRST_KEYS = ("dockerfile", "args")
"""The keys of a build that version 0.1 had, besides its context."""


def hash_contents(plan: Plan) -> Mapping[str, str]:
    """Return the SHA-256 digests of a plan's contents by `matrix`, `scenario` and `target`.

    The digest of the matrix is that of its values, whatever its comments and its notation. Two campaigns with
    equal digests measure the same.

    Raises:
        ValueError: a build context, or a folder to mount, is too large to read whenever a campaign starts.
        OSError: one of the files can't be read.
    """
    return {
        "matrix": _hash_values(_collect_matrix_values(plan)),
        "scenario": _hash_scenario(plan),
        "target": _hash_target(plan.target),
    }


def hash_build(build: BuildSource, base_digests: Iterable[str]) -> str:
    """Return the SHA-256 digest of all that a build depends on.

    These are the files that the engine is sent with their modes, the Dockerfile's name, the arguments, the
    digests of the base images, and the other keys of the build that are given.
    """
    digest = hashlib.sha256()
    arguments = [f"{key}={value}" for key, value in sorted(build.args.items())]
    others = {key: value for key, value in _collect_build_values(build).items() if key not in _FIRST_KEYS}
    if not is_in_context(build):
        others["text"] = read_build_file(build)
    later = [json.dumps(others, sort_keys=True, default=str)] if others else []
    for part in (build.dockerfile, *arguments, *base_digests, *later):
        digest.update(part.encode() + b"\0")
    for name in list_build_context(build.context, build.dockerfile):
        digest.update(name.encode() + b"\0" + _hash_entry(build.context / name))
    for name, folder in sorted(build.folders.items()):
        digest.update(f"{name}={_hash_mount(folder)}".encode() + b"\0")
    for name, base in sorted(build.bases.items()):
        digest.update(f"{name}={hash_build(base, ())}".encode() + b"\0")
    return digest.hexdigest()


def is_in_context(build: BuildSource) -> bool:
    """Return True if the Dockerfile is a file within the context, so that it is sent with it."""
    path = os.path.normpath(build.context / build.dockerfile)
    return build.dockerfile_inline is None and Path(path).is_relative_to(os.path.normpath(build.context))


def read_build_file(build: BuildSource) -> str:
    """Return the text of the Dockerfile. Raises OSError or UnicodeDecodeError if it can't be read."""
    if build.dockerfile_inline is not None:
        return build.dockerfile_inline
    return (build.context / build.dockerfile).read_text(encoding="utf-8")


def _hash_entry(path: Path) -> bytes:
    """Hash the mode of a file, link or folder, with a file's content or the path that a link points to."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        content = str(path.readlink()).encode()
    elif stat.S_ISREG(mode):
        content = path.read_bytes()
    else:
        content = b""
    return hashlib.sha256(f"{mode:o}\0".encode() + content).digest()


def _collect_matrix_values(plan: Plan) -> dict[str, Any]:
    """Return all that the matrix decides besides target and scenario."""
    balancer, stored = plan.target.balancer, to_stored(plan)
    return ({"balancer": _drop_variant(asdict(balancer))} if balancer is not None else {}) | {
        "cells": [_collect_cell_values(cell) for cell in plan.cells],
        "slos": [asdict(slo) for slo in stored.slos],
        "users_limit": plan.users_limit,
        "users_required": plan.users_required,
        "spawn_rate": plan.spawn_rate,
        "timing": asdict(stored.timing),
        "search": asdict(stored.search),
    }


def _collect_cell_values(cell: Cell) -> dict[str, Any]:
    """Return a cell's values, without the number of replicas if it is one, and without a variant if none."""
    values = _drop_variant(asdict(cell))
    if cell.limits.replicas == 1:
        del values["limits"]["replicas"]
    if cell.variant is None:
        del values["variant"]
    return values


def _drop_variant(values: dict[str, Any]) -> dict[str, Any]:
    """Remove the variant of the limits in the values if there is none, and return the values."""
    if values["limits"]["variant"] is None:
        del values["limits"]["variant"]
    return values


def _hash_scenario(plan: Plan) -> str:
    """Hash the scenario's options, its requirements, and its locustfiles with the files that they use."""
    scenario = plan.scenario
    values = asdict(replace(scenario, locustfiles=(), requirements=None, folder=None))
    common = Path(os.path.commonpath([file.parent for file in scenario.locustfiles]))
    values["folder"] = os.path.relpath(scenario.folder, common) if scenario.folder else None
    for key in ("folder", "base"):  # plans of older harnesses lack them, and keep their hashes
        if values[key] is None:
            del values[key]
    packages = _hash_file(scenario.requirements) if scenario.requirements else ""
    files = find_scenario_files(scenario)
    return _hash_values([values, packages, _hash_files(files, common)])


def _hash_target(target: Target) -> str:
    """Hash a target and its companions, with the contents of their files instead of the paths."""
    values = asdict(to_stored_target(replace(target, files={}, companions=(), options=ContainerOptions())))
    del values["balancer"]  # it is hashed with the matrix
    del values["options"]
    values["ready"] = _drop_false(values["ready"], "started", "completed")
    parts: list[Any] = [values, *_collect_options(target.options)]
    if isinstance(target.source, BuildSource):
        values["build"] = _collect_build_values(target.source)
        parts += _collect_build_files(target.source)
    parts += [[inside, _hash_mount(path)] for inside, path in sorted(target.files.items())]
    for companion in target.companions:
        limits = {
            "cpu_cores": companion.limits.cpu_cores,
            "memory_bytes": companion.limits.memory_bytes,
        }
        parts.append([_hash_target(companion.service), limits, companion.seed])
    return _hash_values(parts)


def _drop_false(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Return the values without those of the keys that are false: older campaigns don't have them."""
    return {key: value for key, value in values.items() if value or key not in keys}


def _collect_options(options: ContainerOptions) -> list[Any]:
    """Return the options that are not left at their defaults, with the contents of what is copied.

    Without any the list is empty, so that a target without options has the hash that it had before there
    were any.
    """
    defaults = asdict(ContainerOptions())
    values = asdict(replace(options, copies={}))
    parts: list[Any] = [
        [inside, _hash_mount(copy.path), copy.mode, copy.uid, copy.gid]
        for inside, copy in sorted(options.copies.items())
    ]
    changed = {key: value for key, value in values.items() if value != defaults[key]}
    return [*parts, changed] if changed else parts


def _collect_build_values(build: BuildSource) -> dict[str, Any]:
    """Return what decides about a build besides its files. Later keys count only if they are given.

    Of a secret its name counts, and the variable that it is in, but neither its value nor its file.
    """
    values = asdict(replace(build, secrets={}, folders={}, bases={}))
    values["secrets"] = {
        name: {"file": None, "environment": secret.environment} for name, secret in build.secrets.items()
    }
    defaults = asdict(BuildSource(build.context))
    return {
        key: value
        for key, value in values.items()
        if key in _FIRST_KEYS or (key != "context" and value != defaults[key])
    }


def _collect_build_files(build: BuildSource) -> list[Any]:
    """Return the digests of the files that a build reads, and what the images are built from beneath it."""
    files = find_context_files(build.context, build.dockerfile)
    return [
        _hash_files(files, build.context),
        *([name, _hash_mount(path)] for name, path in sorted(build.folders.items())),
        *(
            [name, _collect_build_values(base), *_collect_build_files(base)]
            for name, base in sorted(build.bases.items())
        ),
    ]


def _hash_mount(path: Path) -> str:
    """Hash a file, or all files of a folder; a path that does not exist is an empty folder."""
    if not path.exists():
        return _hash_files((), path)
    return _hash_files(find_context_files(path), path) if path.is_dir() else _hash_file(path)


def _hash_values(values: Any) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _hash_files(files: Iterable[Path], folder: Path) -> str:
    """Hash names and contents; the order of the files does not count."""
    return _hash_values(sorted((os.path.relpath(file, folder), _hash_file(file)) for file in files))


def _hash_file(file: Path) -> str:
    """Hash a file's content, or the path that a symbolic link points to: Docker copies the link itself."""
    if file.is_symlink():
        return hashlib.sha256(b"link " + os.fsencode(os.readlink(file))).hexdigest()
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
