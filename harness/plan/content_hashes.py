"""Content hashes: what a resumed campaign must find unchanged, and what two compared campaigns may differ in.

Paths enter only relative to the folder they belong to, so that a moved repository keeps its hashes.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.model import BuildSource, Cell, Plan, Target
from harness.plan.source_files import context_files, scenario_files
from harness.plan.stored_plan import to_stored, to_stored_target


def content_hashes(plan: Plan) -> Mapping[str, str]:
    """SHA-256 digests of `matrix` (as resolved: comments and notation don't count), `scenario`, `target`.

    Raises:
        ValueError: the build context is too large to read at each start.
        OSError: a file of it can't be read.
    """
    return {
        "matrix": digest_of_values(matrix_values(plan)),
        "scenario": digest_of_scenario(plan),
        "target": digest_of_target(plan.target),
    }


def matrix_values(plan: Plan) -> dict[str, Any]:
    """All that the matrix decides besides target and scenario."""
    balancer, stored = plan.target.balancer, to_stored(plan)
    return ({"balancer": asdict(balancer)} if balancer is not None else {}) | {
        "cells": [cell_values(cell) for cell in plan.cells],
        "slos": [asdict(slo) for slo in stored.slos],
        "users_limit": plan.users_limit,
        "users_required": plan.users_required,
        "spawn_rate": plan.spawn_rate,
        "timing": asdict(stored.timing),
        "search": asdict(stored.search),
    }


def cell_values(cell: Cell) -> dict[str, Any]:
    """A single container is what there was before there were replicas: it hashes as it did then."""
    values = asdict(cell)
    if cell.limits.replicas == 1:
        del values["limits"]["replicas"]
    return values


def digest_of_scenario(plan: Plan) -> str:
    """Of contents: the locustfiles with what they import, and which packages were asked for."""
    scenario = plan.scenario
    values = asdict(replace(scenario, locustfiles=(), requirements=None))
    folder = Path(os.path.commonpath([file.parent for file in scenario.locustfiles]))
    packages = digest_of_file(scenario.requirements) if scenario.requirements else ""
    return digest_of_values([values, packages, digest_of_files(scenario_files(scenario.locustfiles), folder)])


def digest_of_target(target: Target) -> str:
    """Of what it is made of: contents instead of paths, companions with it."""
    values = asdict(to_stored_target(replace(target, files={}, companions=())))
    del values["balancer"]  # the matrix's
    parts: list[Any] = [values]
    if isinstance(target.source, BuildSource):
        del values["build"]["context"]
        context = target.source.context
        parts.append(digest_of_files(context_files(context), context))
    parts += [[inside, digest_of_mount(path)] for inside, path in sorted(target.files.items())]
    for companion in target.companions:
        seed, size = companion.seed, companion.limits
        limits = {"cpu_cores": size.cpu_cores, "memory_bytes": size.memory_bytes}
        parts.append([digest_of_target(companion.service), limits, seed])
    return digest_of_values(parts)


def digest_of_mount(path: Path) -> str:
    """A file, or all files of a folder."""
    return digest_of_files(context_files(path), path) if path.is_dir() else digest_of_file(path)


def digest_of_values(values: Any) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_files(files: Iterable[Path], folder: Path) -> str:
    """One digest over names and contents, whatever order the files come in."""
    entries = sorted((os.path.relpath(file, folder), digest_of_file(file)) for file in files)
    return digest_of_values(entries)


def digest_of_file(file: Path) -> str:
    """Of a symbolic link: where it points to, as Docker would copy it."""
    if file.is_symlink():
        return hashlib.sha256(b"link " + os.fsencode(os.readlink(file))).hexdigest()
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
