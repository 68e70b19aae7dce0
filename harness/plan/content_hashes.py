"""Hash contents: what a resumed campaign must find unchanged, and what decides if an image is built again.

Paths count only relative to the folder they belong to, so that a moved repository keeps its hashes.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.model import BuildSource, Cell, Plan, Target
from harness.plan.dockerignore import list_build_context
from harness.plan.source_files import find_context_files, find_scenario_files
from harness.plan.stored_plan import to_stored, to_stored_target


def hash_contents(plan: Plan) -> Mapping[str, str]:
    """Return the SHA-256 digests of a plan's contents by `matrix`, `scenario` and `target`.

    The matrix counts by its meaning, without comments and notation. Two campaigns with equal digests measure
    the same.

    Raises:
        ValueError: the build context is too large to read at each start.
        OSError: one of the files can't be read.
    """
    return {
        "matrix": _hash_values(_collect_matrix_values(plan)),
        "scenario": _hash_scenario(plan),
        "target": _hash_target(plan.target),
    }


def hash_build(build: BuildSource, base_digests: Iterable[str]) -> str:
    """Return the SHA-256 digest of all that a build depends on.

    These are the files that the engine is sent with their modes, the Dockerfile's name, the arguments and the
    digests of the base images.
    """
    digest = hashlib.sha256()
    arguments = [f"{key}={value}" for key, value in sorted(build.args.items())]
    for part in (build.dockerfile, *arguments, *base_digests):
        digest.update(part.encode() + b"\0")
    for name in list_build_context(build.context, build.dockerfile):
        digest.update(name.encode() + b"\0" + _hash_entry(build.context / name))
    return digest.hexdigest()


def _hash_entry(path: Path) -> bytes:
    """Hash the mode of a file, link or folder, and what a file holds or a link points to."""
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
    return ({"balancer": asdict(balancer)} if balancer is not None else {}) | {
        "cells": [_collect_cell_values(cell) for cell in plan.cells],
        "slos": [asdict(slo) for slo in stored.slos],
        "users_limit": plan.users_limit,
        "users_required": plan.users_required,
        "spawn_rate": plan.spawn_rate,
        "timing": asdict(stored.timing),
        "search": asdict(stored.search),
    }


def _collect_cell_values(cell: Cell) -> dict[str, Any]:
    """Return a cell's values, without the number of replicas if it is one."""
    values = asdict(cell)
    if cell.limits.replicas == 1:
        del values["limits"]["replicas"]
    return values


def _hash_scenario(plan: Plan) -> str:
    """Hash the contents of the locustfiles and of what they import, and the packages that they require."""
    scenario = plan.scenario
    values = asdict(replace(scenario, locustfiles=(), requirements=None))
    folder = Path(os.path.commonpath([file.parent for file in scenario.locustfiles]))
    packages = _hash_file(scenario.requirements) if scenario.requirements else ""
    return _hash_values([values, packages, _hash_files(find_scenario_files(scenario.locustfiles), folder)])


def _hash_target(target: Target) -> str:
    """Hash what a target and its companions are made of: contents instead of paths."""
    values = asdict(to_stored_target(replace(target, files={}, companions=())))
    del values["balancer"]  # it is hashed with the matrix
    parts: list[Any] = [values]
    if isinstance(target.source, BuildSource):
        del values["build"]["context"]
        context = target.source.context
        parts.append(_hash_files(find_context_files(context), context))
    parts += [[inside, _hash_mount(path)] for inside, path in sorted(target.files.items())]
    for companion in target.companions:
        seed, size = companion.seed, companion.limits
        limits = {"cpu_cores": size.cpu_cores, "memory_bytes": size.memory_bytes}
        parts.append([_hash_target(companion.service), limits, seed])
    return _hash_values(parts)


def _hash_mount(path: Path) -> str:
    """Hash a file, or all files of a folder."""
    return _hash_files(find_context_files(path), path) if path.is_dir() else _hash_file(path)


def _hash_values(values: Any) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _hash_files(files: Iterable[Path], folder: Path) -> str:
    """Hash names and contents; the order of the files does not count."""
    return _hash_values(sorted((os.path.relpath(file, folder), _hash_file(file)) for file in files))


def _hash_file(file: Path) -> str:
    """Hash a file's content; of a symbolic link where it points to, since Docker copies the link."""
    if file.is_symlink():
        return hashlib.sha256(b"link " + os.fsencode(os.readlink(file))).hexdigest()
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
